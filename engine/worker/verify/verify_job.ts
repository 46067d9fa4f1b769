import { childTablesBy } from "../../../contract/pipeline/child_tables.ts";
import { join } from "node:path";
import { toAppError } from "../../../contract/errors.ts";
import type { VerifyJob } from "../../../contract/jobs/verify_job.ts";
import { type NamedLoad, namedLoads } from "../../../contract/pipeline/named_loads.ts";
import { namesLoad } from "../../../contract/loads/verification.ts";
import { setRunVariables } from "../../../sql/build/variables.ts";
import { tablesMadeBy } from "../../../sql/language/files/kinds.ts";
import { openDatabase } from "../../duckdb/database.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { prepareWarehouse } from "../../warehouse/warehouse.ts";
import type { Connections } from "../connections.ts";
import { databaseLimits, scratchOf } from "../database_limits.ts";
import { jobConnections, type JobContext } from "../job_context.ts";
import { Comparison } from "../loads/comparison.ts";
import { forgetBack } from "../loads/read_back.ts";
import { loadedTable } from "../plan.ts";
import { expandAsBefore } from "../wildcards/run_tables.ts";
import { judge, type Judged, unjudged } from "./judge.ts";
import { isThere, keepRows, type KeptRows, withKeptFile } from "./kept_rows.ts";

/** A run that is about to begin may hold the warehouse for a moment. */
const WAREHOUSE_WAIT_MS = 5_000;

/** A load with the rows that it would send, or why that cannot be told. */
interface Subject {
  readonly load: NamedLoad;
  readonly kept: KeptRows | Judged;
}

/**
 * Reads the targets of loads back and reports of each what was found. The warehouse is let go of before the first
 * target is read: a run may begin meanwhile.
 */
export async function verifyJob(job: VerifyJob, context: JobContext): Promise<void> {
  const scratch = scratchOf(job.tempDir);
  await Deno.mkdir(scratch, { recursive: true });
  const keptPath = join(scratch, "kept.duckdb");
  const subjects = await keepAll(job, keptPath, context.signal);
  await using connections = jobConnections(job, context);
  await using database = await openDatabase({
    path: keptPath,
    key: job.warehouseKey,
    tempDirectory: job.tempDir,
    ...databaseLimits(job.duckdb, scratch),
    signal: context.signal,
  });
  const session = await database.session();
  for (const subject of subjects) {
    const startedMs = Date.now();
    const judged = await judgeLoad(session, job, connections, subject, context.signal);
    const { step } = subject.load;
    context.reporter.send({
      type: "verified",
      verification: {
        load: step,
        ...judged,
        receipt: job.receipts[step]?.receipt ?? null,
        verified_at: new Date().toISOString(),
        duration_ms: Date.now() - startedMs,
      },
    });
  }
}

const NOTHING_KEPT = unjudged(
  "not_verifiable",
  "Its rows went straight to the target and are not kept (store: false): there is nothing to hold it against",
);

/** What each of the loads would send now. */
async function keepAll(job: VerifyJob, keptPath: string, signal: AbortSignal): Promise<readonly Subject[]> {
  await using database = await openDatabase({
    path: job.warehousePath,
    key: job.warehouseKey,
    tempDirectory: job.tempDir,
    ...databaseLimits(job.duckdb, scratchOf(job.tempDir)),
    lockTimeoutMs: WAREHOUSE_WAIT_MS,
    signal,
  });
  await using session = await database.session();
  using _interrupt = session.interruptOn(signal);
  await prepareWarehouse(session);
  const { extract, load } = await expandAsBefore(session, job.definition);
  const models = new Set(tablesMadeBy(job.files));
  const chosen = namedLoads(load).filter(({ step }) => job.load === null || namesLoad(job.load, step));
  return await withKeptFile(session, keptPath, job.warehouseKey, async () => {
    const subjects: Subject[] = [];
    for (const [index, load] of chosen.entries()) {
      const isKept = models.has(load.table) || extract[load.table]?.store !== false;
      const kept = isKept ? await keepLoad(session, job, load, models, index) : NOTHING_KEPT;
      signal.throwIfAborted();
      subjects.push({ load, kept });
    }
    return subjects;
  });
}

async function keepLoad(
  session: DuckSession,
  job: VerifyJob,
  load: NamedLoad,
  models: ReadonlySet<string>,
  index: number,
): Promise<KeptRows | Judged> {
  const known = job.receipts[load.step];
  if (known?.isUnchanged === false) {
    return unjudged(
      "not_verifiable",
      "The load or its connector was changed since the last load: run the pipeline, then verify",
    );
  }
  const { node, relation } = loadedTable(
    load.table,
    (name) => models.has(name),
    childTablesBy(job.definition.extract),
  );
  if (!await isThere(session, node, load.table)) {
    return unjudged("not_verifiable", "There is no table in the warehouse yet: run the pipeline first");
  }
  try {
    const { windowStartMs, windowEndMs } = known ?? { windowStartMs: null, windowEndMs: Date.now() };
    await setRunVariables(session, {
      runId: known?.receipt.run ?? "",
      pipeline: job.pipeline,
      runStart: new Date(windowEndMs),
      windowStart: windowStartMs === null ? null : new Date(windowStartMs),
      windowEnd: new Date(windowEndMs),
      params: known?.params ?? {},
      definitions: job.definition.params,
    });
    return await keepRows(session, load, relation, known, index);
  } catch (error) {
    return unjudged("failed", `Cannot tell what would be loaded: ${toAppError(error).message}`);
  }
}

async function judgeLoad(
  session: DuckSession,
  job: VerifyJob,
  connections: Connections,
  { load: { step, target }, kept }: Subject,
  signal: AbortSignal,
): Promise<Judged> {
  if ("verdict" in kept) return kept;
  try {
    const source = await connections.readBack(target);
    if (typeof source === "string") {
      return unjudged("not_verifiable", `It cannot be read back exactly: ${source}`);
    }
    const comparison = await Comparison.of(session, target, kept.chosen, source, signal);
    return await judge(session, comparison, kept, job.receipts[step]);
  } catch (error) {
    signal.throwIfAborted();
    return unjudged("failed", toAppError(error).message);
  } finally {
    await forgetBack(session);
  }
}
