import type { Schema } from "apache-arrow";
import type { LoadRequest } from "../../contract/connector/destination.ts";
import { columnDefinitions, isNew, type LoadPlan, planColumns } from "./plan.ts";
import { addColumns } from "./target_rows.ts";
import { checkUserSql } from "./user_sql.ts";
import type { LoadColumn, MadeColumn, SqlTarget, TargetColumn } from "./system.ts";

export interface Defined {
  /** Whether the table was made. */
  readonly isMade: boolean;
  /** The columns that it got. */
  readonly columns: readonly MadeColumn[];
}

/**
 * Makes the table, or the columns that it lacks, before the transaction of a load with users' SQL, where to do so
 * within it would end it. Throws `invalid` before anything is made for rows or statements that cannot be.
 */
export async function defineFirst<Target, Column extends TargetColumn>(
  target: SqlTarget<Column>,
  schema: Schema,
  request: LoadRequest<Target>,
  newKey: (plan: LoadPlan<Column>) => readonly LoadColumn<Column>[],
): Promise<Defined> {
  const { action, name, session, dialect, catalogue } = target;
  checkUserSql(target, "pre_sql", request.preSql ?? []);
  checkUserSql(target, "post_sql", request.postSql ?? []);
  const table = await catalogue.inspect();
  const plan = planColumns(action, dialect, schema, table, request);
  const columns = plan.columns.filter(isNew).map((column): MadeColumn => [column.name, column.targetSql]);
  if (table !== undefined) await addColumns(target, plan);
  else {
    await session.run(
      dialect.createTable?.(name, plan.columns, newKey(plan)) ??
        `CREATE TABLE ${name.quoted} (${columnDefinitions(plan.columns)})`,
    );
  }
  return { isMade: table === undefined, columns };
}
