import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { AppError } from "../../../contract/errors.ts";
import type { Dialect, LoadColumn } from "../../destination/system.ts";
import type { ServerKind } from "../session/connection_options.ts";
import { checkName, quoteName } from "../table_name.ts";
import type { MysqlColumn } from "./catalogue.ts";
import { isKnownCharset } from "./encode/charset.ts";
import { encoderOf } from "./encode/column_encoder.ts";
import { GONE, STAGE } from "./stage.ts";
import { isKeyTypeOf, jsonAlias, keyTypes, textOptions, typeOf } from "./types.ts";

/** How loads speak with a server; `sqlMode` is how it reads what users have written. */
export function dialectOf(server: ServerKind, sqlMode: string): Dialect<MysqlColumn> {
  const text = textOptions(server);
  return {
    ignoresCase: true,
    checkName: (name) => checkName("column", name),
    typeOf: (field) => typeOf(field, server),
    wasTypeOf: (field, { sql }) =>
      isKeyTypeOf(field, sql, server) || typeOf(field, server) === "json" && sql === jsonAlias(server),
    // The encoders write what the column takes, but for character sets that only the server knows.
    sentAs(field, column) {
      if (encoderOf(field, column.type) === undefined) throw noWay(field.name, column);
      return isUnknownText(column) ? `longtext ${text}` : column.sql;
    },
    cast: ({ name, target }) => {
      const charset = target === undefined ? undefined : charsetOf(target);
      const value = quoteIdentifier(name);
      return charset === undefined ? value : `CONVERT(${value} USING ${charset})`;
    },
    isChanged: ({ name, target }) => {
      const charset = target === undefined ? undefined : charsetOf(target);
      if (charset === undefined || target === undefined) return "false";
      const value = quoteIdentifier(name);
      const back = `CONVERT(CONVERT(${value} USING ${charset}) USING utf8mb4)`;
      return `${bytesOf(back)} <> ${bytesOf(value)}${tooLong(value, charset, target)}`;
    },
    textOf: (expression) => `CAST(${expression} AS CHAR)`,
    stage: STAGE,
    gone: GONE,
    insertInto: "INSERT INTO",
    overriding: "",
    // A collation may take two texts for one.
    isDistinct: ({ target }, one, other) =>
      target === undefined || isText(target)
        ? `NOT (${bytesOf(one)} <=> ${bytesOf(other)})`
        : `NOT (${one} <=> ${other})`,
    momentOf: (iso) => quoteLiteral(iso.replace("T", " ").replace("Z", "")),
    deleteFrom: (only) => `DELETE t FROM ${only} AS t`,
    sendsDefaults: true,
    addsColumnsLate: true,
    createTable: ({ quoted }, columns, key) => createTable(quoted, columns, key, server),
    replacesByNewTable: true,
    lacksUpsert: true,
    updateFrom: (only, set, source, condition) =>
      `UPDATE ${source} JOIN ${only} AS t ON ${condition} SET ${set}`,
    addKey: () => [],
    sqlRules: {
      isMysql: true,
      bodies: "mysql",
      ...sqlMode.includes("NO_BACKSLASH_ESCAPES") ? {} : { backslashes: "all" },
    },
    refusesSql: ({ words }) =>
      ENDING.test(words.join(" ")) ? "in MySQL it would end the transaction of the load" : undefined,
    definesFirst: true,
    analyze: ({ quoted }) => [`ANALYZE NO_WRITE_TO_BINLOG TABLE ${quoted}`],
    ledger: {
      text: `longtext ${text}`,
      key: `varchar(700) ${text}`,
      quote: quoteName,
      claimsLate: true,
      integer: "bigint",
      time: "datetime(6)",
      now: "utc_timestamp(6)",
      daysAgo: (days) => `utc_timestamp(6) - INTERVAL ${days} DAY`,
    },
  };
}

/** Statements that commit what was done before them, or may, as a procedure can, and LOAD, which wants a file of ours. */
const ENDING =
  /^(?:ALTER|ANALYZE|CACHE|CALL|CHECK|FLUSH|GRANT|INSTALL|LOAD|LOCK|OPTIMIZE|RENAME|REPAIR|RESET|REVOKE|SET (?:SESSION )?AUTOCOMMIT|SET PASSWORD|TRUNCATE|UNINSTALL|UNLOCK|XA|(?:CREATE|DROP)(?! (?:OR REPLACE )?TEMPORARY))\b/;

function noWay(name: string, column: MysqlColumn): AppError {
  return new AppError(
    "invalid",
    `Nothing of the rows' column ${JSON.stringify(name)} can go into the table's ${column.sql}; ` +
      `cast it in the model, or leave it out`,
  );
}

function charsetOf({ type }: MysqlColumn): string | undefined {
  return type.kind === "text" && !isKnownCharset(type.charset) ? type.charset : undefined;
}

const bytesOf = (text: string): string => `CAST(${text} AS BINARY)`;

const isText = ({ type }: MysqlColumn): boolean => ["text", "enum", "set"].includes(type.kind);

const isUnknownText = (column: MysqlColumn): boolean => charsetOf(column) !== undefined;

/** What the encoder of the column itself would count. */
function tooLong(value: string, charset: string, { type }: MysqlColumn): string {
  if (type.kind !== "text") return "";
  const { maxCharacters, maxBytes, isChar } = type;
  const characters = maxCharacters === undefined ? "" : ` OR char_length(${value}) > ${maxCharacters}`;
  const bytes = maxBytes === undefined ? "" : ` OR length(CONVERT(${value} USING ${charset})) > ${maxBytes}`;
  return `${characters}${bytes}${isChar ? ` OR ${value} LIKE '% '` : ""}`;
}

/** Of an engine with transactions, whatever the server's own is. */
function createTable(
  quoted: string,
  columns: readonly LoadColumn<MysqlColumn>[],
  key: readonly LoadColumn<MysqlColumn>[],
  server: ServerKind,
): string {
  const types = keyTypes(key.map(({ field }) => field), server);
  const definitions = columns.map((column) => {
    const place = key.indexOf(column);
    const type = place < 0 ? column.targetSql : `${types[place]} NOT NULL`;
    return `${quoteIdentifier(column.name)} ${type}`;
  });
  const primary = key.map(({ name }) => quoteIdentifier(name)).join(", ");
  return `CREATE TABLE ${quoted} (${definitions.join(", ")}${
    primary === "" ? "" : `, PRIMARY KEY (${primary})`
  }) ENGINE=InnoDB DEFAULT ${textOptions(server)}`;
}
