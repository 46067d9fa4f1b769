import type { Schema } from "apache-arrow";
import type { LoadShape } from "../../contract/connector/destination.ts";
import { AppError } from "../../contract/errors.ts";
import { quoteIdentifier } from "../../contract/sql.ts";
import type { Dialect, LoadColumn, MadeColumn, TargetColumn, TargetTable } from "./system.ts";

/** How the rows of one load get into their table. */
export interface LoadPlan<Column extends TargetColumn> {
  readonly columns: readonly LoadColumn<Column>[];
  /** The columns of the primary key; of `columns`. */
  readonly key: readonly LoadColumn<Column>[];
  /** The columns that tell the partitions of a delete_insert apart; of `columns`. */
  readonly partition: readonly LoadColumn<Column>[];
  /** Whether a unique index of the table has just the key's columns. */
  readonly hasUniqueKey: boolean;
}

/**
 * Matches the rows' columns with the table's; `table` is undefined where it is new. Throws `invalid`
 * where they cannot go there; `action` heads the message.
 */
export function planColumns<Column extends TargetColumn>(
  action: string,
  dialect: Dialect<Column>,
  schema: Schema,
  table: TargetTable<Column> | undefined,
  request: LoadShape,
): LoadPlan<Column> {
  const isSame = nameTest(dialect);
  checkNames(action, dialect, schema);
  const columns = schema.fields.map((field): LoadColumn<Column> => {
    const target = table && columnFor(action, field.name, table.columns);
    if (target === undefined) {
      const sql = dialect.typeOf(field);
      return { field, name: field.name, target, sentSql: sql, targetSql: sql };
    }
    if (target.isGenerated) {
      throw new AppError(
        "invalid",
        `${action}: the table computes column ${JSON.stringify(field.name)} itself`,
      );
    }
    return {
      field,
      name: target.name,
      target,
      sentSql: dialect.sentAs(field, target),
      targetSql: target.sql,
    };
  });
  if (table !== undefined) checkRequired(action, columns, table);
  const named = (by: string, list: readonly string[]) =>
    list.map((name) => {
      const found = columns.find(({ field }) => isSame(field.name, name));
      if (found !== undefined) return found;
      const names = schema.fields.map((field) => field.name).join(", ");
      throw new AppError(
        "invalid",
        `${action}: ${by} names ${JSON.stringify(name)}, and the rows have only ${names}`,
      );
    });
  const key = named("primary_key", request.primaryKey);
  const partition = named("partition_by", request.partitionBy ?? []);
  return { columns, key, partition, hasUniqueKey: table !== undefined && hasUniqueKey(table, key) };
}

/** The plan of rows that have the key only. Throws `invalid` where a column of it is none of the table's. */
export function planKey<Column extends TargetColumn>(
  action: string,
  dialect: Dialect<Column>,
  schema: Schema,
  table: TargetTable<Column>,
  primaryKey: readonly string[],
): LoadPlan<Column> {
  const shape: LoadShape = { mode: "merge", primaryKey };
  return planColumns(action, dialect, schema, { ...table, columns: table.columns.map(optional) }, shape);
}

const optional = <Column extends TargetColumn>(column: Column): Column => ({ ...column, isRequired: false });

/** The table's column of that name; one whose name differs by case is it, too, where it is the only one. */
export function columnFor<Column extends TargetColumn>(
  action: string,
  name: string,
  columns: readonly Column[],
): Column | undefined {
  const exact = columns.find((column) => column.name === name);
  if (exact !== undefined) return exact;
  const [found, other] = columns.filter((column) => column.name.toLowerCase() === name.toLowerCase());
  if (other === undefined) return found;
  throw new AppError(
    "invalid",
    `${action}: the rows have a column ${JSON.stringify(name)}, and the table has ${
      JSON.stringify(found?.name)
    } and ` +
      `${JSON.stringify(other.name)}; name it in the model as the table does`,
  );
}

