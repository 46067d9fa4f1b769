import * as v from "valibot";
import type { FollowedStream } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { didYouMean } from "../../../text/suggest.ts";
import { chooseColumns, findColumn } from "../../column_choice.ts";
import type { PostgresStream } from "../options.ts";
import { missingTable } from "../read/missing_table.ts";
import type { ReadContext } from "../read/plan.ts";
import type { Session } from "../session/session.ts";
import { parseTableName, quoteTable, showTable, type TableName } from "../table_name.ts";
import { parseLsn, writeLsn } from "./lsn.ts";

/** What is known of a table at one moment, kept in the stream's state to see what changes. */
const factsSchema = v.object({
  /** Its OID: another table of the same name has another one. */
  table: v.number(),
  /** Changes when all rows are written anew, which no log tells of. */
  files: v.string(),
  /** Names, OIDs of types, their modifiers. */
  columns: v.array(v.tuple([v.string(), v.number(), v.number()])),
  /** The names of those that are read. */
  read: v.array(v.string()),
});
export type TableFacts = v.InferOutput<typeof factsSchema>;

const stateSchema = v.object({ ...factsSchema.entries, position: v.string() });

/** A stream's state: everything that was committed before `position` is in its rows. */
export interface FollowState {
  readonly position: bigint;
  readonly facts: TableFacts;
}

/** What is kept of a stream whose rows have everything before `position`. */
export const stateOf = (facts: TableFacts, position: bigint) => ({ ...facts, position: writeLsn(position) });

export interface FollowedTable {
  /** The stream. */
  readonly name: string;
  readonly request: FollowedStream<PostgresStream>;
  /** For messages, as `Cannot follow public.orders of shop`. */
  readonly action: string;
  readonly table: TableName;
  readonly facts: TableFacts;
  /** The columns by which a change finds its row, in the table's names. */
  readonly primaryKey: readonly string[];
  /** Columns whose older rows hold a value that was never written into them: that of their default. */
  readonly defaulted: readonly string[];
  /** Columns that the server computes and does not log. */
  readonly generated: readonly string[];
  readonly before: FollowState | undefined;
}

export const actionOf = ({ address: { stream } }: FollowedStream<PostgresStream>, { name }: ReadContext) =>
  `Cannot follow ${stream ?? "a query"} of ${name}`;

export function readState({ state }: FollowedStream<PostgresStream>): FollowState | undefined {
  if (state === undefined) return undefined;
  const parsed = v.safeParse(stateSchema, state);
  if (!parsed.success) return undefined;
  const { position, ...facts } = parsed.output;
  return { position: parseLsn(position), facts };
}

/**
 * Looks at the stream's table. Throws `not_found` where there is none and `invalid` where its changes cannot
 * be followed, with the statement that helps.
 */
export async function inspectTable(
  session: Session,
  request: FollowedStream<PostgresStream>,
  context: ReadContext,
): Promise<FollowedTable> {
  const action = actionOf(request, context);
  if (request.address.stream === undefined) {
    throw new AppError(
      "invalid",
      `${action}: only tables have a log of changes; use stream in place of query`,
    );
  }
  const table = parseTableName(request.address.stream, context.defaultSchema);
  const found = await findTable(session, table);
  if (found === undefined) throw await missingTable(session, action, table);
  checkKind(action, found);
  const columns = await columnsOf(session, found.oid);
  const logged = columns.filter(({ isGenerated }) => !isGenerated);
  const read = chooseColumns(logged, request.columns, (name) => {
    const names = logged.map((column) => column.name);
    const isGenerated = columns.some((column) => column.name === name);
    const why = isGenerated
      ? "which is generated, and not logged; compute it in a model"
      : `which is no column of it${didYouMean(name, names)}`;
    return new AppError("invalid", `${action}: columns names ${JSON.stringify(name)}, ${why}`);
  }).map(({ name }) => name);
  return {
    name: request.name,
    request,
    action,
    table,
    primaryKey: await keyOf(session, request, { action, table, found, read, columns }),
    facts: {
      table: found.oid,
      files: found.files,
      columns: columns.map(({ name, typeOid, typeModifier }) => [name, typeOid, typeModifier]),
      read,
    },
    defaulted: columns.filter(({ isDefaulted }) => isDefaulted).map(({ name }) => name),
    generated: columns.filter(({ isGenerated }) => isGenerated).map(({ name }) => name),
    before: readState(request),
  };
}

interface FoundTable {
  readonly oid: number;
  readonly kind: string;
  readonly persistence: string;
  readonly identity: string;
  readonly files: string;
}

async function findTable(session: Session, table: TableName): Promise<FoundTable | undefined> {
  const { rows: [row] } = await session.query(
    `SELECT c.oid, c.relkind, c.relpersistence, c.relreplident, coalesce(
       (SELECT pg_catalog.md5(pg_catalog.string_agg(coalesce(pg_catalog.pg_relation_filenode(p.relid), 0)::text, ','
               ORDER BY p.relid::oid)) FROM pg_catalog.pg_partition_tree(c.oid) p WHERE c.relkind = 'p'),
       pg_catalog.pg_relation_filenode(c.oid)::text, '')
     FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass(${quoteLiteral(quoteTable(table))})`,
  );
  if (row === undefined) return undefined;
  const [oid, kind, persistence, identity, files] = row;
  return {
    oid: Number(oid),
    kind: kind ?? "",
    persistence: persistence ?? "",
    identity: identity ?? "",
    files: files ?? "",
  };
}

function checkKind(action: string, { kind, persistence }: FoundTable): void {
  const what = { v: "a view", m: "a materialized view", f: "a foreign table" }[kind];
  if (what !== undefined) {
    throw new AppError("invalid", `${action}: it is ${what}, which has no log of changes; follow its tables`);
  }
  if (persistence !== "p") {
    throw new AppError("invalid", `${action}: it is an unlogged table, whose changes are not in the log`, {
      detail: "ALTER TABLE … SET LOGGED makes it one that is logged.",
    });
  }
}

