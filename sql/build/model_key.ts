import { type Column, findColumn, quoteIdentifier, type SqlSession } from "../../contract/sql.ts";
import { type Model, modelTable } from "../language/model.ts";
import { rowText } from "../language/row_text.ts";
import { headerError, missingColumn } from "./header_error.ts";
import { columnsOfTable } from "./stored_columns.ts";

/** Throws invalid where the primary_key is NULL or comes twice among all rows of the model's table. */
export async function checkStoredKey(
  session: SqlSession,
  model: Model,
  table = modelTable(model.name),
): Promise<void> {
  await checkKey(session, model, table, await columnsOfTable(session, table));
}

/** A key, with `more` columns, that is NULL or comes twice cannot say which row it replaces. */
export async function checkKey(
  session: SqlSession,
  model: Model,
  table: string,
  columns: readonly Column[],
  more: readonly string[] = [],
): Promise<void> {
  if (model.primaryKey.length === 0) return;
  for (const key of model.primaryKey) {
    if (findColumn(columns, key) === undefined) throw missingColumn(model, ["primary_key"], key, columns);
  }
  const names = [...model.primaryKey, ...more];
  const keys = names.map(quoteIdentifier);
  const place = ["primary_key"];
  const isNull = keys.map((key) => `${key} IS NULL`).join(" OR ");
  const [nulls] = await session.rows(`SELECT count(*) AS count FROM ${table} WHERE ${isNull}`);
  if (Number(nulls?.["count"]) > 0) {
    const [row] = await session.rows(`SELECT ${keys.join(", ")} FROM ${table} WHERE ${isNull} LIMIT 1`);
    throw headerError(
      model,
      place,
      `the key (${names.join(", ")}) of ${model.name} is NULL in ${nulls?.["count"]} row${
        nulls?.["count"] === 1 ? "" : "s"
      }, ` +
        `as ${rowText(row ?? {})}`,
    );
  }
  const [repeated] = await session.rows(
    `SELECT ${keys.join(", ")}, count(*) AS "rows" FROM ${table} GROUP BY ${
      keys.join(", ")
    } HAVING count(*) > 1 LIMIT 1`,
  );
  if (repeated !== undefined) {
    throw headerError(
      model,
      place,
      `the key (${names.join(", ")}) of ${model.name} comes more than once, as ${rowText(repeated)}`,
    );
  }
}

/**
 * Throws invalid where a key of the rows that came is in the table more than once, now that they are in it: their
 * strategy has replaced other rows than those of the key.
 */
export async function checkKeysOf(
  session: SqlSession,
  model: Model,
  table: string,
  stage: string,
): Promise<void> {
  if (model.primaryKey.length === 0) return;
  const keys = model.primaryKey.map(quoteIdentifier).join(", ");
  const [repeated] = await session.rows(
    `SELECT ${keys}, count(*) AS "rows" FROM ${table} SEMI JOIN ${stage} USING (${keys})
     GROUP BY ${keys} HAVING count(*) > 1 LIMIT 1`,
  );
  if (repeated === undefined) return;
  const what = `the key (${model.primaryKey.join(", ")}) of ${model.name}`;
  throw headerError(
    model,
    ["primary_key"],
    `${what} comes more than once with the rows that its table keeps, as ${rowText(repeated)}: ` +
      `strategy ${model.strategy} replaces no row for its key, as merge does`,
  );
}
