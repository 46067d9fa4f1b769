import { type Column, findColumn, SqlError, type SqlSession } from "../../contract/sql.ts";
import { explainSqlError } from "../language/explain_error.ts";
import type { Model } from "../language/model.ts";
import { isColumnName, partitionSql } from "../language/partition.ts";
import { headerError, missingColumn } from "./header_error.ts";

/** Partitions of a model's rows: those with equal values of `partition_by`, NULL among them. */

/** Throws invalid, at its place in the header, for an entry that is no expression of the columns of `rows`. */
export async function partitionExpressions(
  session: SqlSession,
  model: Model,
  rows: string,
  columns: readonly Column[],
): Promise<string[]> {
  const expressions: string[] = [];
  for (const [index, entry] of model.partitionBy.entries()) {
    if (isColumnName(entry) && findColumn(columns, entry) === undefined) {
      throw missingColumn(model, ["partition_by", index], entry, columns);
    }
    const expression = partitionSql(entry);
    try {
      await session.describe(`SELECT ${expression} FROM ${rows}`);
    } catch (error) {
      if (!(error instanceof SqlError) || error.code !== "invalid") throw error;
      throw headerError(model, ["partition_by", index], `partition_by: ${explainSqlError(error)}`);
    }
    expressions.push(expression);
  }
  return expressions;
}

/** Deletes the rows of the table whose partition occurs among those of `stage`. */
export function deletePartitions(table: string, stage: string, expressions: readonly string[]): string {
  const names = expressions.map((_, index) => `_sluice_partition_${index}`);
  const values = expressions.map((expression, index) => `${expression} AS ${names[index]}`);
  const isSame = expressions.map((expression, index) => `${expression} IS NOT DISTINCT FROM ${names[index]}`);
  return `DELETE FROM ${table} USING (SELECT DISTINCT ${values.join(", ")} FROM ${stage}) WHERE ${
    isSame.join(" AND ")
  }`;
}