interface TableColumn {
  readonly name: string;
  readonly typeOid: number;
  readonly typeModifier: number;
  readonly isGenerated: boolean;
  readonly isDefaulted: boolean;
}

async function columnsOf(session: Session, oid: number): Promise<readonly TableColumn[]> {
  const { rows } = await session.query(
    `SELECT a.attname, a.atttypid, a.atttypmod, a.attgenerated <> '', a.atthasmissing OR EXISTS (
       SELECT FROM pg_catalog.pg_partition_tree(a.attrelid) p
       JOIN pg_catalog.pg_attribute l ON l.attrelid = p.relid AND l.attname = a.attname WHERE l.atthasmissing)
     FROM pg_catalog.pg_attribute a WHERE a.attrelid = ${oid} AND a.attnum > 0 AND NOT a.attisdropped
     ORDER BY a.attnum`,
  );
  return rows.map(([name, typeOid, typeModifier, isGenerated, isDefaulted]) => ({
    name: name ?? "",
    typeOid: Number(typeOid),
    typeModifier: Number(typeModifier),
    isGenerated: isGenerated === "t",
    isDefaulted: isDefaulted === "t",
  }));
}

interface KeySubject {
  readonly action: string;
  readonly table: TableName;
  readonly found: FoundTable;
  readonly read: readonly string[];
  readonly columns: readonly TableColumn[];
}

/** The key by which rows are found, all of it in what the log has of a row that is deleted or had another key. */
async function keyOf(
  session: Session,
  { primaryKey }: FollowedStream<PostgresStream>,
  { action, table, found, read, columns }: KeySubject,
): Promise<readonly string[]> {
  const alter = `ALTER TABLE ${quoteTable(table)} REPLICA IDENTITY`;
  const ofPrimaryKey = await indexColumns(session, found.oid, "x.indisprimary");
  const identity = found.identity === "f"
    ? columns.map(({ name }) => name)
    : found.identity === "i"
    ? await indexColumns(session, found.oid, "x.indisreplident")
    : found.identity === "d"
    ? ofPrimaryKey
    : [];
  if (identity.length === 0) {
    const advice = ofPrimaryKey.length > 0
      ? `${alter} DEFAULT;`
      : `ALTER TABLE ${
        quoteTable(table)
      } ADD PRIMARY KEY (…); or, with primary_key on the stream, ${alter} FULL;`;
    throw new AppError(
      "invalid",
      `${action}: ${showTable(table)} has no replica identity, so that its log does not say which row is ` +
        `updated or deleted, and publishing it would make its updates fail; run ${advice}`,
    );
  }
  const key = primaryKey?.map((name) => findColumn(columns, name)?.name ?? name) ??
    (found.identity === "f" ? ofPrimaryKey : identity);
  if (key.length === 0) {
    throw new AppError(
      "invalid",
      `${action}: the table has no primary key; name the columns that tell rows apart`,
      {
        detail: "Set primary_key on the stream.",
      },
    );
  }
  const unlogged = key.filter((name) => !identity.includes(name));
  if (unlogged.length > 0) {
    throw new AppError(
      "invalid",
      `${action}: primary_key ${quoteNames(unlogged)} is not in what the log has of deleted rows ` +
        `(${quoteNames(identity)}); run ${alter} FULL; or leave primary_key out`,
    );
  }
  const unread = key.filter((name) => !read.includes(name));
  if (unread.length > 0) {
    throw new AppError(
      "invalid",
      `${action}: the key's ${quoteNames(unread)} must be among the columns that are read`,
    );
  }
  return key;
}

const quoteNames = (names: readonly string[]): string => names.map(quoteIdentifier).join(", ");

async function indexColumns(session: Session, oid: number, which: string): Promise<string[]> {
  const { rows } = await session.query(
    `SELECT a.attname
       FROM pg_catalog.pg_index x
       CROSS JOIN LATERAL pg_catalog.unnest(x.indkey::pg_catalog.int2[]) WITH ORDINALITY AS k(attnum, place)
       JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
      WHERE x.indrelid = ${oid} AND ${which} AND k.place <= x.indnkeyatts ORDER BY k.place`,
  );
  return rows.map(([name]) => name ?? "");
}

/**
 * Why the table's rows are to be read again: something happened to them that no log tells of. Undefined
 * where the log has it all.
 */
export function reasonToReadAgain({ before, facts, defaulted }: FollowedTable): string | undefined {
  if (before === undefined) return "it was not read before";
  const was = before.facts;
  if (was.table !== facts.table) return "it is another table of the same name";
  const shape = (columns: TableFacts["columns"]) =>
    new Map(columns.map(([name, oid, mod]) => [name, `${oid} ${mod}`]));
  const types = shape(was.columns);
  const added = facts.columns.filter(([name]) => !types.has(name)).map(([name]) => name);
  const retyped = [...shape(facts.columns)].filter(([name, type]) => (types.get(name) ?? type) !== type);
  const wanted = facts.read.filter((name) => types.has(name) && !was.read.includes(name));
  if (wanted.length > 0) return `${wanted.join(", ")} was not read before`;
  const filled = added.filter((name) => defaulted.includes(name) && facts.read.includes(name));
  if (filled.length > 0) {
    return `the new column ${filled.join(", ")} has values in rows that were there before`;
  }
  if (added.length + retyped.length > 0 && was.files !== facts.files) {
    const names = [...added, ...retyped.map(([name]) => name)].join(", ");
    return `its rows were written anew when ${names} changed`;
  }
  return undefined;
}
