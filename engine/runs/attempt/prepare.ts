import { dirname } from "node:path";
import { filledDefinition } from "../../../connectors/pipeline_params.ts";
import { AppError, toAppError } from "../../../contract/errors.ts";
import type { DuckDbGrant } from "../../../contract/jobs/job_base.ts";
import type { Log } from "../../../contract/log.ts";
import { attemptTraceparent } from "../telemetry/trace_ids.ts";
import { type Revision, splitFiles } from "../../../contract/revision.ts";
import type { Run } from "../../../contract/run.ts";
import { hookOf, type PostedBody } from "../../../contract/triggers/webhooks.ts";
import { failedBeforeStart, superviseAttempt } from "./supervise.ts";
import type { Clock } from "../../../contract/clock.ts";
import { type GrantContext, provide } from "../../grants/provide.ts";
import { answering } from "./answers.ts";
import type { RunEvents } from "../run_events.ts";
import { grantOf } from "./process_grant.ts";
import { promotedWarehouse } from "../warehouses/promoted_warehouse.ts";
import { requireApart } from "../environments/require_apart.ts";
import { publishedInputs } from "../snapshots/published_inputs.ts";
import { unpinSnapshots } from "../../snapshots/pinned_snapshots.ts";
import { publishReports, type ReportFolders } from "./publish_reports.ts";
import { pipelineSnapshots } from "../../snapshots/snapshot_files.ts";
import { warehousePath } from "../warehouses/warehouse_file.ts";
import { keepInputs, keepNewest } from "../warehouses/kept_inputs.ts";
import type { WarehouseKeys } from "../warehouses/warehouse_keys.ts";
import type { ProcessPool, UnplacedJob } from "./process_pool.ts";
import type { RunProcesses } from "./run_processes.ts";
import type { Lease } from "../../store/ports/runs.ts";
import type { Store } from "../../store/store.ts";
import type { EndedAttempt } from "../worker.ts";

export interface ExecuteContext extends GrantContext, ReportFolders {
  readonly store: Store;
  readonly events: RunEvents;
  readonly warehouseKeys: WarehouseKeys;
  readonly processes: ProcessPool;
  readonly underWay: RunProcesses;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborted when this server stops. */
  readonly leaving: AbortSignal;
}

/** Carries out one attempt of a run: prepares its process and follows it. Throws only what the store throws. */
export async function executeRun(
  context: ExecuteContext,
  run: Run,
  lease: Lease,
  stop: AbortSignal,
): Promise<EndedAttempt> {
  const { store, events, clock, log, leaving } = context;
  const found = await store.revisions.get(run.revision);
  const retry = found?.revision.definition.retry;
  let redact = (text: string) => text;
  let warehouse: string | undefined;
  try {
    if (found === undefined) {
      throw new AppError("internal", `The revision ${run.revision} of the run is gone`);
    }
    const definition = filledDefinition(context.connectors, found.revision, run.params);
    const connectors = await store.revisions.connectors(run.revision);
    const revision = { ...found.revision, definition, connectors };
    await requireApart(context, run.pipeline, { definition: found.revision.definition, connectors });
    const provision = await provide(context, {
      ...revision,
      purpose: "run",
      run: { run: run.id, triggeredBy: run.triggered_by ?? undefined },
    });
    redact = provision.redactor.redact;
    const job = await runJobOf(context, run, revision);
    warehouse = job.warehousePath;
    if (job.warehouseKey !== undefined) provision.redactor.learn([job.warehouseKey.key]);
    const published = await publishedInputs(context, run, revision.definition);
    provision.redactor.learn(published.keys);
    await using promoted = await promotedWarehouse(context, run, stop);
    if (promoted?.warehouse.key !== undefined) provision.redactor.learn([promoted.warehouse.key.key]);
    const grant = grantOf(context, provision, run.pipeline);
    const result = await superviseAttempt(
      {
        store,
        events,
        clock,
        log,
        lease,
        leaving,
        redact,
        underWay: context.underWay,
        publish: (pipeline, reports) => publishReports(context, { pipeline, redact, log }, reports),
        spawn: async (job, onStderr) =>
          answering(
            await context.processes.start(grant, job, onStderr),
            provision.answers,
            (webhook, afterSeq) => nextPosted(store, run.pipeline, webhook, afterSeq),
          ),
      },
      run,
      {
        ...job,
        ...(promoted === undefined ? {} : { promotes: promoted.warehouse }),
        connectors: provision.connectors,
        published: published.inputs,
        duckdb: withFiles(provision.grant.duckdb, published.files),
      },
      // With a selection only the process knows which steps it takes: none is put up before.
      run.select === null ? found.steps : [],
      stop,
    );
    await keep(context, run, result.error !== null, definition.keep_inputs);
    // One of them may have been changed: the next attempt asks anew.
    if (result.error !== null) provision.answers.forgetSecrets();
    else if (result.stopped === null && published.files.length > 0) {
      await unpinSnapshots(context.dataDir, run.id);
    }
    // The next run of the pipeline may come soon.
    if (!leaving.aborted) void context.processes.warm(grant);
    return { result, retry };
  } catch (error) {
    log("error", "an attempt could not start", { run: run.id, error: redact(toAppError(error).message) });
    const failed = failedBeforeStart(error, clock.now(), redact);
    await noteFailure(store, lease, failed.error?.message ?? "", clock.now()).catch(() => {});
    // A server that stops leaves what it could not write to the next: so it does the run.
    return { result: leaving.aborted ? { ...failed, stopped: "shutdown" } : failed, retry };
  } finally {
    if (warehouse !== undefined) await closeToOthers(warehouse);
  }
}

