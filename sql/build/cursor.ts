import {
  type Column,
  findColumn,
  isSameName,
  quoteIdentifier,
  SqlError,
  type SqlSession,
} from "../../contract/sql.ts";
import { toModelError } from "../language/explain_error.ts";
import type { Model } from "../language/model.ts";
import { missingColumn } from "./header_error.ts";

/**
 * Sets `getvariable('cursor')` to the greatest update_key of the table, whose columns are given; to a NULL of its
 * type where there is none.
 */
export async function setCursor(
  session: SqlSession,
  model: Model,
  table: string,
  columns: readonly Column[],
): Promise<void> {
  const { updateKey } = model;
  if (updateKey === undefined || findColumn(columns, updateKey) === undefined) {
    await declareCursor(session, model);
    return;
  }
  await session.setVariables({ cursor: `(SELECT max(${quoteIdentifier(updateKey)}) FROM ${table})` });
}

/**
 * What a cursor mostly is, for queries that do not bind without a type, as `cursor - INTERVAL 1 DAY`;
 * what turns into others comes before them.
 */
const CURSOR_TYPES = ["DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "BIGINT", "VARCHAR"];

/** A type that does not come to rest by then never does. */
const MAX_CURSOR_ROUNDS = 3;

/**
 * Makes the cursor a NULL with the type of the update_key, so that what is compared with it binds as
 * it will later; without an update_key it stays unset. Returns the columns of the query.
 */
export async function declareCursor(session: SqlSession, model: Model): Promise<Column[]> {
  await session.setVariables({ cursor: null });
  if (model.updateKey === undefined) return await describe(session, model);
  // The type of the update_key may depend on the type of the cursor: try until both agree.
  const declared = Object.entries(model.columns).find(([name]) => isSameName(name, model.updateKey ?? ""))
    ?.[1];
  let failure: unknown;
  for (const guess of [declared?.type, undefined, ...CURSOR_TYPES]) {
    try {
      return await declareCursorAs(session, model, model.updateKey, guess);
    } catch (error) {
      if (!(error instanceof SqlError) || error.code !== "invalid") throw error;
      failure ??= error;
    }
  }
  throw failure;
}

async function declareCursorAs(
  session: SqlSession,
  model: Model,
  updateKey: string,
  guess: string | undefined,
): Promise<Column[]> {
  let type = guess;
  for (let round = 0;; round++) {
    await session.setVariables({ cursor: type === undefined ? null : `CAST(NULL AS ${type})` });
    const columns = await describe(session, model);
    const column = findColumn(columns, updateKey);
    if (column === undefined) throw missingColumn(model, ["update_key"], updateKey, columns);
    if (column.type === type || round === MAX_CURSOR_ROUNDS) return columns;
    type = column.type;
  }
}

async function describe(session: SqlSession, model: Model): Promise<Column[]> {
  try {
    return await session.describe(model.sql);
  } catch (error) {
    throw toModelError(error, model, 0);
  }
}

export async function resetCursor(session: SqlSession): Promise<void> {
  try {
    await session.setVariables({ cursor: null });
  } catch (error) {
    // In a transaction that has failed nothing runs any more; the failure itself is on its way.
    if (!(error instanceof SqlError)) throw error;
  }
}
