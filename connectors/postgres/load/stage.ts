import { AppError } from "../../../contract/errors.ts";
import { quoteIdentifier } from "../../../contract/sql.ts";
import { detailOf } from "../errors.ts";
import { columnDefinitions, columnList, type LoadColumn, type LoadPlan } from "./load_plan.ts";
import { quoteTable, type TableName } from "../table_name.ts";
import { ServerError } from "../session/server_error.ts";
import type { Session } from "../session/session.ts";

/**
 * Rows that cannot go straight into the table wait in a temporary one: rows to merge, rows with
 * columns that are new, and rows whose types PostgreSQL has to cast, in types that hold them whole.
 */
export const STAGE = `pg_temp."_sluice_stage"`;
const MAX_SHOWN = 100;

export async function createStage(session: Session, columns: readonly LoadColumn[]): Promise<void> {
  await session.query(
    `CREATE TEMPORARY TABLE "_sluice_stage" (${columnDefinitions(columns, [])}) ON COMMIT DROP`,
  );
}

const needsCast = (column: LoadColumn): boolean => column.copySql !== column.targetSql;

/** The staged columns in the table's types. */
function castList(columns: readonly LoadColumn[]): string {
  return columns.map((column) => {
    const name = quoteIdentifier(column.name);
    return needsCast(column) ? `${name}::${column.targetSql}` : name;
  }).join(", ");
}

/**
 * A cast may cut or round without an error, so every value is cast forth and back and compared.
 * Text has no one form to come back to; a cast that it does not fit fails by itself. A double in a
 * real is less exact by nature.
 */
export async function checkCasts(
  session: Session,
  action: string,
  columns: readonly LoadColumn[],
): Promise<void> {
  for (const column of columns.filter(needsCast)) {
    const name = quoteIdentifier(column.name);
    const there = `${name}::${column.targetSql}`;
    const { family, sql } = column.source;
    const isApproximate = family === "float8" && column.targetSql === "real";
    const isOneWay = isApproximate || family === "text" || family === "json" || family === "nested";
    const differs = isOneWay
      ? `(${there}) IS NULL AND ${name} IS NOT NULL`
      : `(${there})::${sql} IS DISTINCT FROM ${name}`;
    const shown = JSON.stringify(column.name);
    try {
      const { rows } = await session.query(`SELECT ${name}::text FROM ${STAGE} WHERE ${differs} LIMIT 1`);
      const value = rows[0]?.[0];
      if (value === undefined) continue;
      throw new AppError(
        "invalid",
        `${action}: column ${shown} is ${
          value?.slice(0, MAX_SHOWN)
        }, which the table's ${column.targetSql} ` +
          `cannot hold without a loss; round or cast it in the model, or change the table`,
      );
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      throw new AppError(
        "invalid",
        `${action}: column ${shown} is ${sql} and the table's is ${column.targetSql}: ${error.fields.message}`,
        { detail: detailOf(error), cause: error },
      );
    }
  }
}

/** Adds what the table does not have yet. This locks out its readers until the commit, so it comes late. */
export async function addColumns(
  session: Session,
  name: TableName,
  columns: readonly LoadColumn[],
): Promise<void> {
  const added = columns.filter((column) => column.isNew)
    .map((column) => `ADD COLUMN ${quoteIdentifier(column.name)} ${column.targetSql}`);
  if (added.length > 0) await session.query(`ALTER TABLE ${quoteTable(name)} ${added.join(", ")}`);
}

export async function insertStaged(
  session: Session,
  name: TableName,
  columns: readonly LoadColumn[],
): Promise<void> {
  await session.query(
    `INSERT INTO ${quoteTable(name)} (${columnList(columns)}) OVERRIDING SYSTEM VALUE
     SELECT ${castList(columns)} FROM ${STAGE}`,
  );
}

/** Updates the rows whose key is there and inserts the others. */
export async function mergeStaged(
  session: Session,
  action: string,
  name: TableName,
  plan: LoadPlan,
  primaryKey: readonly string[],
): Promise<void> {
  const { columns } = plan;
  await checkKeys(session, action, columns, primaryKey);
  const table = quoteTable(name);
  const others = columns.filter((column) => !primaryKey.includes(column.name)).map(({ name }) =>
    quoteIdentifier(name)
  );
  if (plan.hasUniqueKey) {
    const update = others.length === 0
      ? "NOTHING"
      : `UPDATE SET ${others.map((column) => `${column} = EXCLUDED.${column}`).join(", ")}`;
    await session.query(
      `INSERT INTO ${table} (${columnList(columns)}) OVERRIDING SYSTEM VALUE
       SELECT ${castList(columns)} FROM ${STAGE}
       ON CONFLICT (${primaryKey.map(quoteIdentifier).join(", ")}) DO ${update}`,
    );
    return;
  }
  // Without a unique index nothing keeps a writer beside us from inserting the same key.
  await session.query(`LOCK TABLE ${table} IN SHARE ROW EXCLUSIVE MODE`);
  await session.query(`ANALYZE ${STAGE}`);
  const staged = `(SELECT ${castList(columns)} FROM ${STAGE}) AS s (${columnList(columns)})`;
  const matches = primaryKey.map(quoteIdentifier).map((column) => `t.${column} = s.${column}`).join(" AND ");
  if (others.length > 0) {
    const set = others.map((column) => `${column} = s.${column}`).join(", ");
    await session.query(`UPDATE ${table} AS t SET ${set} FROM ${staged} WHERE ${matches}`);
  }
  await session.query(
    `INSERT INTO ${table} (${columnList(columns)}) OVERRIDING SYSTEM VALUE
     SELECT * FROM ${staged} WHERE NOT EXISTS (SELECT FROM ${table} AS t WHERE ${matches})`,
  );
}

/** A key must be there, and come once: else which of its rows should win? */
async function checkKeys(
  session: Session,
  action: string,
  columns: readonly LoadColumn[],
  primaryKey: readonly string[],
): Promise<void> {
  const keys = columns.filter((column) => primaryKey.includes(column.name));
  const shownKey = `(${keys.map(({ name }) => name).join(", ")})`;
  const hasNull = keys.map(({ name }) => `${quoteIdentifier(name)} IS NULL`).join(" OR ");
  const nulls = await session.query(`SELECT count(*) FROM ${STAGE} WHERE ${hasNull}`);
  const nullCount = Number(nulls.rows[0]?.[0]);
  if (nullCount > 0) {
    throw new AppError(
      "invalid",
      `${action}: the key ${shownKey} is NULL in ${nullCount} of the rows to merge`,
    );
  }
  const list = columnList(keys);
  const texts = keys.map(({ name }) => `${quoteIdentifier(name)}::text`).join(", ");
  const twice = await session.query(
    `SELECT count(*), ${texts} FROM (SELECT ${castList(keys)} FROM ${STAGE}) AS k (${list})
      GROUP BY ${list} HAVING count(*) > 1 LIMIT 1`,
  );
  const [count, ...values] = twice.rows[0] ?? [];
  if (count !== undefined) {
    const shown = `(${values.map((value) => value?.slice(0, MAX_SHOWN)).join(", ")})`;
    throw new AppError(
      "invalid",
      `${action}: the key ${shownKey} = ${shown} comes ${count} times in the rows, and a merge needs each key once`,
    );
  }
}
