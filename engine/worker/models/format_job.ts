import type { FormatJob, FormattedText } from "../../../contract/jobs/format_job.ts";
import { formatSql } from "../../../sql/format/format_sql.ts";
import { openDatabase } from "../../duckdb/database.ts";
import { databaseLimits } from "../database_limits.ts";
import type { JobContext } from "../job_context.ts";

/** Formats SQL beside a database that has nothing in it: it is parsed there, and never run. */
export async function formatJob(
  { texts, tempDir, duckdb }: FormatJob,
  { signal }: JobContext,
): Promise<FormattedText[]> {
  await using database = await openDatabase({
    path: ":memory:",
    tempDirectory: tempDir,
    ...databaseLimits(duckdb),
    signal,
  });
  await using session = await database.session();
  const formatted: FormattedText[] = [];
  for (const text of texts) {
    signal.throwIfAborted();
    formatted.push(await formatSql(session, text));
  }
  return formatted;
}
