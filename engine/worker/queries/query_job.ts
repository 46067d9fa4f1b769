import { toAppError, toErrorRecord } from "../../../contract/errors.ts";
import type { Answered, Asked, QueriedDatabase, QueryJob } from "../../../contract/jobs/query_job.ts";
import { parquetRelation } from "../../../contract/snapshots/parquet.ts";
import type { QueryRows, RowsWanted } from "../../../contract/queries/rows.ts";
import { SqlError } from "../../../contract/sql.ts";
import { guessPosition } from "../../../sql/language/error_position.ts";
import { explainSqlError } from "../../../sql/language/explain_error.ts";
import { placeAt } from "../../../sql/language/position.ts";
import { openDatabase } from "../../duckdb/database.ts";
import type { AttachedDatabase } from "../../duckdb/attach/attached.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { databaseLimits } from "../database_limits.ts";
import type { JobContext } from "../job_context.ts";
import { completeSql } from "./complete_sql.ts";
import { queryRows } from "./query_rows.ts";
import { requireReadOnly } from "./read_only_query.ts";

/** What queries are called in places of faults. */
const QUERY = "query";

/**
 * Answers what it is asked over copies of warehouses, until its stdin closes. It can change nothing: the copies are open for
 * reading, DuckDB is locked down, and only a query that reads and computes is run.
 */
export async function queryJob(
  job: QueryJob,
  { reporter, signal }: Pick<JobContext, "reporter" | "signal">,
  asks: AsyncIterable<Asked>,
): Promise<void> {
  await using database = await openDatabase({
    path: ":memory:",
    attached: job.databases.map(attachedOf),
    catalogue: job.pipeline ?? undefined,
    tempDirectory: job.tempDir,
    threads: job.threads,
    ...databaseLimits(job.duckdb),
    signal,
  });
  for await (const asked of asks) {
    // A session of its own for each: nothing of one is there for the next.
    await using session = await database.session();
    using _interrupt = session.interruptOn(signal);
    reporter.send({ type: "asked", answer: await answerTo(session, asked) });
  }
}

function attachedOf(database: QueriedDatabase): AttachedDatabase {
  if ("path" in database) {
    return {
      name: database.pipeline,
      path: database.path,
      ...(database.key === undefined ? {} : { key: database.key }),
    };
  }
  return {
    name: database.pipeline,
    views: database.snapshots.map(({ model, path }) => ({
      name: model,
      sql: `SELECT * FROM ${parquetRelation(path)}`,
      path,
    })),
  };
}

async function answerTo(session: DuckSession, asked: Asked): Promise<Answered> {
  const { id } = asked;
  if ("complete" in asked) {
    // What is no SQL yet has no completion.
    const completion = await completeSql(session, asked.complete).catch(() => ({
      start: asked.complete.length,
      words: [],
    }));
    return { id, completion };
  }
  try {
    return { id, rows: await rowsOf(session, asked.sql, asked.wanted) };
  } catch (error) {
    const failure = toAppError(error);
    if (!(failure instanceof SqlError)) return { id, error: toErrorRecord(failure), faults: [] };
    const message = messageOf(failure);
    const position = failure.position ?? guessPosition(asked.sql, failure);
    const place = position === undefined || position > asked.sql.length
      ? { file: QUERY }
      : placeAt(asked.sql, position, QUERY);
    const { detail: _detail, ...record } = toErrorRecord(failure);
    return { id, error: { ...record, message }, faults: [{ ...place, message, severity: "error" }] };
  }
}

function messageOf(failure: SqlError): string {
  const [, unknown] = /^Catalog "(.+)" does not exist!$/.exec(failure.message) ?? [];
  if (unknown === undefined) return explainSqlError(failure);
  return `there is no pipeline ${unknown} with tables, or its rows are not yours to look at`;
}

async function rowsOf(session: DuckSession, sql: string, wanted: RowsWanted): Promise<QueryRows> {
  const { isExplained } = await requireReadOnly(session, sql);
  if (!isExplained) return await queryRows(session, sql, wanted);
  const found = await session.rows(sql);
  return {
    columns: [{ name: "plan", type: "VARCHAR" }],
    rows: found.flatMap((row) => String(row["explain_value"] ?? "").split("\n").map((line) => [line])),
    truncated: null,
  };
}
