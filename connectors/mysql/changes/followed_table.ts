import type { FollowedStream } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import { didYouMean } from "../../../text/suggest.ts";
import { chooseColumns, findColumn } from "../../column_choice.ts";
import type { MysqlStream } from "../options.ts";
import { missingTable } from "../read/missing_table.ts";
import type { ReadContext } from "../read/plan.ts";
import { primaryKeyOf } from "../read/table_facts.ts";
import { UNSIGNED_FLAG } from "../read/types.ts";
import type { ResultColumn } from "../session/payload.ts";
import type { Session } from "../session/session.ts";
import {
  parseTableName,
  quoteName,
  quoteTable,
  showTable,
  type TableName,
  textLiteral,
  writeTableName,
} from "../table_name.ts";
import type { ColumnFacts } from "./column_facts.ts";
import { type FollowState, readState, type TableFacts } from "./follow_state.ts";
import { whyUnreadable } from "./logged_types.ts";

export interface FollowedTable {
  /** The stream. */
  readonly name: string;
  readonly request: FollowedStream<MysqlStream>;
  /** For messages, as `Cannot follow shop.orders of crm`. */
  readonly action: string;
  /** As the server writes it. */
  readonly table: TableName;
  readonly facts: TableFacts;
  /** The columns by which a change finds its row. */
  readonly primaryKey: readonly string[];
  /** Columns that the server computes when they are read. */
  readonly virtual: readonly string[];
  /** Whether reading it sees one moment, whatever is written meanwhile. */
  readonly isTransactional: boolean;
  readonly before: FollowState | undefined;
}

export const actionOf = (
  { address: { stream } }: Pick<FollowedStream<MysqlStream>, "address">,
  { name }: ReadContext,
): string => `Cannot follow ${stream ?? "a query"} of ${name}`;

/**
 * Looks at the stream's table. Throws `not_found` where there is none and `invalid` where its changes cannot
 * be followed, with what helps.
 */
export async function inspectTable(
  session: Session,
  request: FollowedStream<MysqlStream>,
  context: ReadContext,
): Promise<FollowedTable> {
  const action = actionOf(request, context);
  const { stream, options } = request.address;
  if (stream === undefined) {
    throw new AppError(
      "invalid",
      `${action}: only tables have a log of changes; use stream in place of query`,
    );
  }
  const { table, isTransactional } = await findTable(
    session,
    action,
    parseTableName(stream, context.defaultDatabase),
  );
  if (options.cascades === "error") await refuseCascades(session, action, table);
  const columns = await columnsOf(session, action, table);
  const read = readColumns(columns, request, action);
  return {
    name: request.name,
    request,
    action,
    table,
    primaryKey: await keyOf(session, request, { action, table, read, columns }),
    facts: {
      table: writeTableName(table),
      columns: columns.map(({ isInvisible: _, ...facts }) => facts),
      read,
    },
    virtual: columns.filter(({ isVirtual }) => isVirtual).map(({ name }) => name),
    isTransactional,
    before: readState(request),
  };
}

interface KnownColumn extends ColumnFacts {
  readonly isInvisible: boolean;
}

function readColumns(
  columns: readonly KnownColumn[],
  request: FollowedStream<MysqlStream>,
  action: string,
): string[] {
  const logged = columns.filter(({ isVirtual }) => !isVirtual);
  const offered = request.columns?.only === undefined
    ? logged.filter(({ isInvisible }) => !isInvisible)
    : logged;
  const read = chooseColumns(offered, request.columns, (name) => {
    const isVirtual = columns.some((column) => column.name === name && column.isVirtual);
    const why = isVirtual
      ? "which is computed when it is read, and not logged; compute it in a model"
      : `which is no column of it${didYouMean(name, logged.map((column) => column.name))}`;
    return new AppError("invalid", `${action}: columns names ${JSON.stringify(name)}, ${why}`);
  });
  for (const column of read) {
    const why = whyUnreadable(column);
    if (why === undefined) continue;
    throw new AppError(
      "invalid",
      `${action}: it has the column ${
        JSON.stringify(column.name)
      }, ${why}; leave it out with exclude, or use ` +
        "another mode",
    );
  }
  return read.map(({ name }) => name);
}

