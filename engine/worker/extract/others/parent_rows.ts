import type { ParentRow } from "../../../../contract/connector/source.ts";
import { AppError } from "../../../../contract/errors.ts";
import { findColumn, quoteIdentifier, type SqlSession } from "../../../../contract/sql.ts";
import { rawTable, tableColumns } from "../../../warehouse/raw_table.ts";

/** The rows of a stored stream for another one that names it: see StreamRequest.parentRows. */
export async function parentRows(
  session: SqlSession,
  stream: string,
  columns: readonly string[],
  included: readonly string[],
): Promise<readonly ParentRow[]> {
  const there = await tableColumns(session, "raw", stream);
  for (const name of [...columns, ...included]) {
    if (findColumn(there, name) !== undefined) continue;
    const names = there.map((column) => column.name).join(", ");
    throw new AppError("invalid", `The stream ${stream} has no column "${name}" (it has ${names})`);
  }
  const texts = columns.map((name, at) => `CAST(${quoteIdentifier(name)} AS VARCHAR) AS text_${at}`);
  const json = included.map((name, at) => `CAST(to_json(${quoteIdentifier(name)}) AS VARCHAR) AS json_${at}`);
  const isThere = columns.map((name) => `${quoteIdentifier(name)} IS NOT NULL`).join(" AND ");
  const rows = await session.rows(
    `SELECT DISTINCT ${[...texts, ...json].join(", ")} FROM ${
      rawTable(stream)
    } WHERE ${isThere} ORDER BY ALL`,
  );
  const pick = (row: Readonly<Record<string, unknown>>, names: readonly string[], kind: string) =>
    Object.fromEntries(names.map((name, at) => [name, String(row[`${kind}_${at}`] ?? "null")]));
  return rows.map((row) => ({ texts: pick(row, columns, "text"), json: pick(row, included, "json") }));
}
