import type { LoadShape } from "../../contract/connector/destination.ts";
import { checkCasts } from "./casts.ts";
import { deletePartitions } from "./delete_insert.ts";
import { applyGone } from "./gone.ts";
import { recordHistory } from "./history.ts";
import { checkKeys, type Merge, mergeRows } from "./merge.ts";
import { castOf, columnList, type LoadPlan } from "./plan.ts";
import { replaceByKey } from "./replace_by_key.ts";
import { addColumns, checkTaken, deleteRows } from "./target_rows.ts";
import type { TargetColumn } from "./system.ts";

/** How many of the target's rows are new, changed, gone. */
export interface Counts {
  readonly inserted: number | null;
  readonly updated: number | null;
  readonly deleted: number | null;
}

/** Staged rows on their way into a table that is there. */
export interface Move<Column extends TargetColumn> extends Merge<Column> {
  readonly shape: LoadShape;
  /** Of staged keys whose rows are to go, where there are any. */
  readonly gone: LoadPlan<Column> | undefined;
  /** Of a replace that keeps what the rows lack. */
  readonly byKey: LoadPlan<Column> | undefined;
}

/**
 * Checks the staged rows and brings them into their table, by the load's mode. Throws `invalid` where a value
 * or a key does not fit, `conflict` where the table is in the way.
 */
export async function moveStaged<Column extends TargetColumn>(move: Move<Column>): Promise<Counts> {
  const { target, dialect, shape: { mode }, plan, byKey } = move;
  const { session, action } = target;
  await checkCasts(session, dialect, action, plan.columns);
  const keyed = byKey ?? plan;
  if (mode !== "append" && keyed.key.length > 0) {
    await checkKeys(session, dialect, action, keyed, dialect.stage.relation);
  }
  await addColumns(target, plan);
  const counts = byKey === undefined ? await moveByMode(move) : await replaceByKey({ ...move, plan: byKey });
  if (dialect.stage.drop !== undefined) await session.run(dialect.stage.drop);
  return counts;
}

async function moveByMode<Column extends TargetColumn>(move: Move<Column>): Promise<Counts> {
  const { target, shape, table, plan } = move;
  const { mode, history, deletesMissing = false } = shape;
  const gone = move.gone === undefined ? 0 : await applyGone(target, table, shape, move.gone);
  if (history !== undefined) {
    const { inserted, updated } = await recordHistory(move, history, deletesMissing);
    return { inserted, updated: updated + gone, deleted: 0 };
  }
  if (mode === "merge" && deletesMissing) {
    const merged = await replaceByKey(move);
    return { ...merged, deleted: merged.deleted + gone };
  }
  if (mode === "merge") {
    const merged = await mergeRows(move);
    checkTaken(target.action, table, move.rows, merged.taken);
    return { inserted: merged.inserted, updated: merged.updated, deleted: gone };
  }
  const deleted = mode === "replace"
    ? await deleteRows(target, table)
    : mode === "delete_insert"
    ? await deletePartitions(target, table, plan)
    : 0;
  return { inserted: await insertStaged(move), updated: 0, deleted };
}

/** Inserts all staged rows. */
async function insertStaged<Column extends TargetColumn>(
  { target: { session, action, name }, dialect, table, plan, rows }: Move<Column>,
): Promise<number> {
  const casts = plan.columns.map((column) => castOf(dialect, column)).join(", ");
  const inserted = await session.run(
    `${dialect.insertInto} ${name.quoted} (${columnList(plan.columns)})${dialect.overriding}
     SELECT ${casts} FROM ${dialect.stage.relation}`,
  );
  checkTaken(action, table, rows, inserted);
  return inserted;
}
