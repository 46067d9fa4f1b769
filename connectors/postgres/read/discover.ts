import * as v from "valibot";
import type { DiscoveredStream } from "../../../contract/connector/source.ts";
import { AppError, toAppError } from "../../../contract/errors.ts";
import { toPostgresError } from "../errors.ts";
import type { SessionPool } from "../session_pool.ts";
import type { Session } from "../session/session.ts";
import { showTable, type TableName, writeTableName } from "../table_name.ts";
import type { ReadContext } from "./plan.ts";
import { beginRead } from "./transaction.ts";

/** Relations that are asked for at a time: an answer of bounded size, whatever the database has. */
const PAGE = 200;

const columnsSchema = v.array(v.strictObject({ name: v.string(), type: v.string(), nullable: v.boolean() }));
const namesSchema = v.array(v.string());

/**
 * The tables, views, materialized views, foreign tables and partitioned tables (without their
 * partitions) that the user may read, by schema and name; not PostgreSQL's own, and not ours. Rows are
 * the planner's estimate.
 */
export async function* discoverStreams(
  pool: SessionPool,
  context: ReadContext,
  signal: AbortSignal,
): AsyncGenerator<DiscoveredStream, void, undefined> {
  await using lease = await pool.lease(signal);
  const { session } = lease;
  try {
    await beginRead(session);
    const oids = await relationsOf(session);
    for (let at = 0; at < oids.length; at += PAGE) {
      yield* await describeRelations(session, oids.slice(at, at + PAGE));
    }
    await session.query("ROLLBACK");
  } catch (error) {
    if (signal.aborted) throw toAppError(signal.reason);
    throw toPostgresError(`Cannot discover the streams of ${context.name}`, error);
  }
}

async function relationsOf(session: Session): Promise<string[]> {
  const { rows } = await session.query(
    `SELECT c.oid
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
        AND n.nspname <> 'information_schema' AND NOT pg_catalog.starts_with(n.nspname, 'pg_')
        AND NOT pg_catalog.starts_with(c.relname, '_sluice')
        AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
        AND (pg_catalog.has_table_privilege(c.oid, 'SELECT')
             OR pg_catalog.has_any_column_privilege(c.oid, 'SELECT'))
      ORDER BY n.nspname, c.relname`,
  );
  return rows.map(([oid]) => oid ?? "");
}

async function describeRelations(session: Session, oids: readonly string[]): Promise<DiscoveredStream[]> {
  const { rows } = await session.query(
    `SELECT n.nspname, c.relname, c.relkind, columns.described, coalesce(key.names, '[]'),
            CASE WHEN c.relkind IN ('v', 'f') THEN NULL ELSE leaves.rows END, leaves.bytes
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       CROSS JOIN LATERAL (
         SELECT pg_catalog.json_agg(pg_catalog.json_build_object('name', a.attname,
                  'type', pg_catalog.format_type(a.atttypid, a.atttypmod), 'nullable', NOT a.attnotnull)
                  ORDER BY a.attnum) AS described
           FROM pg_catalog.pg_attribute a
          WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            AND pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')) AS columns
       LEFT JOIN LATERAL (
         SELECT pg_catalog.json_agg(a.attname ORDER BY k.place) AS names
           FROM pg_catalog.pg_index x
           CROSS JOIN LATERAL pg_catalog.unnest(x.indkey::pg_catalog.int2[]) WITH ORDINALITY AS k(attnum, place)
           JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
          WHERE x.indrelid = c.oid AND x.indisprimary AND k.place <= x.indnkeyatts) AS key ON true
       CROSS JOIN LATERAL (
         SELECT CASE WHEN pg_catalog.bool_and(leaf.reltuples >= 0)
                     THEN pg_catalog.sum(leaf.reltuples)::pg_catalog.int8 END AS rows,
                pg_catalog.sum(pg_catalog.pg_table_size(leaf.oid)) AS bytes
           FROM pg_catalog.pg_class leaf
          WHERE leaf.relkind IN ('r', 'm')
            AND (leaf.oid = c.oid OR c.relkind = 'p' AND leaf.oid IN (
                  SELECT t.relid FROM pg_catalog.pg_partition_tree(c.oid) AS t WHERE t.isleaf))) AS leaves
      WHERE c.oid IN (${oids.join(", ")}) AND columns.described IS NOT NULL
      ORDER BY n.nspname, c.relname`,
  );
  return rows.map(toStream);
}

function toStream(row: readonly (string | null)[]): DiscoveredStream {
  const [schema, table, kind, columns, key, rows, sizeBytes] = row;
  const name: TableName = { schema: schema ?? "", table: table ?? "" };
  return {
    address: { stream: writeTableName(name) },
    name: showTable(name),
    kind: kind === "v" || kind === "m" ? "view" : "table",
    columns: parseJson(columnsSchema, columns),
    primaryKey: parseJson(namesSchema, key),
    rows: toNumber(rows),
    sizeBytes: toNumber(sizeBytes),
  };
}

const toNumber = (text: string | null | undefined): number | null =>
  text === null || text === undefined ? null : Number(text);

function parseJson<T>(schema: v.GenericSchema<unknown, T>, text: string | null | undefined): T {
  const parsed = v.safeParse(schema, JSON.parse(text ?? "[]"));
  if (parsed.success) return parsed.output;
  throw new AppError("internal", "PostgreSQL's catalogue has another form than expected");
}
