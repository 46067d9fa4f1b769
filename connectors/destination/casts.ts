import { AppError } from "../../contract/errors.ts";
import { quoteIdentifier, quoteLiteral } from "../../contract/sql.ts";
import { needsCast } from "./plan.ts";
import type { Dialect, LoadColumn, SqlSession, Stage, TargetColumn } from "./system.ts";

const MAX_SHOWN = 100;

/**
 * Throws `invalid` with row, column and value where a staged value would not be the same in the table's
 * type: a cast may cut or round without an error.
 */
export async function checkCasts<Column extends TargetColumn>(
  session: SqlSession<Column>,
  dialect: Dialect<Column>,
  action: string,
  columns: readonly LoadColumn<Column>[],
  { relation, place }: Stage = dialect.stage,
): Promise<void> {
  for (const column of columns.filter(needsCast)) {
    const shown = JSON.stringify(column.name);
    const text = dialect.textOf(quoteIdentifier(column.name));
    let changed;
    let row;
    try {
      [changed] = await session.rows(
        `SELECT ${text}, ${place} FROM ${relation} WHERE ${
          dialect.isChanged(column)
        } ORDER BY ${place} LIMIT 1`,
      );
      if (changed === undefined) continue;
      [row] = await session.rows(
        `SELECT count(*) FROM ${relation} WHERE ${place} <= ${quoteLiteral(changed[1] ?? "")}`,
      );
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "invalid") throw error;
      throw new AppError(
        "invalid",
        `${action}: column ${shown} is ${column.sentSql} and the table's is ${column.targetSql}: ` +
          error.message.replace(`${action}: `, ""),
        { ...(error.detail === undefined ? {} : { detail: error.detail }), cause: error },
      );
    }
    throw new AppError(
      "invalid",
      `${action} row ${row?.[0]}: column ${shown} is ${
        changed[0]?.slice(0, MAX_SHOWN)
      }, which the table's ${column.targetSql} ` +
        `cannot hold without a loss; round or cast it in the model, or change the table`,
    );
  }
}