const withFiles = (grant: DuckDbGrant, files: readonly string[]): DuckDbGrant => ({
  ...grant,
  files: [...grant.files, ...files],
});

/** While nothing else of the pipeline runs. The run ends as it has, whatever comes of this. */
async function keep(
  { dataDir, log }: ExecuteContext,
  { pipeline, id }: Run,
  hasFailed: boolean,
  runs = 0,
): Promise<void> {
  try {
    if (runs > 0) await keepInputs(dataDir, pipeline, { run: id, hasFailed }, runs);
    else await keepNewest(dataDir, pipeline, 0);
  } catch (error) {
    log("warn", "the inputs of a run were not kept: it cannot be replayed", {
      pipeline,
      run: id,
      error: toAppError(error).message,
    });
  }
}

async function nextPosted(
  { inbox }: Store,
  pipeline: string,
  webhook: string,
  afterSeq: number,
): Promise<PostedBody | undefined> {
  const found = await inbox.after(hookOf(pipeline, webhook), afterSeq);
  if (found === undefined) return undefined;
  const { seq, body, headers } = found;
  return { seq, body, contentType: headers["content-type"] ?? "" };
}

/** Why there is nothing else in the attempt's log. What the store does not take is in the attempt's error. */
async function noteFailure(store: Store, lease: Lease, message: string, nowMs: number): Promise<void> {
  const seq = await store.logs.lastSeq(lease.run) + 1;
  const at = new Date(nowMs).toISOString();
  const line = { seq, at, level: "error", attempt: lease.attempt, step: null, message } as const;
  await store.logs.append(lease, [line]);
}

const PRIVATE_FOLDER = 0o700;
const PRIVATE_FILE = 0o600;

/**
 * DuckDB makes its files with the process's umask, which destinations' files need as it is. The folder is
 * closed in any case; where a file cannot be, the next start says so.
 */
async function closeToOthers(path: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  for (const file of [path, `${path}.wal`]) {
    await Deno.chmod(file, PRIVATE_FILE).catch(() => {});
  }
}

async function runJobOf(
  { dataDir, projectDir, store, warehouseKeys }: ExecuteContext,
  run: Run,
  revision: Revision,
): Promise<Omit<UnplacedJob, "connectors" | "duckdb">> {
  const path = warehousePath(dataDir, run.pipeline);
  await Deno.mkdir(dirname(path), { recursive: true, mode: PRIVATE_FOLDER });
  const { models, scripts } = splitFiles(revision.files);
  const warehouseKey = await warehouseKeys.open(run.pipeline);
  return {
    kind: "run",
    runId: run.id,
    attempt: run.attempt,
    pipeline: run.pipeline,
    definition: revision.definition,
    files: models,
    scripts,
    params: run.params,
    select: run.select,
    fullRefresh: run.full_refresh,
    windowStartMs: run.window_start === null ? null : Date.parse(run.window_start),
    windowEndMs: Date.parse(run.window_end),
    isWindowGiven: run.window_given,
    ...(run.window_given && run.attempt > 1 && await store.attempts.isOvertaken(run.id)
      ? { isOvertaken: true }
      : {}),
    range: run.range ?? null,
    traceparent: attemptTraceparent(run),
    projectDir,
    warehousePath: path,
    ...(revision.definition.publish === undefined
      ? {}
      : { snapshots: pipelineSnapshots(dataDir, run.pipeline) }),
    ...(warehouseKey === undefined ? {} : { warehouseKey }),
  };
}