/** The table under its own name, by the server's letters. */
async function findTable(
  session: Session,
  action: string,
  wanted: TableName,
): Promise<{ readonly table: TableName; readonly isTransactional: boolean }> {
  const { rows: [row] } = await session.query(
    `SELECT t.table_schema, t.table_name, t.table_type, t.engine, e.transactions
       FROM information_schema.tables t LEFT JOIN information_schema.engines e ON e.engine = t.engine
      WHERE t.table_schema = ${textLiteral(wanted.database)} AND t.table_name = ${textLiteral(wanted.table)}`,
  );
  if (row === undefined) {
    throw await missingTable(session, action, wanted) ??
      new AppError("not_found", `${action}: there is no table ${showTable(wanted)}`);
  }
  const [database, table, type, engine, transactions] = row;
  if (type !== "BASE TABLE") {
    const what = type?.includes("VIEW") === true
      ? "it is a view, which has no log of changes; follow its tables"
      : type === "SYSTEM VERSIONED"
      ? "it keeps its own versions (SYSTEM VERSIONING), whose deletes the log has as updates"
      : `it is no table but ${type}`;
    throw new AppError("invalid", `${action}: ${what}`);
  }
  if (engine === "MEMORY") {
    throw new AppError(
      "invalid",
      `${action}: its engine MEMORY forgets its rows, which the log does not tell of`,
    );
  }
  return { table: { database: database ?? "", table: table ?? "" }, isTransactional: transactions === "YES" };
}

/** What a foreign key does to the rows of its own table happens inside the engine, and is logged by no server. */
async function refuseCascades(
  session: Session,
  action: string,
  { database, table }: TableName,
): Promise<void> {
  const { rows: [row] } = await session.query(
    `SELECT constraint_name, delete_rule, update_rule FROM information_schema.referential_constraints
      WHERE constraint_schema = ${textLiteral(database)} AND table_name = ${textLiteral(table)}
        AND (delete_rule IN ('CASCADE', 'SET NULL', 'SET DEFAULT')
             OR update_rule IN ('CASCADE', 'SET NULL', 'SET DEFAULT'))`,
  );
  if (row === undefined) return;
  const [name, onDelete, onUpdate] = row;
  throw new AppError(
    "invalid",
    `${action}: its foreign key ${name} (ON DELETE ${onDelete}, ON UPDATE ${onUpdate}) changes rows, which the ` +
      "server does not log; let the key RESTRICT, or set cascades: ignore in the stream's options to follow " +
      "it without those changes",
  );
}

async function columnsOf(session: Session, action: string, name: TableName): Promise<readonly KnownColumn[]> {
  const { database, table } = name;
  // Waits for who changes the columns just now: the log may tell of it before the catalogue does.
  await session.query(`SELECT 1 FROM ${quoteTable(name)} LIMIT 0`);
  const { rows } = await session.query(
    `SELECT column_name, column_type, character_set_name, is_nullable, column_default, extra
       FROM information_schema.columns
      WHERE table_schema = ${textLiteral(database)} AND table_name = ${textLiteral(table)}
      ORDER BY ordinal_position`,
  );
  if (rows.length === 0) throw new AppError("forbidden", `${action}: none of its columns may be seen`);
  const list = rows.map(([column]) => quoteName(column ?? "")).join(", ");
  const described = (await session.query(`SELECT ${list} FROM ${quoteTable(name)} LIMIT 0`)).columns;
  return rows.map(([column, declared, charset, nullable, fallback, extra], i) => {
    const result = described[i];
    if (result === undefined) {
      throw new AppError("unavailable", `${action}: its columns have changed just now`);
    }
    const isVirtual = /\bVIRTUAL\b/i.test(extra ?? "");
    const isStored = /\b(?:STORED|PERSISTENT)\b/i.test(extra ?? "");
    const hasDefault = fallback !== null && fallback !== undefined && fallback.toUpperCase() !== "NULL";
    return {
      ...descriptionOf(result),
      name: column ?? "",
      declared: declared ?? "",
      charset: charset ?? null,
      isFilled: nullable !== "YES" || hasDefault || isStored,
      isVirtual,
      isInvisible: /\bINVISIBLE\b/i.test(extra ?? ""),
    };
  });
}

/** Without the flags that tell of keys and of NULL, which may change without the type. */
const descriptionOf = ({ type, flags, collation, length, decimals, typeName, format }: ResultColumn) => ({
  type,
  flags: flags & UNSIGNED_FLAG,
  collation,
  length,
  decimals,
  typeName,
  format,
});

interface KeySubject {
  readonly action: string;
  readonly table: TableName;
  readonly read: readonly string[];
  readonly columns: readonly ColumnFacts[];
}

/** The key by which rows are found; the log has all columns of what is updated or deleted. */
async function keyOf(
  session: Session,
  { primaryKey }: FollowedStream<MysqlStream>,
  { action, table, read, columns }: KeySubject,
): Promise<readonly string[]> {
  const key = primaryKey?.map((name) => findColumn(columns, name)?.name ?? name) ??
    await primaryKeyOf(session, table);
  if (key.length === 0) {
    throw new AppError(
      "invalid",
      `${action}: the table has no primary key; name the columns that tell rows apart`,
      { detail: "Set primary_key on the stream." },
    );
  }
  const unread = key.filter((name) => !read.includes(name));
  if (unread.length > 0) {
    throw new AppError(
      "invalid",
      `${action}: the key's ${unread.map(quoteName).join(", ")} must be among the columns that are read`,
    );
  }
  return key;
}
