import { AppError } from "../../contract/errors.ts";

/** A table as it is written: whether case matters is the server's own affair (lower_case_table_names). */
export interface TableName {
  readonly database: string;
  readonly table: string;
}

/** Characters, not bytes; both servers refuse longer names. */
const MAX_NAME_LENGTH = 64;

/**
 * Reads `table`, `database.table`, or either part in backticks or double quotes (`` `my.db`.`a table` ``).
 * Throws `invalid`.
 */
export function parseTableName(text: string, defaultDatabase: string): TableName {
  const parts = splitName(text);
  if (parts === undefined || parts.length > 2) {
    throw new AppError(
      "invalid",
      `Cannot read the table name ${
        JSON.stringify(text)
      }: expected table or database.table, with backticks ` +
        `around a part that has a dot or a quote in it`,
    );
  }
  const [first = "", second] = parts;
  const name = second === undefined
    ? { database: defaultDatabase, table: first }
    : { database: first, table: second };
  checkName("database", name.database);
  checkName("table", name.table);
  return name;
}

/** Throws `invalid` for a name that neither server can have. */
export function checkName(what: "database" | "table" | "column", name: string): void {
  const shown = JSON.stringify(name);
  const fault = name === ""
    ? "is empty"
    : name.includes("\0")
    ? "has a zero byte in it"
    : /[\u{10000}-\u{10ffff}]/u.test(name)
    ? "has a character beyond U+FFFF in it, as an emoji"
    : name.endsWith(" ")
    ? "ends with a space"
    : [...name].length > MAX_NAME_LENGTH
    ? `has ${[...name].length} characters, more than ${MAX_NAME_LENGTH}`
    : undefined;
  if (fault !== undefined) {
    throw new AppError("invalid", `The ${what} name ${shown} ${fault}, which MySQL does not allow`);
  }
}

/** In backticks, which quote a name whatever sql_mode is. */
export const quoteName = (name: string): string => `\`${name.replaceAll("`", "``")}\``;

export const quoteTable = (name: TableName): string => `${quoteName(name.database)}.${quoteName(name.table)}`;

/** The name as `parseTableName` reads it, with quotes where it needs them only. */
export function writeTableName({ database, table }: TableName): string {
  const write = (part: string) => /[.`"]/.test(part) ? quoteName(part) : part;
  return `${write(database)}.${write(table)}`;
}

/** `database.table` for a message. */
export const showTable = (name: TableName): string => `${name.database}.${name.table}`;

/** A text as a literal that means the same whatever sql_mode makes of quotes and backslashes. */
export function textLiteral(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return bytes.length === 0 ? "''" : `_utf8mb4 X'${bytes.toHex()}'`;
}

/** The parts between dots outside quotes; undefined where a quote is out of place. */
function splitName(text: string): string[] | undefined {
  const part = /(?:`((?:[^`]|``)+)`|"((?:[^"]|"")+)"|([^`".]+))(\.|$)/y;
  const parts: string[] = [];
  for (;;) {
    const match = part.exec(text);
    if (match === null) return undefined;
    parts.push(match[1]?.replaceAll("``", "`") ?? match[2]?.replaceAll('""', '"') ?? match[3] ?? "");
    if (match[4] === "") return parts;
  }
}
