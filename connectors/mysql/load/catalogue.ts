import { AppError } from "../../../contract/errors.ts";
import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { LEDGER_TABLE } from "../../destination/ledger.ts";
import type {
  Catalogue,
  Cell,
  MadeColumn,
  SqlSession,
  TargetColumn,
  TargetTable,
} from "../../destination/system.ts";
import type { ServerKind } from "../session/connection_options.ts";
import { quoteTable, showTable, type TableName } from "../table_name.ts";
import { charsetOf, type ColumnType, parseColumnType } from "./column_type.ts";
import { jsonAlias } from "./types.ts";

export interface MysqlColumn extends TargetColumn {
  readonly type: ColumnType;
  readonly isNullable: boolean;
}

type Rows = Pick<SqlSession<MysqlColumn>, "rows">;

/** What the server knows of a load's target. */
export class MysqlCatalogue implements Catalogue<MysqlColumn> {
  readonly #session: Rows;
  readonly #server: ServerKind;
  readonly #action: string;
  readonly #table: TableName;

  /** `action` heads the messages. */
  constructor(session: Rows, server: ServerKind, action: string, table: TableName) {
    this.#session = session;
    this.#server = server;
    this.#action = action;
    this.#table = table;
  }

  async inspect(): Promise<TargetTable<MysqlColumn> | undefined> {
    const [found] = await this.#session.rows(
      `SELECT t.TABLE_TYPE, t.ENGINE, e.TRANSACTIONS, t.CREATE_OPTIONS
         FROM information_schema.TABLES t LEFT JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE
        WHERE ${this.#is("t.TABLE_SCHEMA", "t.TABLE_NAME")}`,
    );
    if (found === undefined) return undefined;
    const [kind, engine, transactions, options] = found;
    if (kind !== "BASE TABLE" && kind !== "SYSTEM VERSIONED") {
      throw new AppError("invalid", `${this.#action}: it is not a table (${kind?.toLowerCase()})`);
    }
    if (transactions !== "YES") throw this.#noTransactions(engine ?? "");
    const quoted = quoteTable(this.#table);
    return {
      columns: await columnsOf(this.#session, quoted),
      ...await this.#keys(quoted),
      // A trigger of MySQL refuses a row or changes it, but leaves none out.
      skippingTriggers: [],
      only: quoted,
      isPartitioned: options?.includes("partitioned") ?? false,
      heirs: [],
    };
  }

  #noTransactions(engine: string): AppError {
    return new AppError(
      "invalid",
      `${this.#action}: its engine ${engine} has no transactions, so that a load that fails would leave half of its rows; ` +
        `change it once: ALTER TABLE ${showTable(this.#table)} ENGINE=InnoDB`,
    );
  }

