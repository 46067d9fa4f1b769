import { AppError } from "../../contract/errors.ts";
import { quoteIdentifier } from "../../contract/sql.ts";

/** A table as PostgreSQL stores its name: case matters, nothing is folded. */
export interface TableName {
  readonly schema: string;
  readonly table: string;
}

/** PostgreSQL cuts longer names without an error, and two of them can then be the same. */
const MAX_NAME_BYTES = 63;

/**
 * Reads `table`, `schema.table`, or either part in double quotes (`"my.schema"."a ""b"""`). A name is
 * taken as it is written, quoted or not. Throws `invalid`.
 */
export function parseTableName(text: string, defaultSchema: string): TableName {
  const parts = splitName(text);
  if (parts === undefined || parts.length > 2) {
    throw new AppError(
      "invalid",
      `Cannot read the table name ${
        JSON.stringify(text)
      }: expected table or schema.table, with double quotes around ` +
        `a part that has a dot or a quote in it`,
    );
  }
  const [first = "", second] = parts;
  const name = second === undefined
    ? { schema: defaultSchema, table: first }
    : { schema: first, table: second };
  checkName("schema", name.schema);
  checkName("table", name.table);
  return name;
}

/** Throws `invalid` for a name that PostgreSQL would change or refuse. */
export function checkName(what: "schema" | "table" | "column", name: string): void {
  const sizeBytes = new TextEncoder().encode(name).length;
  const shown = JSON.stringify(name);
  if (name === "") {
    throw new AppError("invalid", `A ${what} has an empty name, which PostgreSQL does not allow`);
  }
  if (name.includes("\0")) throw new AppError("invalid", `The ${what} name ${shown} has a zero byte in it`);
  if (sizeBytes > MAX_NAME_BYTES) {
    throw new AppError(
      "invalid",
      `The ${what} name ${shown} has ${sizeBytes} bytes, and PostgreSQL keeps only ${MAX_NAME_BYTES}`,
    );
  }
}

export const quoteTable = (name: TableName): string =>
  `${quoteIdentifier(name.schema)}.${quoteIdentifier(name.table)}`;

/** The name as `parseTableName` reads it, with quotes where it needs them only. */
export function writeTableName({ schema, table }: TableName): string {
  const write = (part: string) => /[."]/.test(part) ? quoteIdentifier(part) : part;
  return `${write(schema)}.${write(table)}`;
}

/** `schema.table` for a message. */
export const showTable = (name: TableName): string => `${name.schema}.${name.table}`;

/** The parts between dots outside quotes; undefined where a quote is out of place. */
function splitName(text: string): string[] | undefined {
  const part = /(?:"((?:[^"]|"")+)"|([^".]+))(\.|$)/y;
  const parts: string[] = [];
  for (;;) {
    const match = part.exec(text);
    if (match === null) return undefined;
    parts.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] === "") return parts;
  }
}
