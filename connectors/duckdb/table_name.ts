import { AppError } from "../../contract/errors.ts";
import { quoteIdentifier } from "../../contract/sql.ts";

export interface TableName {
  readonly schema: string;
  readonly table: string;
}

const DEFAULT_SCHEMA = "main";
const PART = /(?:"((?:[^"]|"")+)"|([^".]+))(\.|$)/y;

/** Reads `table`, `schema.table`, or either part in double quotes. Throws `invalid`. */
export function parseTableName(text: string): TableName {
  const parts: string[] = [];
  const part = new RegExp(PART);
  for (let isEnd = false; !isEnd;) {
    const match = part.exec(text);
    if (match === null || parts.length === 2) {
      throw new AppError(
        "invalid",
        `Cannot read the table name ${
          JSON.stringify(text)
        }: expected table or schema.table, with double quotes ` +
          `around a part that has a dot or a quote in it`,
      );
    }
    parts.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    isEnd = match[3] === "";
  }
  const [first = "", second] = parts;
  return second === undefined ? { schema: DEFAULT_SCHEMA, table: first } : { schema: first, table: second };
}

export const quoteTable = ({ schema, table }: TableName): string =>
  `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`;

/** As people write it. */
export const showTable = ({ schema, table }: TableName): string =>
  schema === DEFAULT_SCHEMA ? table : `${schema}.${table}`;
