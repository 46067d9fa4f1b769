import type { NotifierDefinition } from "../../../../../contract/alerts/notifiers.ts";
import type { PipelineDefinition } from "../../../../../contract/pipeline/pipeline.ts";
import type { ErrorRecord } from "../../../../../contract/errors.ts";
import { AlertReader } from "../../../../../engine/runs/alerts/alert_reader.ts";
import type { Step } from "../../../../../contract/run.ts";
import type { NewRun } from "../../../../../engine/store/ports/runs.ts";
import type { Store } from "../../../../../engine/store/store.ts";
import { FakeClock, settle } from "../../../../support/fake_clock.ts";
import { claim, lease, newRun, outcome, revision, StoreFixture } from "../../store/store_fixture.ts";

/** A store with pipelines that have rules, and who reads what happens to their runs. */
export class AlertsFixture implements AsyncDisposable {
  readonly clock = new FakeClock("2026-03-02T08:00:00Z");
  readonly logged: string[] = [];
  /** What is wrong with the server's disk. */
  lowDisk: string | undefined;
  certificate: string | undefined;
  readonly store: Store;
  readonly #stores: StoreFixture;
  readonly #readers: AlertReader[] = [];
  #runs = 0;
  #revisions = 0;

  private constructor(stores: StoreFixture, store: Store) {
    this.#stores = stores;
    this.store = store;
  }

  static async create(): Promise<AlertsFixture> {
    const stores = new StoreFixture();
    return new AlertsFixture(stores, await stores.open());
  }

  async addPipeline(name: string, change: Partial<PipelineDefinition>): Promise<void> {
    this.#revisions += 1;
    const id = `rev-${name}-${this.#revisions}`;
    const { definition } = revision();
    await this.store.revisions.save(
      revision({ id, pipeline: name, definition: { ...definition, ...change } }),
      [],
    );
    await this.store.pipelines.put({ name, origin: "files", revision: id, faults: [] });
  }

  async addNotifiers(notifiers: Readonly<Record<string, NotifierDefinition>>): Promise<void> {
    await this.store.alerts.putNotifiers(notifiers, new Set());
  }

  /** Another one reads the same store, as another server does. */
  async startReader(): Promise<AlertReader> {
    const { store, clock } = this;
    const log = (_level: string, message: string) => void this.logged.push(message);
    const serverProblem = {
      name: "server",
      lowDisk: () => this.lowDisk,
      certificate: () => this.certificate,
    };
    const reader = new AlertReader({ store, clock, log, onDelivery: () => {}, serverProblem });
    this.#readers.push(reader);
    reader.start();
    await settle();
    return reader;
  }

  /** A run that was asked for now, or as it says. */
  async queue(pipeline: string, change: Partial<NewRun> = {}): Promise<string> {
    this.#runs += 1;
    const id = `01K000000000000000${String(this.#runs).padStart(8, "0")}`;
    const createdAtMs = this.clock.now();
    const { revision = null } = await this.store.pipelines.get(pipeline) ?? {};
    const known = { pipeline, revision: revision ?? "", createdAtMs, windowEndMs: createdAtMs };
    await this.store.runs.create(newRun(id, { ...known, ...change }));
    return id;
  }

  /** Runs a pipeline to its end, and has that read. */
  async run(
    pipeline: string,
    end: { error?: ErrorRecord; warnings?: number; rows?: Readonly<Record<string, number>> } = {},
    change: Partial<NewRun> = {},
  ): Promise<string> {
    await this.clock.jump(1);
    const id = await this.queue(pipeline, change);
    await claim(this.store, "me", this.clock.now(), { pipelines: [pipeline] });
    await this.#putSteps(id, end.rows ?? {});
    const { error = null, warnings = 0 } = end;
    const over = outcome({ atMs: this.clock.now(), error, warnings });
    await this.store.attempts.finish(lease(id), error === null ? "succeed" : "fail", over);
    await this.read();
    return id;
  }

  async fail(pipeline: string, message = "the source is away"): Promise<string> {
    return await this.run(pipeline, { error: { code: "unavailable", message } });
  }

  /** Has what was written read by all readers. */
  async read(): Promise<void> {
    for (const reader of this.#readers) reader.wake();
    await settle();
  }

  /** What is to be sent, as `notifier: event pipeline`, in order. */
  async told(): Promise<string[]> {
    const found = await this.store.alerts.deliveries({ limit: 500 });
    return found.toReversed().flatMap(({ notifier, events }) =>
      events.map(({ event, of, pipeline }) =>
        `${notifier}: ${event}${of === null ? "" : ` of ${of}`} ${pipeline}`
      )
    );
  }

  /** Open problems as `key count`. */
  async open(): Promise<string[]> {
    return (await this.store.alerts.open()).map(({ key, count }) => `${key} ${count}`).toSorted();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const reader of this.#readers) await reader.stop();
    await this.#stores[Symbol.asyncDispose]();
  }

  async #putSteps(id: string, rows: Readonly<Record<string, number>>): Promise<void> {
    const steps = Object.entries(rows).map(([name, count]): Step => ({
      name,
      kind: "extract",
      state: "succeeded",
      attempt: 1,
      rows: count,
      size_bytes: null,
      started_at: null,
      finished_at: null,
      duration_ms: null,
      error: null,
      sql: null,
      depends: [],
    }));
    if (steps.length > 0) await this.store.attempts.putSteps(lease(id), steps);
  }
}
