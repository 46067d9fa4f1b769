import { quoteLiteral } from "../../../contract/sql.ts";
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

/**
 * Row security hides rows without an error: the same stream would be another one for another user.
 * Undefined where it is not in force for the reader, and for queries, whose tables are not known.
 */
export async function rowSecurityWarning(
  session: Session,
  { table }: ReadPlan,
  { name }: ReadContext,
): Promise<string | undefined> {
  if (table === undefined) return undefined;
  const { rows } = await session.query(
    `SELECT current_user WHERE pg_catalog.row_security_active(${regclassOf(table)})`,
  );
  const user = rows[0]?.[0];
  if (typeof user !== "string") return undefined;
  return `${showTable(table)} of ${name} has row-level security: only the rows that ${user} may see are read`;
}
