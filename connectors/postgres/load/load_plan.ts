import type { Schema } from "apache-arrow";
import { AppError } from "../../../contract/errors.ts";
import { quoteIdentifier } from "../../../contract/sql.ts";
import type { ColumnEncoder } from "./encode/column_encoder.ts";
import { checkName } from "../table_name.ts";
import { hasUniqueKey, type TargetColumn, type TargetTable } from "./target_table.ts";
import { directEncoder, type WriteType, writeType } from "./types.ts";

/** A column of the rows and where it goes. */
export interface LoadColumn {
  readonly name: string;
  readonly source: WriteType;
  readonly encoder: ColumnEncoder;
  /** The type that the encoder writes: the table's, or the source's own where PostgreSQL has to cast. */
  readonly copySql: string;
  /** The table's type, as in a cast; the source's own where the column is new. */
  readonly targetSql: string;
  readonly isNew: boolean;
}

export interface LoadPlan {
  readonly columns: readonly LoadColumn[];
  /** Whether a unique index of the table has just these columns. */
  readonly hasUniqueKey: boolean;
}

/** Throws `invalid` where the rows' columns cannot go into the table; `action` heads its message. */
export function planLoad(
  action: string,
  schema: Schema,
  table: TargetTable | undefined,
  primaryKey: readonly string[],
): LoadPlan {
  checkInput(action, schema, primaryKey);
  const columns = schema.fields.map((field): LoadColumn => {
    const source = writeType(field);
    const target = table?.columns.find((column) => column.name === field.name);
    const natural = {
      name: field.name,
      source,
      encoder: source.createEncoder(),
      copySql: source.sql,
      targetSql: source.sql,
      isNew: true,
    };
    if (target === undefined) return natural;
    if (target.isGenerated) {
      throw new AppError(
        "invalid",
        `${action}: the table computes column ${JSON.stringify(field.name)} itself`,
      );
    }
    const targetSql = target.type.sql;
    const direct = directEncoder(source, target.type);
    return direct === undefined
      ? { ...natural, targetSql, isNew: false }
      : { ...natural, encoder: direct, copySql: targetSql, targetSql, isNew: false };
  });
  if (table !== undefined) checkMissing(action, columns, table.columns);
  return { columns, hasUniqueKey: table !== undefined && hasUniqueKey(table, primaryKey) };
}

/** Whether the table has just the rows' columns, each in the type that a new table would have. */
export function hasSameShape(schema: Schema, table: TargetTable): boolean {
  return schema.fields.length === table.columns.length && schema.fields.every((field) => {
    const column = table.columns.find(({ name }) => name === field.name);
    return column !== undefined && column.type.sql === writeType(field).sql;
  });
}

function checkInput(action: string, schema: Schema, primaryKey: readonly string[]): void {
  const names = schema.fields.map((field) => field.name);
  if (names.length === 0) throw new AppError("invalid", `${action}: the rows have no columns`);
  for (const name of names) checkName("column", name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new AppError("invalid", `${action}: two columns are named ${JSON.stringify(twice)}`);
  }
  const unknown = primaryKey.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new AppError(
      "invalid",
      `${action}: primary_key names ${JSON.stringify(unknown)}, and the rows have only ${names.join(", ")}`,
    );
  }
}

function checkMissing(action: string, columns: readonly LoadColumn[], table: readonly TargetColumn[]): void {
  const given = new Set(columns.map((column) => column.name));
  const missing = table.find((column) =>
    column.isNotNull && !column.hasDefault && !column.isGenerated && !given.has(column.name)
  );
  if (missing !== undefined) {
    throw new AppError(
      "invalid",
      `${action}: the table's column ${JSON.stringify(missing.name)} is NOT NULL without a default, ` +
        `and the rows do not have it`,
    );
  }
}

export const columnList = (columns: readonly { readonly name: string }[]): string =>
  columns.map((column) => quoteIdentifier(column.name)).join(", ");

/** The definitions of CREATE TABLE. */
export function columnDefinitions(columns: readonly LoadColumn[], primaryKey: readonly string[]): string {
  const definitions = columns.map(({ name, copySql }) => `${quoteIdentifier(name)} ${copySql}`);
  if (primaryKey.length > 0) definitions.push(`PRIMARY KEY (${primaryKey.map(quoteIdentifier).join(", ")})`);
  return definitions.join(", ");
}
