import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { quoteTable, type TableName } from "../table_name.ts";
import { regclassOf as regclassOfText } from "./catalogue.ts";
import type { LoadSession } from "./session.ts";

/**
 * A table that loads made and that stands alone follows the rows' columns: the new one is made beside
 * it and takes its place in the transaction, with its grants and comments. Readers see the old one
 * until the commit; only a transaction whose snapshot is older than that and that has not touched the
 * table yet finds the new one without rows.
 */

/** The name of the table that is made beside. */
export const besideName = ({ schema }: TableName): TableName => ({
  schema,
  table: `_sluice_next_${crypto.randomUUID().slice(0, 8)}`,
});

/** Puts the table made beside in the place of the old one. */
export async function swapTables(session: LoadSession, old: TableName, beside: TableName): Promise<void> {
  const carried = await statementsToCarry(session, old, beside);
  const table = quoteIdentifier(old.table);
  await session.run([
    ...carried,
    `DROP TABLE ${quoteTable(old)}`,
    `ALTER TABLE ${quoteTable(beside)} RENAME TO ${table}`,
  ].join(";\n"));
  const keys = await session.rows(
    `SELECT conname FROM pg_catalog.pg_constraint WHERE contype = 'p' AND conrelid = ${regclassOf(old)}`,
  );
  const key = keys[0]?.[0];
  if (typeof key !== "string" || new TextEncoder().encode(`${old.table}_pkey`).length > 63) return;
  await session.run(
    `ALTER TABLE ${quoteTable(old)} RENAME CONSTRAINT ${quoteIdentifier(key)} TO ${
      quoteIdentifier(`${old.table}_pkey`)
    }`,
  );
}

/** Grants and comments of the old table, as statements for the new one, which has those of new tables. */
async function statementsToCarry(session: LoadSession, old: TableName, beside: TableName): Promise<string[]> {
  const from = regclassOf(old);
  const onto = quoteLiteral(quoteTable(beside));
  const rows = await session.rows(
    `SELECT format('REVOKE ALL ON %s FROM %s', ${onto}, CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END)
       FROM pg_catalog.pg_class c, aclexplode(c.relacl) g
      WHERE c.oid = ${regclassOf(beside)} AND g.grantee <> c.relowner
      UNION ALL
     SELECT format('GRANT %s ON %s TO %s%s', g.privilege_type, ${onto},
                   CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END,
                   CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
       FROM pg_catalog.pg_class c, aclexplode(c.relacl) g
      WHERE c.oid = ${from} AND g.grantee <> c.relowner
      UNION ALL
     SELECT format('COMMENT ON TABLE %s IS %L', ${onto}, d.description)
       FROM pg_catalog.pg_description d
      WHERE d.classoid = 'pg_catalog.pg_class'::regclass AND d.objoid = ${from} AND d.objsubid = 0
      UNION ALL
     SELECT format('COMMENT ON COLUMN %s.%I IS %L', ${onto}, a.attname, d.description)
       FROM pg_catalog.pg_description d
       JOIN pg_catalog.pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid
       JOIN pg_catalog.pg_attribute b ON b.attrelid = ${regclassOf(beside)} AND b.attname = a.attname
      WHERE d.classoid = 'pg_catalog.pg_class'::regclass AND d.objoid = ${from} AND d.objsubid > 0`,
  );
  return rows.map(([statement]) => statement ?? "");
}

const regclassOf = (name: TableName): string => regclassOfText(quoteTable(name));
