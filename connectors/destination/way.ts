import type { LoadInput, LoadMode, LoadShape } from "../../contract/connector/destination.ts";
import { AppError } from "../../contract/errors.ts";
import { checkKeys } from "./merge.ts";
import { columnDefinitions, isNew, lacksColumns, type LoadPlan, needsCast } from "./plan.ts";
import { planByKey } from "./replace_by_key.ts";
import type { LoadColumn, RelationName, SentRows, SqlTarget, TargetColumn, TargetTable } from "./system.ts";
import { addColumns, checkHeirs, checkTaken, refuseDependants } from "./target_rows.ts";

/** Where the rows of a load go, and how they get there. */

export type Way<Column extends TargetColumn> =
  | { readonly type: "create"; readonly relation: RelationName; finish(): Promise<void> }
  | { readonly type: "direct"; readonly table: TargetTable<Column> }
  | {
    readonly type: "staged";
    readonly table: TargetTable<Column>;
    /** Of a replace that keeps what the rows lack. */
    readonly byKey?: LoadPlan<Column> | undefined;
  };

/** Modes whose rows never go straight into a table that is there. */
const STAGED: ReadonlySet<LoadMode> = new Set(["merge", "delete_insert", "scd2"]);

/** Few enough that the system has not worked off what it got before the next batch is made. */
const SENT_BATCH_ROWS = 4_096;

/** Makes the table that the rows go into. `old` is the one that it replaces. */
export async function intoNewTable<Column extends TargetColumn>(
  target: SqlTarget<Column>,
  { mode }: LoadShape,
  plan: LoadPlan<Column>,
  old: TargetTable<Column> | undefined,
): Promise<Way<Column>> {
  const { session, name, dialect } = target;
  const place = old !== undefined
    ? await target.rebuild()
    : await target.create?.() ?? { relation: name, finish: async () => {} };
  await session.run(
    dialect.createTable?.(place.relation, plan.columns, keptKey(mode, plan, old)) ??
      `CREATE TABLE ${place.relation.quoted} (${columnDefinitions(plan.columns)})`,
  );
  return { type: "create", ...place };
}

/** Prepares the table that is there, or a stage beside it. Throws where the load must not change the table. */
export async function intoTable<Column extends TargetColumn>(
  target: SqlTarget<Column>,
  { mode, deletesMissing }: LoadShape,
  plan: LoadPlan<Column>,
  table: TargetTable<Column>,
): Promise<Way<Column>> {
  const { action, session, dialect } = target;
  if (mode === "replace" || mode === "delete_insert") {
    await refuseDependants(target, "replacing its rows", "load with mode: merge");
  } else if (mode === "merge" && deletesMissing) {
    await refuseDependants(target, "deleting its rows", "leave out deletes: hard");
  }
  const byKey = mode === "replace" ? await planByKey(target, table, plan) : undefined;
  const added = plan.columns.some(isNew);
  if (added) checkHeirs(action, table, plan);
  const isStaged = dialect.stagesApart || STAGED.has(mode) || byKey !== undefined ||
    plan.columns.some(needsCast) ||
    (added && dialect.addsColumnsLate) ||
    (!dialect.sendsDefaults && lacksColumns(plan, table));
  if (!isStaged) {
    if (added) await addColumns(target, plan);
    return { type: "direct", table };
  }
  await session.run(dialect.stage.create(columnDefinitions(plan.columns)));
  return { type: "staged", table, byKey };
}

/** Sends all rows on their way. Throws where not just as many were taken as were announced. */
export async function sendRows<Column extends TargetColumn>(
  target: SqlTarget<Column>,
  { mode }: LoadShape,
  { way, plan }: { readonly way: Way<Column>; readonly plan: LoadPlan<Column> },
  input: LoadInput,
  signal: AbortSignal,
): Promise<SentRows> {
  const { action, session, name, dialect } = target;
  const relation = way.type === "create"
    ? way.relation.quoted
    : way.type === "direct"
    ? name.quoted
    : dialect.stage.relation;
  const sent = await session.send(relation, plan.columns, input.batches(SENT_BATCH_ROWS), signal);
  signal.throwIfAborted();
  if (input.rows !== null && sent.sent !== input.rows) {
    throw new AppError(
      "internal",
      `${action}: ${input.rows} rows were announced, ${sent.sent} sent and ${sent.taken} taken; nothing is changed`,
    );
  }
  if (way.type === "direct") {
    checkTaken(action, way.table, sent.sent, sent.taken);
    // Where the table has a unique key it refused by itself what comes twice.
    if (mode === "replace" && plan.key.length > 0 && !plan.hasUniqueKey) {
      await checkKeys(session, dialect, action, plan, way.table.only);
    }
  }
  if (sent.taken !== sent.sent) {
    throw new AppError(
      "internal",
      `${action}: ${sent.sent} rows were sent and ${sent.taken} taken; nothing is changed`,
    );
  }
  return sent;
}

/** Gives a new table its key, and puts it in its place. Throws where a key comes twice. */
export async function finishTable<Column extends TargetColumn>(
  { session, action, dialect }: SqlTarget<Column>,
  { mode }: LoadShape,
  way: Extract<Way<Column>, { type: "create" }>,
  plan: LoadPlan<Column>,
): Promise<void> {
  const key = newKey(mode, plan);
  if (key.length > 0 && dialect.createTable === undefined) {
    await checkKeys(session, dialect, action, plan, way.relation.quoted);
    const added = dialect.addKey(way.relation, key.map(({ name }) => name), { mode, isNew: true });
    for (const statement of added) await session.run(statement);
  }
  await way.finish();
}

/** The key that a table gets which a load makes. */
export function newKey<Column extends TargetColumn>(
  mode: LoadMode,
  { key }: LoadPlan<Column>,
): readonly LoadColumn<Column>[] {
  // A history has many rows of a key.
  return mode === "append" || mode === "scd2" ? [] : key;
}

/** The key of a table that takes an old one's place: the old one's, where the load names none. */
function keptKey<Column extends TargetColumn>(
  mode: LoadMode,
  plan: LoadPlan<Column>,
  old: TargetTable<Column> | undefined,
): readonly LoadColumn<Column>[] {
  const key = newKey(mode, plan);
  if (key.length > 0 || old === undefined) return key;
  const kept = old.primaryKey.map((name) => plan.columns.find((column) => column.name === name));
  return kept.every((column) => column !== undefined) ? kept : [];
}
