import type { ConnectionCheck } from "../../../contract/discovery.ts";
import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import type { SessionPool } from "../session_pool.ts";
import { quoteTable, showTable } from "../table_name.ts";

/** Tables that are named in a message. */
const MAX_NAMED = 5;

/** What the connection's user may not do, with the grant that would let it. */
export async function checkGrants(
  pool: SessionPool,
  schema: string,
  signal: AbortSignal,
): Promise<readonly ConnectionCheck[]> {
  await using lease = await pool.lease(signal);
  const { session } = lease;
  const ask = async (sql: string) => (await session.query(sql)).rows;
  const [[user = null] = []] = await ask("SELECT current_user");
  const role = quoteIdentifier(user ?? "");
  const hidden = await ask(
    `SELECT n.nspname, c.relname, pg_catalog.has_schema_privilege(n.oid, 'USAGE')
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
        AND n.nspname <> 'information_schema' AND NOT pg_catalog.starts_with(n.nspname, 'pg_')
        AND NOT (pg_catalog.has_schema_privilege(n.oid, 'USAGE')
                 AND (pg_catalog.has_table_privilege(c.oid, 'SELECT')
                      OR pg_catalog.has_any_column_privilege(c.oid, 'SELECT')))
      ORDER BY n.nspname, c.relname`,
  );
  const [[exists = null, usage = null, create = null] = []] = await ask(
    `SELECT n.oid IS NOT NULL, pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
            pg_catalog.has_schema_privilege(n.oid, 'CREATE')
       FROM (SELECT pg_catalog.to_regnamespace(${quoteLiteral(quoteIdentifier(schema))})::oid AS oid) AS n`,
  );
  return [readCheck(hidden, role), writeCheck(schema, role, { exists, usage, create })];
}

function readCheck(hidden: readonly (readonly (string | null)[])[], role: string): ConnectionCheck {
  if (hidden.length === 0) return { name: "grants to read", state: "ok", message: "every table may be read" };
  const tables = hidden.map(([schema, table]) => ({ schema: schema ?? "", table: table ?? "" }));
  const [first = { schema: "", table: "" }] = tables;
  const shown = tables.slice(0, MAX_NAMED).map(showTable).join(", ");
  const more = tables.length > MAX_NAMED ? ` and ${tables.length - MAX_NAMED} more` : "";
  const usage = hidden[0]?.[2] === "t"
    ? ""
    : `GRANT USAGE ON SCHEMA ${quoteIdentifier(first.schema)} TO ${role}; `;
  return {
    name: "grants to read",
    state: "missing",
    message: `may not be read: ${shown}${more}; where a pipeline needs them: ${usage}` +
      `GRANT SELECT ON ${quoteTable(first)} TO ${role}`,
  };
}

function writeCheck(
  schema: string,
  role: string,
  { exists, usage, create }: Readonly<Record<"exists" | "usage" | "create", string | null>>,
): ConnectionCheck {
  const name = "grants to write";
  const quoted = quoteIdentifier(schema);
  if (exists !== "t") {
    return { name, state: "missing", message: `there is no schema ${quoted}: CREATE SCHEMA ${quoted}` };
  }
  if (usage === "t" && create === "t") {
    return { name, state: "ok", message: `loads may make tables in the schema ${quoted}` };
  }
  const missing = [usage === "t" ? "" : "USAGE", create === "t" ? "" : "CREATE"].filter((one) => one !== "");
  return {
    name,
    state: "missing",
    message: `loads may make no tables in the schema ${quoted}; where a pipeline needs that: ` +
      `GRANT ${missing.join(", ")} ON SCHEMA ${quoted} TO ${role}`,
  };
}
