import type { HistoryShape } from "../../contract/connector/destination.ts";
import { AppError } from "../../contract/errors.ts";
import { quoteIdentifier, quoteLiteral } from "../../contract/sql.ts";
import { type Merge, refuseKeyTwiceInTable, rowsMatching, stagedAs } from "./merge.ts";
import { columnFor, columnList, type LoadPlan } from "./plan.ts";
import { checkTaken } from "./target_rows.ts";
import type { Dialect, LoadColumn, SqlTarget, TargetColumn, TargetTable } from "./system.ts";

/**
 * scd2: a history. The staged rows are what holds from a moment on. A version that holds until then and differs
 * is closed at that moment, and the row becomes a version of its own; one that is the same in every column
 * stays as it is.
 */

/** The columns of a history as the table spells them, quoted, with the moment as a literal. */
export interface HistoryColumns {
  readonly from: string;
  readonly to: string;
  readonly current: string;
  readonly atMs: number;
}

/** Throws `conflict` for a table that is no history. */
export function historyColumns<Column extends TargetColumn>(
  action: string,
  table: TargetTable<Column>,
  { validFrom, validTo, isCurrent, atMs }: HistoryShape,
): HistoryColumns {
  const [from = "", to = "", current = ""] = [validFrom, validTo, isCurrent].map((name) => {
    const column = columnFor(action, name, table.columns);
    if (column !== undefined) return quoteIdentifier(column.name);
    throw new AppError(
      "conflict",
      `${action}: the table has no column ${
        JSON.stringify(name)
      }, and so is no history of rows; load into a ` +
        "table of its own, or name its columns by scd2",
    );
  });
  return { from, to, current, atMs };
}

/** Closes the current versions `t` that the condition holds for, and returns how many those were. */
export async function closeVersions<Column extends TargetColumn>(
  { session, dialect }: SqlTarget<Column>,
  { only }: TargetTable<Column>,
  { to, current, atMs }: HistoryColumns,
  condition: string,
): Promise<number> {
  return await session.run(
    `UPDATE ${only} AS t SET ${to} = ${momentOf(dialect, atMs)}, ${current} = false
      WHERE t.${current} AND ${condition}`,
  );
}

/** Throws `conflict` where the table has versions that begin later, or several of one key that hold. */
export async function recordHistory<Column extends TargetColumn>(
  merge: Merge<Column>,
  shape: HistoryShape,
  deletesMissing: boolean,
): Promise<{ readonly inserted: number; readonly updated: number }> {
  const { target, dialect, table, plan } = merge;
  const { session, action, name } = target;
  const lock = dialect.lockTable?.(table.only);
  if (lock !== undefined) await session.run(lock);
  if (dialect.stage.analyze !== undefined) await session.run(dialect.stage.analyze);
  const columns = historyColumns(action, table, shape);
  const { current } = columns;
  await refuseLaterVersions(target, table, columns);
  await refuseKeyTwiceInTable(merge, `t.${current}`);
  const missing = deletesMissing
    ? await closeVersions(target, table, columns, `NOT EXISTS (${rowsMatching(dialect, plan)})`)
    : 0;
  const own = new Set([columns.from, columns.to, current]);
  const compared = plan.columns.filter((column) =>
    !plan.key.includes(column) && !own.has(quoteIdentifier(column.name))
  );
  const isChanged = compared.map((column) => differs(dialect, column)).join(" OR ");
  const changed = compared.length === 0
    ? 0
    : await closeVersions(target, table, columns, `EXISTS (${changedRows(merge, isChanged)})`);
  const matching = `SELECT 1 FROM ${table.only} AS t WHERE t.${current} AND ${keysMatch(plan)}`;
  const fresh = `FROM ${stagedAs(merge)} WHERE NOT EXISTS (${matching})`;
  const [expected] = await session.rows(`SELECT count(*) ${fresh}`);
  const inserted = await session.run(
    `${dialect.insertInto} ${name.quoted} (${columnList(plan.columns)})${dialect.overriding}
     SELECT ${columnList(plan.columns)} ${fresh}`,
  );
  checkTaken(action, table, Number(expected?.[0]), inserted);
  return { inserted, updated: missing + changed };
}

const changedRows = <Column extends TargetColumn>(merge: Merge<Column>, isChanged: string): string =>
  `SELECT 1 FROM ${stagedAs(merge)} WHERE ${keysMatch(merge.plan)} AND (${isChanged})`;

const keysMatch = (plan: LoadPlan<TargetColumn>): string =>
  plan.key.map(({ name }) => `t.${quoteIdentifier(name)} = s.${quoteIdentifier(name)}`).join(" AND ");

function differs<Column extends TargetColumn>(dialect: Dialect<Column>, column: LoadColumn<Column>): string {
  const [old, fresh] = [`t.${quoteIdentifier(column.name)}`, `s.${quoteIdentifier(column.name)}`];
  return dialect.isDistinct?.(column, old, fresh) ?? `${old} IS DISTINCT FROM ${fresh}`;
}

/** A run for a window of the past: what it reads does not hold from then on. */
async function refuseLaterVersions<Column extends TargetColumn>(
  { session, action, dialect }: SqlTarget<Column>,
  { only }: TargetTable<Column>,
  { from, current, atMs }: HistoryColumns,
): Promise<void> {
  const [later] = await session.rows(
    `SELECT ${dialect.textOf(`t.${from}`)} FROM ${only} AS t
      WHERE t.${current} AND t.${from} > ${momentOf(dialect, atMs)} LIMIT 1`,
  );
  if (later === undefined) return;
  throw new AppError(
    "conflict",
    `${action}: it has versions from ${later[0]}, later than this run's own time, ` +
      `${new Date(atMs).toISOString()}; a history can only be gone on with`,
  );
}

function momentOf<Column extends TargetColumn>(dialect: Dialect<Column>, atMs: number): string {
  const iso = new Date(atMs).toISOString();
  return dialect.momentOf?.(iso) ?? quoteLiteral(iso.replace("T", " ").replace("Z", "+00"));
}
