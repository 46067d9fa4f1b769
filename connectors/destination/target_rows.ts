import { AppError } from "../../contract/errors.ts";
import { quoteIdentifier } from "../../contract/sql.ts";
import { isNew, type LoadPlan } from "./plan.ts";
import type { Dialect, SqlTarget, TargetColumn, TargetTable } from "./system.ts";

/** What all modes do to the table that is loaded into. */

/** Throws where the table did not take every row. */
export function checkTaken(
  action: string,
  table: Pick<TargetTable<TargetColumn>, "skippingTriggers">,
  sent: number,
  taken: number,
): void {
  if (taken === sent) return;
  const triggers = table.skippingTriggers;
  const who = triggers.length === 0 ? "a trigger or a rule of it" : `its trigger ${triggers.join(" or ")}`;
  throw new AppError(
    "invalid",
    `${action}: the table took ${taken} of ${sent} rows, since ${who} leaves rows out; ` +
      `nothing is changed. Leave them out in the model, or drop the trigger`,
  );
}

/** Throws where new columns would go to other tables too. */
export function checkHeirs<Column extends TargetColumn>(
  action: string,
  { heirs }: Pick<TargetTable<Column>, "heirs">,
  plan: LoadPlan<Column>,
): void {
  if (heirs.length === 0) return;
  const names = plan.columns.filter(isNew).map(({ name }) => JSON.stringify(name)).join(", ");
  throw new AppError(
    "invalid",
    `${action}: the table has no column ${names}, and to add it would change ${
      heirs.join(", ")
    }, which inherits; ` +
      `leave it out in the model, or add it yourself`,
  );
}

/** Adds what the table does not have yet. In some systems this locks out its readers, so it comes late there. */
export async function addColumns<Column extends TargetColumn>(
  { session, name }: SqlTarget<Column>,
  plan: LoadPlan<Column>,
): Promise<void> {
  for (const column of plan.columns.filter(isNew)) {
    const definition = `${quoteIdentifier(column.name)} ${column.targetSql}`.trimEnd();
    await session.run(`ALTER TABLE ${name.quoted} ADD COLUMN ${definition}`);
  }
}

/**
 * A replace deletes the old rows and brings the new ones in one transaction, into the same table:
 * readers see all the old rows until the commit, and the table keeps its definition, grants,
 * indexes, and what refers to it. Other writers wait, so that the table holds just these rows.
 */
export async function deleteRows<Column extends TargetColumn>(
  { session, action, dialect }: SqlTarget<Column>,
  table: TargetTable<Column>,
): Promise<number> {
  const { only } = table;
  const lock = dialect.lockTable?.(only);
  if (lock !== undefined) await session.run(lock);
  const deleted = await session.run(`DELETE FROM ${only}`);
  await checkDeleted({ session, action }, table, `SELECT 1 FROM ${only} LIMIT 1`);
  return deleted;
}

/** Throws `invalid` where a DELETE of the table's rows would change other tables; `what` says what deletes, and `advice` what does not. */
export async function refuseDependants<Column extends TargetColumn>(
  { action, catalogue }: SqlTarget<Column>,
  what: string,
  advice: string,
): Promise<void> {
  const dependants = await catalogue.dependants();
  if (dependants.length === 0) return;
  throw new AppError(
    "invalid",
    `${action}: ${what} would also change ${dependants.join(", ")}; ` +
      `${advice}, or drop what ties them together`,
  );
}

/** The beginning of a DELETE whose WHERE, which follows, knows the table's rows as `t`. */
export const deleteFrom = <Column extends TargetColumn>(
  dialect: Dialect<Column>,
  { only }: Pick<TargetTable<Column>, "only">,
): string => dialect.deleteFrom?.(only) ?? `DELETE FROM ${only} AS t`;

/** Throws where a trigger kept rows that were to go; `left` selects them. */
export async function checkDeleted<Column extends TargetColumn>(
  { session, action }: Pick<SqlTarget<Column>, "session" | "action">,
  table: TargetTable<Column>,
  left: string,
): Promise<void> {
  if (table.skippingTriggers.length === 0 || (await session.rows(left)).length === 0) return;
  throw new AppError(
    "invalid",
    `${action}: its trigger ${
      table.skippingTriggers.join(" or ")
    } keeps rows from being deleted; nothing is changed. ` +
      `Load with mode: merge, or drop the trigger`,
  );
}

export async function countRows<Column extends TargetColumn>(
  { session, name }: SqlTarget<Column>,
): Promise<number> {
  const [found] = await session.rows(`SELECT count(*) FROM ${name.quoted}`);
  return Number(found?.[0]);
}
