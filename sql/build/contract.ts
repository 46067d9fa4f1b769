import { type Column, findColumn, isSameName, type SqlSession } from "../../contract/sql.ts";
import type { Model } from "../language/model.ts";
import { declareCursor } from "./cursor.ts";
import { headerError } from "./header_error.ts";
import { readsItself } from "./incremental.ts";
import { gathersRows } from "./model_change.ts";

/**
 * Throws invalid where a model with a contract has other columns than its header lists, or other types. Called before
 * its table is touched: sources may have changed since the SQL was checked.
 */
export async function requireContract(session: SqlSession, model: Model, hasTable: boolean): Promise<void> {
  if (model.contract !== true) return;
  // Its table is made of what the header lists.
  if (!hasTable && await readsItself(session, model)) return;
  const columns = gathersRows(model)
    ? await declareCursor(session, model)
    : await session.describe(model.sql);
  const listed = Object.entries(model.columns);
  const types = listed.map(([, { type }], index) => `CAST(NULL AS ${type ?? "VARCHAR"}) AS c${index}`);
  const declared = await session.describe(`SELECT ${types.join(", ")}`);
  for (const [index, [name]] of listed.entries()) {
    const actual = findColumn(columns, name);
    const type = declared[index]?.type;
    if (actual?.type === type) continue;
    const is = actual === undefined ? "the query has none of that name" : `it is ${actual.type} in the query`;
    throw headerError(model, ["columns", name], `the contract has the column ${name} as ${type}, and ${is}`);
  }
  const more = beyondContract(model, columns);
  if (more.length === 0) return;
  throw headerError(model, ["contract"], `the query has columns beyond the contract: ${more.join(", ")}`);
}

/** Columns of the query that the header does not list. */
export function beyondContract(model: Model, columns: readonly Column[]): string[] {
  const listed = Object.keys(model.columns);
  return columns.map(({ name }) => name).filter((name) => !listed.some((other) => isSameName(other, name)));
}
