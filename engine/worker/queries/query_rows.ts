import {
  MAX_ANSWER_CHARS,
  type QueryRows,
  type RowsWanted,
  SHOWN_CELL_CHARS,
} from "../../../contract/queries/rows.ts";
import { type Column, quoteIdentifier } from "../../../contract/sql.ts";
import { cellSql, cutCell } from "../../../sql/build/cell_text.ts";
import { withoutTerminators } from "../../../sql/language/scan_sql.ts";
import { asHeld, withTextNumbers } from "../../duckdb/from/held_columns.ts";
import { distinctNames } from "../../duckdb/from/row_reader.ts";
import { readTextRows } from "../../duckdb/from/text_rows.ts";
import type { DuckSession } from "../../duckdb/session.ts";

/**
 * The first rows of one SELECT, in its order, and whether there are more. Throws SqlError with the place in `sql` for one that
 * cannot be bound.
 */
export async function queryRows(session: DuckSession, sql: string, wanted: RowsWanted): Promise<QueryRows> {
  const described = await session.describe(sql);
  const names = distinctNames(described.map(({ name }) => name));
  const columns = described.map(({ type }, index) => ({ name: names[index] ?? "", type }));
  const relation = `(\n${withoutTerminators(sql)}\n) AS q(${names.map(quoteIdentifier).join(", ")})`;
  const texts = await textsOf(session, relation, columns, wanted);
  const { rows, isWhole } = await readTextRows(session, texts, MAX_ANSWER_CHARS);
  const shown = rows.slice(0, wanted.limit);
  return {
    columns,
    rows: shown.map((row) =>
      wanted.cells === "shown" ? row.map((cell) => cutCell(cell, SHOWN_CELL_CHARS)) : [...row]
    ),
    truncated: rows.length > wanted.limit ? "rows" : isWhole ? null : "size",
  };
}

/** A SELECT of the cells as texts. One row more than is wanted says whether there are more. */
async function textsOf(
  session: DuckSession,
  relation: string,
  columns: readonly Column[],
  { cells, limit }: RowsWanted,
): Promise<string> {
  const first = (list: readonly string[], from: string) =>
    `SELECT ${list.join(", ")} FROM ${from} LIMIT ${limit + 1}`;
  if (cells !== "json") return first(columns.map((column) => textCell(column, cells)), relation);
  const held = await asHeld(session, await withTextNumbers(session, `SELECT * FROM ${relation}`), "json", []);
  const jsons = columns.map(({ name }) => {
    const column = quoteIdentifier(name);
    return `CASE WHEN ${column} IS NOT NULL THEN CAST(to_json(${column}) AS VARCHAR) END AS ${column}`;
  });
  return first(jsons, `(\n${held}\n)`);
}

function textCell(column: Column, cells: "shown" | "text"): string {
  const name = quoteIdentifier(column.name);
  if (cells === "shown") return `${cellSql(column, SHOWN_CELL_CHARS)} AS ${name}`;
  return column.type === "BLOB"
    ? `'\\x' || lower(hex(${name})) AS ${name}`
    : `CAST(${name} AS VARCHAR) AS ${name}`;
}