  /**
   * What a DELETE of the table's rows does to rows of others: foreign keys of tables that this user may see,
   * and triggers that delete rows or set columns to NULL, as far as their text tells.
   */
  async dependants(): Promise<readonly string[]> {
    const keys = await this.#session.rows(
      `SELECT CONSTRAINT_SCHEMA, TABLE_NAME, DELETE_RULE FROM information_schema.REFERENTIAL_CONSTRAINTS
        WHERE ${this.#is("UNIQUE_CONSTRAINT_SCHEMA", "REFERENCED_TABLE_NAME")}
          AND DELETE_RULE NOT IN ('NO ACTION', 'RESTRICT')
          AND NOT (${this.#is("CONSTRAINT_SCHEMA", "TABLE_NAME")}) ORDER BY 1, 2`,
    );
    const triggers = await this.#session.rows(
      `SELECT TRIGGER_NAME, ACTION_STATEMENT FROM information_schema.TRIGGERS
        WHERE ${this.#is("EVENT_OBJECT_SCHEMA", "EVENT_OBJECT_TABLE")} AND EVENT_MANIPULATION = 'DELETE'`,
    );
    return [
      ...keys.map(([database, table, rule]) => `${database}.${table} (ON DELETE ${rule})`),
      ...triggers.filter(([, body]) => DELETING.test(body ?? "")).map(([name]) =>
        `what its trigger ${name} does on DELETE`
      ),
    ];
  }

  identity(): Promise<string> {
    return Promise.resolve("");
  }

  /**
   * A table with no more on it than columns, a primary key and grants, which go by its name: no other index,
   * constraint, default, comment, trigger or partition, and no view or foreign key that names it.
   */
  async isOurs(made: readonly MadeColumn[]): Promise<boolean> {
    const { database, table } = this.#table;
    const [found] = await this.#session.rows(
      `SELECT t.TABLE_COMMENT = '' AND t.TABLE_TYPE = 'BASE TABLE' AND t.CREATE_OPTIONS NOT LIKE '%partitioned%',
              (SELECT count(*) FROM information_schema.STATISTICS
                WHERE ${this.#is("TABLE_SCHEMA", "TABLE_NAME")} AND INDEX_NAME <> 'PRIMARY') +
              (SELECT count(*) FROM information_schema.TABLE_CONSTRAINTS
                WHERE ${this.#is("TABLE_SCHEMA", "TABLE_NAME")}
                  AND CONSTRAINT_TYPE NOT IN ('PRIMARY KEY'${this.#server.isMariadb ? ", 'CHECK'" : ""})) +
              ${this.#server.isMariadb ? this.#otherChecks() : "0"} +
              (SELECT count(*) FROM information_schema.REFERENTIAL_CONSTRAINTS
                WHERE ${this.#is("UNIQUE_CONSTRAINT_SCHEMA", "REFERENCED_TABLE_NAME")}) +
              (SELECT count(*) FROM information_schema.TRIGGERS
                WHERE ${this.#is("EVENT_OBJECT_SCHEMA", "EVENT_OBJECT_TABLE")}) +
              (SELECT count(*) FROM information_schema.COLUMNS
                WHERE ${this.#is("TABLE_SCHEMA", "TABLE_NAME")}
                  AND (COLUMN_COMMENT <> '' OR EXTRA <> '' OR COALESCE(COLUMN_DEFAULT, 'NULL') <> 'NULL'
                       OR IS_NULLABLE = 'NO' AND COLUMN_KEY <> 'PRI')) +
              (SELECT count(*) FROM information_schema.VIEWS
                WHERE instr(lower(VIEW_DEFINITION), lower(${
        quoteLiteral(`\`${database}\`.\`${table}\``)
      })) > 0)
         FROM information_schema.TABLES t WHERE ${this.#is("t.TABLE_SCHEMA", "t.TABLE_NAME")}`,
    );
    if (found?.[0] !== "1" || found[1] !== "0") return false;
    const columns = await columnsOf(this.#session, quoteTable(this.#table));
    const json = jsonAlias(this.#server);
    return columns.every(({ name, sql }) =>
      made.some(([madeName, type]) => madeName === name && (type === sql || type === "json" && sql === json))
    );
  }

  /** MariaDB keeps a column of JSON as a text with this check. */
  #otherChecks(): string {
    return `(SELECT count(*) FROM information_schema.CHECK_CONSTRAINTS
              WHERE ${this.#is("CONSTRAINT_SCHEMA", "TABLE_NAME")} AND CHECK_CLAUSE NOT LIKE 'json_valid(%')`;
  }

  async ledgerColumns(): Promise<readonly string[]> {
    const rows = await this.#session.rows(
      `SELECT COLUMN_NAME FROM information_schema.COLUMNS
        WHERE TABLE_SCHEMA = ${quoteLiteral(this.#table.database)} AND TABLE_NAME = ${
        quoteLiteral(LEDGER_TABLE)
      }`,
    );
    return rows.map(([name]) => name ?? "");
  }

  /** Unique indexes of whole columns. */
  async #keys(quoted: string): Promise<Pick<TargetTable<MysqlColumn>, "uniqueKeys" | "primaryKey">> {
    const keys = await uniqueKeysOf(this.#session, quoted);
    return { uniqueKeys: [...keys.values()], primaryKey: keys.get("PRIMARY") ?? [] };
  }

  #is(database: string, table: string): string {
    return `${database} = ${quoteLiteral(this.#table.database)} AND ${table} = ${
      quoteLiteral(this.#table.table)
    }`;
  }
}

