import { AppError } from "../../../contract/errors.ts";
import { suggest } from "../../../text/suggest.ts";
import { showTable, type TableName } from "../table_name.ts";
import type { Session } from "../session/session.ts";

const MAX_LISTED = 10_000;
/** Tables of that very name in other schemas that a message names. */
const MAX_ELSEWHERE = 2;

/** The `not_found` of a table, with the names that one may have meant. */
export async function missingTable(session: Session, action: string, wanted: TableName): Promise<AppError> {
  const { rows } = await session.query(
    `SELECT n.nspname, c.relname
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT LIKE 'pg\\_%'
        AND n.nspname <> 'information_schema'
      ORDER BY 1, 2 LIMIT ${MAX_LISTED}`,
  );
  const tables = rows.map(([schema, table]) => ({ schema: schema ?? "", table: table ?? "" }));
  const inSchema = tables.filter(({ schema }) => schema === wanted.schema).map(({ table }) => table);
  const near = suggest(wanted.table, inSchema);
  const elsewhere = tables.filter(({ schema, table }) => schema !== wanted.schema && table === wanted.table);
  const hints = [
    ...(near === undefined ? [] : [{ schema: wanted.schema, table: near }]),
    ...elsewhere.slice(0, MAX_ELSEWHERE),
  ].map(showTable);
  const advice = hints.length === 0 ? "" : `; did you mean ${hints.join(" or ")}?`;
  return new AppError("not_found", `${action}: there is no table ${showTable(wanted)}${advice}`);
}