/** Whether a unique index of the table has just the key's columns. */
export function hasUniqueKey<Column extends TargetColumn>(
  { uniqueKeys }: TargetTable<Column>,
  key: readonly LoadColumn<Column>[],
): boolean {
  return uniqueKeys.some((unique) =>
    unique.length === key.length && unique.every((name) => key.some((column) => column.name === name))
  );
}

/** Whether the table has just the rows' columns, each in the type that a new table has or once had. */
export function hasSameShape<Column extends TargetColumn>(
  dialect: Dialect<Column>,
  schema: Schema,
  table: TargetTable<Column>,
): boolean {
  const isSame = nameTest(dialect);
  return schema.fields.length === table.columns.length && schema.fields.every((field) => {
    const column = table.columns.find(({ name }) => isSame(name, field.name));
    if (column === undefined) return false;
    return column.sql === dialect.typeOf(field) || dialect.wasTypeOf?.(field, column) === true;
  });
}

/** The columns that loads have given the table, after this one: those they had given it before and the new ones. */
export function madeColumns<Column extends TargetColumn>(
  columns: readonly LoadColumn<Column>[],
  before: readonly MadeColumn[],
): MadeColumn[] {
  return [...before, ...columns.filter(isNew).map(({ name, targetSql }): MadeColumn => [name, targetSql])];
}

export const isNew = ({ target }: LoadColumn<TargetColumn>): boolean => target === undefined;

/** Whether the table has columns that the rows do not. */
export function lacksColumns<Column extends TargetColumn>(
  { columns }: LoadPlan<Column>,
  table: TargetTable<Column>,
): boolean {
  const given = new Set(columns.map(({ target }) => target));
  return table.columns.some((column) => !given.has(column));
}

export const needsCast = ({ sentSql, targetSql }: LoadColumn<TargetColumn>): boolean => sentSql !== targetSql;

/** The staged column as the table takes it. */
export function castOf<Column extends TargetColumn>(
  dialect: Dialect<Column>,
  column: LoadColumn<Column>,
): string {
  return needsCast(column) ? dialect.cast(column) : quoteIdentifier(column.name);
}

export const columnList = (columns: readonly { readonly name: string }[]): string =>
  columns.map(({ name }) => quoteIdentifier(name)).join(", ");

/** The definitions of a CREATE TABLE, in the types that are sent. */
export const columnDefinitions = (columns: readonly LoadColumn<TargetColumn>[]): string =>
  columns.map(({ name, sentSql }) => `${quoteIdentifier(name)} ${sentSql}`.trimEnd()).join(", ");

function nameTest(dialect: { readonly ignoresCase: boolean }): (one: string, other: string) => boolean {
  return dialect.ignoresCase
    ? (one, other) => one.toLowerCase() === other.toLowerCase()
    : (one, other) => one === other;
}

function checkNames<Column extends TargetColumn>(
  action: string,
  dialect: Dialect<Column>,
  schema: Schema,
): void {
  const names = schema.fields.map((field) => field.name);
  if (names.length === 0) throw new AppError("invalid", `${action}: the rows have no columns`);
  const isSame = nameTest(dialect);
  for (const [i, name] of names.entries()) {
    dialect.checkName(name);
    const first = names.slice(0, i).find((other) => isSame(other, name));
    if (first === undefined) continue;
    throw new AppError(
      "invalid",
      first === name
        ? `${action}: two columns are named ${JSON.stringify(name)}`
        : `${action}: the columns ${JSON.stringify(first)} and ${
          JSON.stringify(name)
        } differ in nothing but case, ` +
          `which the destination does not tell apart`,
    );
  }
}

function checkRequired<Column extends TargetColumn>(
  action: string,
  columns: readonly LoadColumn<Column>[],
  table: TargetTable<Column>,
): void {
  const given = new Set(columns.map(({ target }) => target));
  const missing = table.columns.find((column) => column.isRequired && !given.has(column));
  if (missing === undefined) return;
  throw new AppError(
    "invalid",
    `${action}: the table's column ${JSON.stringify(missing.name)} is NOT NULL without a default, ` +
      `and the rows do not have it`,
  );
}
