import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import type { DuckdbSession } from "../../../contract/duckdb.ts";
import { quoteTable, type TableName } from "../table_name.ts";

/** A sequence is moved on by taking its numbers; more than so many are not taken. */
const MOST_STEPS = 100_000_000;
const DEFAULT = /^nextval\('((?:[^']|'')+)'\)$/;

/**
 * Moves the sequences that give the columns their defaults on to the values that were loaded into them, so
 * that the next row that is inserted without one does not meet a loaded row; those that are too far behind
 * are told to `warn`.
 */
export async function moveSequences(
  session: DuckdbSession,
  table: TableName,
  columns: readonly string[],
  warn: (message: string) => void,
): Promise<void> {
  const defaults = await session.rows(
    `SELECT column_name, column_default FROM duckdb_columns()
      WHERE database_name = current_database() AND lower(schema_name) = lower(${quoteLiteral(table.schema)})
        AND lower(table_name) = lower(${quoteLiteral(table.table)}) AND column_default IS NOT NULL
        AND data_type SIMILAR TO 'U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?'`,
  );
  for (const { column_name: name, column_default: byDefault } of defaults) {
    const [column, sequence] = [String(name), DEFAULT.exec(String(byDefault))?.[1]];
    if (sequence === undefined || !columns.includes(column)) continue;
    const behind = await stepsBehind(session, table, column, sequence);
    if (behind < 0) continue;
    if (behind > MOST_STEPS) {
      warn(
        `the sequence ${sequence} of ${column} was not moved on to the loaded values, which are ${behind} steps away`,
      );
      continue;
    }
    // One step says for certain where it is.
    await session.rows(`SELECT nextval('${sequence}')`);
    const steps = await stepsBehind(session, table, column, sequence);
    if (steps > 0) await session.rows(`SELECT max(nextval('${sequence}')) FROM range(${steps})`);
  }
}

/**
 * How far the sequence's last value is from what is in the column; below 0 it is beyond that. In a file that
 * was opened anew, DuckDB has the next value for the last one.
 */
async function stepsBehind(
  session: DuckdbSession,
  table: TableName,
  column: string,
  sequence: string,
): Promise<number> {
  const [, schema = table.schema, name = sequence] = /^(?:"?([^".]+)"?\.)?"?([^".]+)"?$/.exec(sequence) ?? [];
  const quoted = quoteIdentifier(column);
  const [found] = await session.rows(
    `SELECT CAST(CASE WHEN s.increment_by > 0 THEN m.most ELSE m.least END AS DOUBLE) AS loaded,
            CAST(coalesce(s.last_value, s.start_value - s.increment_by) AS DOUBLE) AS last, s.increment_by AS step
       FROM duckdb_sequences() AS s, (SELECT max(${quoted}) AS most, min(${quoted}) AS least FROM ${
      quoteTable(table)
    }) AS m
      WHERE s.database_name = current_database() AND lower(s.sequence_name) = lower(${quoteLiteral(name)})
        AND lower(s.schema_name) = lower(${quoteLiteral(schema)}) AND NOT s.cycle`,
  );
  if (found === undefined || found["loaded"] === null) return -1;
  return Math.ceil((Number(found["loaded"]) - Number(found["last"])) / Number(found["step"]));
}
