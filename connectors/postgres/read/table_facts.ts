import { quoteLiteral } from "../../../contract/sql.ts";
import { ServerError } from "../session/server_error.ts";
import type { Session } from "../session/session.ts";
import { quoteTable, showTable, type TableName } from "../table_name.ts";
import type { ReadContext, ReadPlan } from "./plan.ts";

/** What the catalogue knows of a table beside its columns. */

const regclassOf = (table: TableName): string => `pg_catalog.to_regclass(${quoteLiteral(quoteTable(table))})`;

/** The columns of the primary key, in its order; none where there is no such key. */
export async function primaryKeyOf(session: Session, table: TableName): Promise<string[]> {
  const { rows } = await session.query(
    `SELECT a.attname
       FROM pg_catalog.pg_index x
       CROSS JOIN LATERAL pg_catalog.unnest(x.indkey::pg_catalog.int2[]) WITH ORDINALITY AS k(attnum, place)
       JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
      WHERE x.indrelid = ${regclassOf(table)} AND x.indisprimary AND k.place <= x.indnkeyatts
      ORDER BY k.place`,
  );
  return rows.map(([name]) => name ?? "");
}

/** SQLSTATE, also of a query that row security would take rows from where it was told to take none. */
const NOT_ALLOWED = "42501";

/**
 * Row security hides rows without an error: the same stream would be another one for another user. The
 * server says whether it is in force for the reader of `select`, in the tables of a view or a query too;
 * undefined where it is not.
 */
export async function rowSecurityWarning(
  session: Session,
  select: string,
  { table }: ReadPlan,
  { name }: ReadContext,
): Promise<string | undefined> {
  if (!await isRefused(session, `SET LOCAL row_security = off; EXPLAIN ${select}`)) return undefined;
  // One without the right to read at all is refused in any case.
  if (await isRefused(session, `EXPLAIN ${select}`)) return undefined;
  const { rows } = await session.query("SELECT current_user");
  const what = table === undefined ? "a table of the query" : showTable(table);
  return `${what} of ${name} has row-level security: only the rows that ${rows[0]?.[0]} may see are read`;
}

/** Whether the statements fail for want of a right; other errors come up when the rows are read. */
async function isRefused(session: Session, statements: string): Promise<boolean> {
  try {
    // At once: each would be a way there and back by itself.
    await session.query(`SAVEPOINT tried; ${statements}; ROLLBACK TO SAVEPOINT tried`);
    return false;
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    await session.query("ROLLBACK TO SAVEPOINT tried");
    return error.fields.code === NOT_ALLOWED;
  }
}
