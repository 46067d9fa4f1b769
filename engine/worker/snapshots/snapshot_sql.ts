import { AppError } from "../../../contract/errors.ts";
import { quoteName } from "../../../contract/names.ts";
import type { Condition, SnapshotQuery } from "../../../contract/snapshots/query.ts";
import { type Column, findColumn, quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import type { DuckSession } from "../../duckdb/session.ts";

/** A row's place in the file; no column of a model has such a name. */
export const ROW = "file_row_number";

/**
 * The SELECT that a query of a snapshot stands for; `relation` has the file's columns and each row's place. Names are
 * quoted and values are literals cast to their column's type. Throws `invalid` for a value that is none of that type.
 */
export async function snapshotSql(
  session: DuckSession,
  relation: string,
  query: SnapshotQuery,
  columns: readonly Column[],
): Promise<string> {
  const conditions = [
    ...query.where.map((condition) => conditionSql(condition, columns)),
    ...query.afterRow === undefined ? [] : [`${ROW} > ${query.afterRow}`],
  ];
  for (const condition of query.where) await requireValues(session, condition, columns);
  const order = [
    ...query.order.map(({ column, isDescending, nullsFirst }) =>
      `${quoteIdentifier(column)} ${isDescending ? "DESC" : "ASC"} NULLS ${nullsFirst ? "FIRST" : "LAST"}`
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

function conditionSql(condition: Condition, columns: readonly Column[]): string {
  const column = quoteIdentifier(condition.column);
  const type = typeOf(condition.column, columns);
  const value = (text: string) => `CAST(${quoteLiteral(text)} AS ${type})`;
  const sql = () => {
    switch (condition.kind) {
      case "compare":
        return `${column} ${condition.operator} ${value(condition.value)}`;
      case "match":
        return `CAST(${column} AS VARCHAR) ${condition.operator} ${quoteLiteral(condition.value)}`;
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
  columns: readonly Column[],
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
  const wrong = values.find((_, i) => found?.[`v${i}`] !== true);
  if (wrong === undefined) return;
  throw new AppError(
    "invalid",
    `Cannot compare ${quoteName(condition.column)} with ${quoteName(wrong)}: it is ${type}`,
  );
}

const typeOf = (name: string, columns: readonly Column[]): string =>
  findColumn(columns, name)?.type ?? "VARCHAR";
