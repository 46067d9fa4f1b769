import { join } from "node:path";
import { decodeTime, monotonicFactory } from "ulid";
import { AppError, toAppError } from "../../../contract/errors.ts";
import type { RunJob } from "../../../contract/jobs/run_job.ts";
import type { Step } from "../../../contract/run.ts";
import type { Snapshot } from "../../../contract/snapshots/snapshot.ts";
import { findColumn } from "../../../contract/sql.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { writeParquet } from "../../duckdb/from/parquet_file.ts";
import {
  findSnapshot,
  modelSnapshots,
  putSnapshot,
  removeOldSnapshots,
} from "../../snapshots/snapshot_files.ts";
import { scratchOf } from "../database_limits.ts";
import type { PlannedSnapshot } from "../plan.ts";
import { pointsOf } from "../points.ts";
import type { Reporter } from "../reporter.ts";
import { ROW } from "./snapshot_sql.ts";

export interface PublishContext {
  readonly job: RunJob;
  readonly reporter: Pick<Reporter, "log">;
  readonly signal: AbortSignal;
}

/**
 * Publishes a model's rows as they are now, and returns what its step is recorded with. A snapshot that an earlier
 * attempt of the run has published stays the run's: the model has been built once. Throws `unavailable` where it
 * cannot be written; what was published before stays then.
 */
export async function publishSnapshot(
  { job, reporter, signal }: PublishContext,
  session: DuckSession,
  { step, model, relation, keep }: PlannedSnapshot,
): Promise<Pick<Step, "rows" | "size_bytes">> {
  if (job.snapshots === undefined) {
    throw new AppError("internal", `${step.name}: the job has no folder for snapshots`);
  }
  const folder = modelSnapshots(job.snapshots, model);
  const points = pointsOf(job.dieAt);
  try {
    const last = await findSnapshot(folder);
    if (last?.run === job.runId && job.isOvertaken !== true) {
      reporter.log("info", step.name, "An earlier attempt has published it");
      await removeOldSnapshots(folder, keep);
      return { rows: last.rows, size_bytes: last.size_bytes };
    }
    const scratch = scratchOf(job.tempDir);
    await Deno.mkdir(scratch, { recursive: true });
    const staged = join(scratch, `${crypto.randomUUID()}.parquet`);
    const query = `SELECT * FROM ${relation}`;
    const columns = (await session.describe(query)).map(({ name, type }) => ({ name, type }));
    if (findColumn(columns, ROW) !== undefined) {
      throw new AppError(
        "invalid",
        `Cannot publish ${model}: give its column ${ROW} another name, which readers of Parquet have for themselves`,
      );
    }
    const key = job.warehouseKey?.key;
    const rows = await writeParquet(session, query, staged, key);
    signal.throwIfAborted();
    points.reach(step.name, "after stage");
    const { size } = await Deno.stat(staged);
    const now = Date.now();
    const snapshot: Snapshot = {
      id: laterId(now, last?.id),
      pipeline: job.pipeline,
      model,
      run: job.runId,
      published_at: new Date(now).toISOString(),
      rows,
      size_bytes: size,
      columns,
      encrypted: key !== undefined,
    };
    await putSnapshot(folder, staged, snapshot, { onFile: () => points.reach(step.name, "before commit") });
    points.reach(step.name, "after commit");
    await removeOldSnapshots(folder, keep);
    return { rows, size_bytes: size };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof AppError) throw error;
    const { message } = toAppError(error);
    throw new AppError("unavailable", `Cannot publish ${model}: ${message}`, { cause: error });
  }
}

/** A ULID of now, greater than the one before: a clock may go back. */
function laterId(nowMs: number, last: string | undefined): string {
  const next = monotonicFactory();
  const id = next(nowMs);
  if (last === undefined || id > last) return id;
  return next(decodeTime(last) + 1);
}