const DELETING = /\bdelete\s+from\b|\btruncate\b|\bupdate\b[^;]*\bset\b[^;]*=\s*null\b/i;

/** The columns of each unique index by its name; those of parts of columns and of expressions are left out. */
export async function uniqueKeysOf(session: Rows, quoted: string): Promise<ReadonlyMap<string, string[]>> {
  const rows = await session.rows(`SHOW INDEX FROM ${quoted}`);
  const keys = new Map<string, string[]>();
  const left = new Set<string>();
  for (const [, nonUnique, key, , column, , , part] of rows) {
    if (nonUnique !== "0" || key === undefined || key === null) continue;
    if (typeof column !== "string" || typeof part === "string") left.add(key);
    keys.set(key, [...keys.get(key) ?? [], column ?? ""]);
  }
  for (const key of left) keys.delete(key);
  return keys;
}

/** The columns of a table, also of a temporary one. */
export async function columnsOf(session: Rows, quoted: string): Promise<MysqlColumn[]> {
  const columns = (await session.rows(`SHOW FULL COLUMNS FROM ${quoted}`)).map(toColumn);
  if (!columns.some(({ type }) => type.kind === "text" && type.maxBytes === LONGTEXT_BYTES)) return columns;
  // A user who may only insert does not see it; then the server is the one who finds what is no JSON.
  const [created] = await session.rows(`SHOW CREATE TABLE ${quoted}`).catch(() => []);
  const checked = new Set(
    [...(created?.[1] ?? "").matchAll(JSON_CHECK)].map(([, name]) => name?.replaceAll('""', '"')),
  );
  return columns.map((column) =>
    checked.has(column.name) && column.type.kind === "text"
      ? { ...column, type: { ...column.type, isJson: true } }
      : column
  );
}

const LONGTEXT_BYTES = 4_294_967_295;
const JSON_CHECK = /CHECK \(json_valid\([`"]((?:[^`"]|``|"")+)[`"]\)\)/g;

function toColumn(row: readonly Cell[]): MysqlColumn {
  const [name, definition, collation, nullable, , byDefault, extra] = row;
  const isNumbered = /\bauto_increment\b/i.test(extra ?? "");
  const isGenerated = /\bgenerated\b/i.test((extra ?? "").replace(/DEFAULT_GENERATED/gi, ""));
  const isNullable = nullable === "YES";
  return {
    name: name ?? "",
    sql: sqlOf(definition ?? "", collation ?? ""),
    type: parseColumnType(definition ?? "", collation ?? ""),
    isNullable,
    isRequired: !isNullable && (byDefault === null || byDefault === undefined) && !isNumbered &&
      !isGenerated &&
      !/DEFAULT_GENERATED/i.test(extra ?? ""),
    isGenerated,
    numbersNulls: isNumbered,
  };
}

/** The type as in a definition, the same from every release: some write how wide integers are shown. */
function sqlOf(definition: string, collation: string): string {
  if (/zerofill/i.test(definition)) return definition;
  const type = /^tinyint\(1\)$/i.test(definition)
    ? definition
    : definition.replace(/^((?:tiny|small|medium|big)?int)\(\d+\)/i, "$1");
  // Without the word, some settings make it NOT NULL and put the current time in the place of NULL.
  if (/^timestamp\b/i.test(type)) return `${type} NULL`;
  return collation === "" ? type : `${type} CHARACTER SET ${charsetOf(collation)} COLLATE ${collation}`;
}

export const quotedList = (names: readonly string[]): string => names.map(quoteIdentifier).join(", ");
