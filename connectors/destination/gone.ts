import type { KeysGone, LoadShape } from "../../contract/connector/destination.ts";
import { AppError } from "../../contract/errors.ts";
import { checkCasts } from "./casts.ts";
import { closeVersions, historyColumns } from "./history.ts";
import { rowsMatching } from "./merge.ts";
import { columnDefinitions, type LoadPlan, planKey } from "./plan.ts";
import { checkDeleted, deleteFrom, refuseDependants } from "./target_rows.ts";
import type { SqlTarget, TargetColumn, TargetTable } from "./system.ts";

/**
 * Sends the keys whose rows are to go to where they wait, and returns the plan of their columns; undefined where
 * there are none. Throws `invalid` where their going would change other tables.
 */
export async function stageGone<Column extends TargetColumn>(
  target: SqlTarget<Column>,
  table: TargetTable<Column>,
  { primaryKey, history }: LoadShape,
  keys: KeysGone,
  signal: AbortSignal,
): Promise<LoadPlan<Column> | undefined> {
  if (keys.rows === 0) return undefined;
  const { action, session, dialect } = target;
  if (history === undefined) await refuseDependants(target, "deleting its rows", "leave out hard_delete");
  const plan = planKey(action, dialect, keys.schema, table, primaryKey);
  await session.run(dialect.gone.create(columnDefinitions(plan.columns)));
  const { sent, taken } = await session.send(dialect.gone.relation, plan.columns, keys.batches(), signal);
  signal.throwIfAborted();
  if (sent === keys.rows && taken === sent) return plan;
  throw new AppError(
    "internal",
    `${action}: ${keys.rows} keys are gone, ${sent} were sent and ${taken} taken; nothing is changed`,
  );
}

/** Deletes the table's rows of the staged keys, or closes them in a history; returns how many those were. */
export async function applyGone<Column extends TargetColumn>(
  target: SqlTarget<Column>,
  table: TargetTable<Column>,
  { history }: LoadShape,
  plan: LoadPlan<Column>,
): Promise<number> {
  const { action, session, dialect } = target;
  const { gone } = dialect;
  await checkCasts(session, dialect, action, plan.columns, gone);
  if (gone.analyze !== undefined) await session.run(gone.analyze);
  const isGone = `EXISTS (${rowsMatching(dialect, plan, gone)})`;
  let changed;
  if (history === undefined) {
    changed = await session.run(`${deleteFrom(dialect, table)} WHERE ${isGone}`);
    await checkDeleted(target, table, `SELECT 1 FROM ${table.only} AS t WHERE ${isGone} LIMIT 1`);
  } else {
    changed = await closeVersions(target, table, historyColumns(action, table, history), isGone);
  }
  if (gone.drop !== undefined) await session.run(gone.drop);
  return changed;
}
