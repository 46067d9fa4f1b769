import { AppError } from "../../../contract/errors.ts";
import { quoteName } from "../../../contract/names.ts";
import { readType } from "../../../contract/snapshots/parquet.ts";
import type { Condition, SnapshotQuery } from "../../../contract/snapshots/query.ts";
import { type Column, findColumn, quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import { isExactValue } from "./exact_value.ts";

/** A row's place in the file; no column of a model has such a name. */
export const ROW = "file_row_number";

/** A column of a snapshot's file, with the type that its model has, as far as the file still has it. */
export interface SnapshotColumn extends Column {
  readonly ownType: string;
}

/** The file's columns as they are, and `own` as the model has them. */
export function snapshotColumns(columns: readonly Column[], own: readonly Column[]): SnapshotColumn[] {
  return columns.map((column) => {
    const type = readType(findColumn(own, column.name)?.type ?? column.type);
    // Of what is kept as text the order is that of its own type: intervals, times with a zone, enumerations.
    return { ...column, ownType: column.type === "VARCHAR" ? type : column.type };
  });
}

/**
 * The SELECT that a query of a snapshot stands for; `relation` has the file's columns and each row's place. Names are
 * quoted and values are literals cast to their column's type. Throws `invalid` for a value that is none of that type.
 */
export async function snapshotSql(
  session: DuckSession,
  relation: string,
  query: SnapshotQuery,
  columns: readonly SnapshotColumn[],
): Promise<string> {
  const conditions = [
    ...query.where.map((condition) => conditionSql(condition, columns)),
    ...query.afterRow === undefined ? [] : [`${ROW} > ${query.afterRow}`],
  ];
  for (const condition of query.where) await requireValues(session, condition, columns);
  const order = [
    ...query.order.map(({ column, isDescending, nullsFirst }) =>
      `${valueOf(column, columns)} ${isDescending ? "DESC" : "ASC"} NULLS ${nullsFirst ? "FIRST" : "LAST"}`
    ),
    ROW,
  ];
  const isPaged = query.limit !== undefined;
  return [
    `SELECT ${[...columns.map(({ name }) => quoteIdentifier(name)), ROW].join(", ")}`,
    `FROM ${relation}`,
    ...(conditions.length === 0 ? [] : [`WHERE ${conditions.join(" AND ")}`]),
    // Rows come in the order of the file by themselves.
    ...(query.order.length === 0 && !isPaged ? [] : [`ORDER BY ${order.join(", ")}`]),
    ...(query.limit === undefined ? [] : [`LIMIT ${query.limit}`]),
    ...(query.offset === 0 ? [] : [`OFFSET ${query.offset}`]),
  ].join("\n");
}

function conditionSql(condition: Condition, columns: readonly SnapshotColumn[]): string {
  const column = valueOf(condition.column, columns);
  const type = typeOf(condition.column, columns);
  const value = (text: string) => `CAST(${quoteLiteral(text)} AS ${type})`;
  const sql = () => {
    switch (condition.kind) {
      case "compare":
        return `${column} ${condition.operator} ${value(condition.value)}`;
      case "match":
        return `CAST(${quoteIdentifier(condition.column)} AS VARCHAR) ${condition.operator} ${
          quoteLiteral(condition.value)
        }`;
      case "in":
        return `${column} IN (${condition.values.map(value).join(", ")})`;
      case "is":
        return `${column} IS ${condition.value.toUpperCase()}`;
    }
  };
  return condition.isNegated ? `NOT (${sql()})` : sql();
}

/** DuckDB's own error of a cast would quote a query that nobody has written. */
async function requireValues(
  session: DuckSession,
  condition: Condition,
  columns: readonly SnapshotColumn[],
): Promise<void> {
  const type = typeOf(condition.column, columns);
  if (condition.kind === "is" && condition.value !== "null" && type !== "BOOLEAN") {
    throw new AppError(
      "invalid",
      `Cannot ask whether ${quoteName(condition.column)} is ${condition.value}: it is ${type}`,
    );
  }
  const values = condition.kind === "compare"
    ? [condition.value]
    : condition.kind === "in"
    ? condition.values
    : [];
  if (values.length === 0) return;
  const tries = values.map((value, i) => `TRY_CAST(${quoteLiteral(value)} AS ${type}) IS NOT NULL AS v${i}`);
  const [found] = await session.rows(`SELECT ${tries.join(", ")}`);
  const wrong = values.find((value, i) => found?.[`v${i}`] !== true || !isExactValue(value, type));
  if (wrong === undefined) return;
  throw new AppError(
    "invalid",
    `Cannot compare ${quoteName(condition.column)} with ${quoteName(wrong)}: it is ${type}`,
  );
}

const typeOf = (name: string, columns: readonly SnapshotColumn[]): string =>
  findColumn(columns, name)?.ownType ?? "VARCHAR";

/** A column by its own type. */
function valueOf(name: string, columns: readonly SnapshotColumn[]): string {
  const { type, ownType } = findColumn(columns, name) ?? {};
  const value = quoteIdentifier(name);
  return ownType === undefined || type === ownType ? value : `CAST(${value} AS ${ownType})`;
}
