import { fail } from "node:assert/strict";
import { connectors } from "../../../../../connectors/registry.ts";
import type { LogLevel } from "../../../../../contract/log.ts";
import type { TableColumns } from "../../../../../engine/runs/telemetry/lineage/schema_facets.ts";
import type { PipelineLineage } from "../../../../../contract/lineage/lineage.ts";
import { readTelemetrySettings } from "../../../../../engine/runs/telemetry/settings.ts";
import { Telemetry } from "../../../../../engine/runs/telemetry/telemetry.ts";
import { FakeClock } from "../../../../support/fake_clock.ts";
import * as v from "valibot";
import { pipelineSchema } from "../../../../../contract/pipeline/pipeline.ts";
import type { Run } from "../../../../../contract/run.ts";
import type { NewRun } from "../../../../../engine/store/ports/runs.ts";
import type { Store } from "../../../../../engine/store/store.ts";
import { claim, lease, newRun, outcome, revision, step, StoreFixture } from "../../store/store_fixture.ts";

export const NOW = Date.parse("2026-03-02T08:00:00Z");
export const RUN = "01KJP4N4J00123456789ABCDEF";
const at = (afterMs: number): string => new Date(NOW + afterMs).toISOString();

const PATIENCE_MS = 120_000;
const SECRETS: Readonly<Record<string, string>> = {
  CRM_URL: "postgres://ada:pass-4712@db.example.com:5433/shop",
};
const column = (name: string, type: string) => ({ name, type, description: null });
const COLUMNS: TableColumns = new Map([
  ["raw.orders", [column("id", "BIGINT"), column("who", "VARCHAR")]],
  ["main.daily", [{ ...column("n", "BIGINT"), description: "how many" }]],
]);

const LINEAGE: PipelineLineage = {
  tables: [{
    id: "main.daily",
    kind: "model",
    name: "daily",
    columns: [{
      name: "n",
      type: "BIGINT",
      sources: [{ table: "raw.orders", column: "who", way: "aggregated", hidden: true }],
      influences: [{ table: "raw.orders", column: "id", influences: ["window"] }],
    }],
    influences: [{ table: "raw.orders", column: "id", influences: ["filter", "group"] }],
    reads: ["raw.orders"],
  }],
};

/** Telemetry of a store as one server has it, with a clock of its own. */
export class Telling implements AsyncDisposable {
  readonly clock = new FakeClock(NOW + 60_000);
  readonly logged: string[] = [];
  readonly store: Store;
  readonly telemetry: Telemetry;

  private constructor(store: Store, variables: Readonly<Record<string, string>>) {
    this.store = store;
    this.telemetry = new Telemetry({
      store,
      clock: this.clock,
      connectors,
      references: { env: () => undefined, secrets: { get: (name) => Promise.resolve(SECRETS[name]) } },
      projectDir: "/srv/shop",
      dataDir: "/srv/shop/.sluice",
      columns: () => Promise.resolve(COLUMNS),
      log: (level: LogLevel, message, fields) =>
        void this.logged.push(`${level} ${message} ${fields?.["error"]}`),
      settings: readTelemetrySettings((name) => variables[name]),
      version: "1.2.3",
    });
  }

  static async begin(store: Store, variables: Readonly<Record<string, string>>): Promise<Telling> {
    const telling = new Telling(store, variables);
    await telling.telemetry.begin({ isServer: true });
    return telling;
  }

  /** Moves time on, half a minute at a time, until it is so. */
  async until(isSo: () => boolean | Promise<boolean>): Promise<void> {
    const deadlineMs = Date.now() + PATIENCE_MS;
    while (!await isSo()) {
      if (Date.now() > deadlineMs) fail(`it is not so: ${this.logged.join("; ")}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
      await this.clock.advance(30_000);
    }
  }

  /** Returns when all that has happened was dealt with. */
  async caughtUp(sink: "traces" | "lineage" = "traces"): Promise<void> {
    this.telemetry.wake();
    await this.until(async () => await this.store.outbox.cursor(sink) === await this.store.outbox.lastSeq());
  }

  async problems(): Promise<string[]> {
    return (await this.store.alerts.open()).map(({ key, kind }) => `${kind}: ${key}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.telemetry.stop();
  }
}

/** A store with one pipeline that reads, models and loads. */
export async function openShop(fixture: StoreFixture): Promise<Store> {
  const store = await fixture.open();
  await store.revisions.save(
    revision({
      id: "rev-shop",
      pipeline: "shop",
      connectors: {
        crm: { type: "postgres", url: "${secret:CRM_URL}" },
        lake: { type: "s3", bucket: "lake", region: "eu-west-1", credentials: "anonymous" },
      },
      definition: v.parse(pipelineSchema, {
        extract: {
          orders: {
            connector: "crm",
            stream: "orders",
            mode: "append",
            update_key: "id",
            rename: { name: "who" },
            mask: { name: "hash" },
          },
        },
        load: { daily: { connector: "lake", path: "daily.parquet" } },
      }),
    }),
    [],
    LINEAGE,
  );
  await store.pipelines.put({ name: "shop", origin: "files", revision: "rev-shop", faults: [] });
  return store;
}

/** A run with an attempt that fails and, unless it is to fail, one that succeeds. */
export async function workRun(
  store: Store,
  id: string,
  end: "succeed" | "fail" = "succeed",
  more: Partial<NewRun> = {},
): Promise<Run> {
  await store.runs.create(newRun(id, { pipeline: "shop", createdAtMs: NOW, ...more }));
  await claim(store, "me", NOW + 1_000);
  const secret = "4711 is no number of a card";
  const error = {
    code: "unavailable",
    reason: "reset",
    message: `row 12: ${secret}`,
    detail: secret,
  } as const;
  const done = { state: "succeeded", duration_ms: 1 } as const;
  const extract = step("extract:orders", {
    ...{ kind: "extract", ...done, rows: 10, size_bytes: 99, started_at: at(1_000), finished_at: at(2_000) },
  });
  const model = step("model:daily", {
    ...{ ...done, rows: 3, started_at: at(2_000), finished_at: at(2_500), sql: "select 1" },
    depends: ["extract:orders"],
  });
  const load = step("load:daily→lake", {
    kind: "load",
    state: "failed",
    error,
    started_at: at(2_500),
    finished_at: at(3_000),
    depends: ["model:daily", "check:daily.not_null"],
  });
  const check = step("check:daily.not_null", { kind: "check", state: "skipped" });
  await store.attempts.putSteps(lease(id), [extract, model, check, load]);
  const failed = { reason: "reset", error, rowsExtracted: 10 };
  if (end === "fail") {
    await store.attempts.finish(lease(id), "fail", outcome({ ...failed, atMs: NOW + 3_000 }));
  } else {
    await store.attempts.requeue(lease(id), NOW + 4_000, outcome({ ...failed, atMs: NOW + 3_000 }));
    await claim(store, "me", NOW + 5_000);
    const again = {
      ...load,
      ...{ attempt: 2, ...done, error: null, rows: 3, inserted: 3 },
      ...{ started_at: at(5_000), finished_at: at(6_000) },
    };
    await store.attempts.putSteps(lease(id, 2), [again]);
    await store.attempts.finish(
      lease(id, 2),
      "succeed",
      outcome({ atMs: NOW + 6_000, rowsExtracted: 10, rowsLoaded: 3, peakRssBytes: 77 }),
    );
  }
  const run = await store.runs.get(id);
  if (run === undefined) throw new Error("the run is gone");
  return run;
}
