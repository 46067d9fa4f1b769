import { quoteIdentifier } from "../../contract/sql.ts";
import { type Merge, mergeRows, rowsMatching } from "./merge.ts";
import { hasUniqueKey, type LoadPlan } from "./plan.ts";
import { checkDeleted, checkTaken, deleteFrom } from "./target_rows.ts";
import type { SqlTarget, TargetColumn, TargetTable } from "./system.ts";

/**
 * A replace of a table that has columns of its own, which the rows do not have: rows whose key is there
 * stay, with what they have in those columns, and are updated; the others go, and new ones come.
 */

/** The plan by the key of the load or of the table; undefined where there is nothing to keep, or no key to keep it by. */
export async function planByKey<Column extends TargetColumn>(
  { session }: SqlTarget<Column>,
  table: TargetTable<Column>,
  plan: LoadPlan<Column>,
): Promise<LoadPlan<Column> | undefined> {
  const given = new Set(plan.columns.map(({ target }) => target));
  if (!table.columns.some((column) => !given.has(column) && !column.isGenerated)) return undefined;
  const ofTable = table.primaryKey.map((name) => plan.columns.find((column) => column.target?.name === name));
  const key = plan.key.length > 0 ? plan.key : ofTable.filter((column) => column !== undefined);
  if (key.length === 0 || (plan.key.length === 0 && key.length < ofTable.length)) return undefined;
  // A key that is new to the table tells none of its rows apart.
  if (key.some(({ target }) => target === undefined)) return undefined;
  const isUnique = hasUniqueKey(table, key);
  if (!isUnique) {
    const list = key.map(({ name }) => quoteIdentifier(name)).join(", ");
    const twice = await session.rows(
      `SELECT 1 FROM ${table.only} GROUP BY ${list} HAVING count(*) > 1 LIMIT 1`,
    );
    if (twice.length > 0) return undefined;
  }
  return { ...plan, key, hasUniqueKey: isUnique };
}

/** Throws `invalid` where a trigger leaves a row out, or keeps one. */
export async function replaceByKey<Column extends TargetColumn>(
  merge: Merge<Column>,
): Promise<{ readonly inserted: number; readonly updated: number; readonly deleted: number }> {
  const { target: { session, action }, dialect, table, plan, rows } = merge;
  const lock = dialect.lockTable?.(table.only);
  if (lock !== undefined) await session.run(lock);
  if (dialect.stage.analyze !== undefined) await session.run(dialect.stage.analyze);
  const isGone = `WHERE NOT EXISTS (${rowsMatching(dialect, plan)})`;
  const deleted = await session.run(`${deleteFrom(dialect, table)} ${isGone}`);
  const { inserted, updated, taken } = await mergeRows(merge);
  checkTaken(action, table, rows, taken);
  await checkDeleted(merge.target, table, `SELECT 1 FROM ${table.only} AS t ${isGone} LIMIT 1`);
  return { inserted, updated, deleted };
}
