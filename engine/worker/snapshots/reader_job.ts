import { toErrorRecord } from "../../../contract/errors.ts";
import type { ErrorRecord } from "../../../contract/errors.ts";
import type { ReaderJob, SnapshotRead } from "../../../contract/jobs/reader_job.ts";
import { openDatabase } from "../../duckdb/database.ts";
import { databaseLimits, scratchOf } from "../database_limits.ts";
import type { JobContext } from "../job_context.ts";
import { readSnapshot } from "./read_snapshot.ts";

/**
 * Reads snapshots that its server puts into its own folder, one after the other, until its stdin closes. What it is
 * asked for is a description of a query, never SQL.
 */
export async function readerJob(
  job: ReaderJob,
  { reporter, signal }: Pick<JobContext, "reporter" | "signal">,
  reads: AsyncIterable<SnapshotRead>,
): Promise<void> {
  const scratch = scratchOf(job.tempDir);
  await Deno.mkdir(scratch, { recursive: true, mode: 0o700 });
  await using database = await openDatabase({
    path: ":memory:",
    tempDirectory: job.tempDir,
    threads: job.threads,
    ...databaseLimits(job.duckdb, scratch),
    signal,
  });
  for await (const read of reads) {
    const { id } = read;
    try {
      const page = await readSnapshot(database, read, signal);
      reporter.send({ type: "read", id, result: page });
    } catch (error) {
      reporter.send({ type: "read", id, error: withoutKey(toErrorRecord(error), read.key) });
    }
  }
}

/** DuckDB quotes SQL, and the key is in it. */
function withoutKey(error: ErrorRecord, key: string | undefined): ErrorRecord {
  if (key === undefined) return error;
  const { message, detail } = error;
  const hide = (text: string) => text.replaceAll(key, "[redacted]");
  return { ...error, message: hide(message), ...(detail === undefined ? {} : { detail: hide(detail) }) };
}
