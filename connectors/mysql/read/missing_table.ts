import { AppError } from "../../../contract/errors.ts";
import { suggest } from "../../../text/suggest.ts";
import type { Session } from "../session/session.ts";
import { showTable, type TableName } from "../table_name.ts";

const MAX_LISTED = 10_000;
/** Tables of that very name in other databases that a message names. */
const MAX_ELSEWHERE = 2;
const SYSTEM_DATABASES = ["information_schema", "mysql", "performance_schema", "sys"];

export const isSystemDatabase = (name: string): boolean => SYSTEM_DATABASES.includes(name.toLowerCase());

/** What the user may see, as `table_schema NOT IN (…)`. */
export const NOT_SYSTEM = `table_schema NOT IN (${SYSTEM_DATABASES.map((name) => `'${name}'`).join(", ")})`;

/** The `not_found` of a table, with the names that one may have meant; undefined where it is there. */
export async function missingTable(
  session: Session,
  action: string,
  wanted: TableName,
): Promise<AppError | undefined> {
  const { rows } = await session.query(
    `SELECT table_schema, table_name FROM information_schema.tables WHERE ${NOT_SYSTEM}
      ORDER BY 1, 2 LIMIT ${MAX_LISTED}`,
  );
  const tables = rows.map(([database, table]) => ({ database: database ?? "", table: table ?? "" }));
  const inDatabase = tables.filter(({ database }) => database === wanted.database).map(({ table }) => table);
  if (inDatabase.includes(wanted.table)) return undefined;
  const near = suggest(wanted.table, inDatabase);
  const elsewhere = tables.filter(({ database, table }) =>
    database !== wanted.database && table === wanted.table
  );
  const hints = [
    ...(near === undefined ? [] : [{ database: wanted.database, table: near }]),
    ...elsewhere.slice(0, MAX_ELSEWHERE),
  ].map(showTable);
  const advice = hints.length === 0 ? "" : `; did you mean ${hints.join(" or ")}?`;
  return new AppError("not_found", `${action}: there is no table ${showTable(wanted)}${advice}`);
}
