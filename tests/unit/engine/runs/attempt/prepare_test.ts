import { NO_WAREHOUSE_KEYS } from "../../../../../engine/runs/warehouses/warehouse_keys.ts";
import { Egress } from "../../../../../engine/grants/egress/egress.ts";
import { deepEqual, equal, fail, match } from "node:assert/strict";
import { join } from "node:path";
import * as v from "valibot";
import { systemClock } from "../../../../../contract/clock.ts";
import { pipelineSchema } from "../../../../../contract/pipeline/pipeline.ts";
import { defaultPolicy } from "../../../../../engine/grants/policy.ts";
import { executeRun } from "../../../../../engine/runs/attempt/prepare.ts";
import { RunProcesses } from "../../../../../engine/runs/attempt/run_processes.ts";
import { failedRowsSchema } from "../../../../../contract/checks/failed_rows.ts";
import { PublishedFolder } from "../../../../../engine/runs/streams/published.ts";
import { streamRejectsSchema } from "../../../../../contract/rejects.ts";
import { committedStreamSchema } from "../../../../../contract/streams/stream_view.ts";
import { followedReportSchema } from "../../../../../contract/connector/followed.ts";
import { streamSchemaSchema } from "../../../../../contract/stream_schema.ts";
import { NO_COVER } from "../../../../../engine/runs/streams/row_cover.ts";
import { PreviewFolder } from "../../../../../engine/runs/previews.ts";
import { ProcessPool } from "../../../../../engine/runs/attempt/process_pool.ts";
import { RunEvents } from "../../../../../engine/runs/run_events.ts";
import type { NewRun } from "../../../../../engine/store/ports/runs.ts";
import type { Store } from "../../../../../engine/store/store.ts";
import type { EndedAttempt } from "../../../../../engine/runs/worker.ts";
import { addPipeline, claim, lease, newRun, revision, StoreFixture } from "../../store/store_fixture.ts";

/** Says what job it got, and that all went well. */
const PROGRAM = `
Deno.stdout.writeSync(new TextEncoder().encode("\\n"));
const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).getReader();
const { value } = await lines.read();
if (value === undefined) Deno.exit(0);
const { reportKey, ...job } = JSON.parse(value);
const say = (report) =>
  Deno.stdout.writeSync(new TextEncoder().encode(reportKey + " " + JSON.stringify(report) + "\\n"));
say({ type: "log", level: "info", step: null, message: JSON.stringify(job) });
say({ type: "finished", error: null });
await lines.read();
`;

async function execute(
  change: Partial<NewRun>,
  look: (ended: EndedAttempt, context: { store: Store; folder: string }) => Promise<void>,
  options: { before?: (store: Store) => Promise<void>; isLeaving?: boolean } = {},
): Promise<void> {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  await addPipeline(store, "a");
  await options.before?.(store);
  await store.runs.create(newRun("r", change));
  const run = await claim(store, "me", 2_000) ?? fail("nothing to claim");
  const folder = await Deno.makeTempDir();
  const leaving = new AbortController();
  if (options.isLeaving) leaving.abort();
  try {
    await Deno.writeTextFile(join(folder, "program.ts"), PROGRAM);
    const program = {
      deno: Deno.execPath(),
      entry: join(folder, "program.ts"),
      codeRoots: [],
      denoDir: undefined,
    };
    const dataDir = join(folder, "data");
    await using processes = new ProcessPool({ program, folder: join(dataDir, "tmp"), clock: systemClock });
    const ended = await executeRun(
      {
        store,
        warehouseKeys: NO_WAREHOUSE_KEYS,
        events: new RunEvents(),
        processes,
        underWay: new RunProcesses(),
        rowCover: NO_COVER,
        previews: new PreviewFolder(join(folder, "data")),
        rejects: new PublishedFolder(join(dataDir, "rejects"), streamRejectsSchema),
        failedRows: new PublishedFolder(join(dataDir, "failed_rows"), failedRowsSchema),
        schemas: new PublishedFolder(join(dataDir, "schemas"), streamSchemaSchema),
        followed: new PublishedFolder(join(dataDir, "followed"), followedReportSchema),
        streams: new PublishedFolder(join(dataDir, "streams"), committedStreamSchema),
        clock: systemClock,
        log: () => {},
        leaving: leaving.signal,
        projectDir: folder,
        dataDir,
        connectors: [],
        egress: new Egress(systemClock),
        references: { env: () => undefined, secrets: { get: () => Promise.resolve(undefined) } },
        policy: defaultPolicy(folder),
        programPaths: [],
        secretFolders: [],
      },
      run,
      lease("r"),
      new AbortController().signal,
    );
    await look(ended, { store, folder });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("executeRun() hands the process the run's window, params and place, and keeps what it says", async () => {
  const window = { startMs: 1_000, endMs: 9_000 };
  await execute(
    { window, params: { region: "eu" }, select: "+daily", fullRefresh: true },
    async (ended, context) => {
      const { store, folder } = context;
      deepEqual([ended.result.error, ended.result.stopped], [null, null]);
      const [begin, line] = await store.logs.read("r", { afterSeq: 0, limit: 2 });
      equal(begin?.message, 'Attempt 1 of revision rev-a begins: the steps of "+daily"');
      const job = JSON.parse(line?.message ?? "{}");
      deepEqual(
        [job.runId, job.attempt, job.windowStartMs, job.windowEndMs, job.params, job.select, job.fullRefresh],
        ["r", 1, 1_000, 9_000, { region: "eu" }, "+daily", true],
      );
      equal(job.warehousePath, join(folder, "data", "warehouse", "a.duckdb"));
      if (Deno.build.os !== "windows") {
        equal(((await Deno.stat(join(folder, "data", "warehouse"))).mode ?? 0) & 0o077, 0);
      }
    },
  );
});

/** A revision whose connector needs a secret that nobody has. */
const BROKEN = revision({
  id: "rev-broken",
  connectors: { shop: { type: "file", path: "${secret:SHOP}" } },
  definition: v.parse(pipelineSchema, {
    extract: { orders: { connector: "shop", path: "x.csv" } },
    retry: { limit: 3 },
  }),
});

Deno.test("executeRun() ends an attempt that cannot begin with the reason, and with the pipeline's own retry", async () => {
  await execute({ revision: BROKEN.id }, async ({ result, retry }, { folder, store }) => {
    deepEqual([result.error?.code, result.stopped, retry?.limit], ["invalid", null, 3]);
    match(result.error?.message ?? "", /SHOP/);
    const lines = await store.logs.read("r", { afterSeq: 0, limit: 9 });
    deepEqual(lines.map(({ level, message }) => [level, message]), [["error", result.error?.message]]);
    deepEqual(await Array.fromAsync(Deno.readDir(folder), ({ name }) => name), ["program.ts"]);
  }, { before: (store) => store.revisions.save(BROKEN, []) });
});

Deno.test("executeRun() leaves a run that cannot begin while the server stops to the next start", async () => {
  await execute({ revision: BROKEN.id }, ({ result }) => {
    equal(result.stopped, "shutdown");
    return Promise.resolve();
  }, { isLeaving: true, before: (store) => store.revisions.save(BROKEN, []) });
});
