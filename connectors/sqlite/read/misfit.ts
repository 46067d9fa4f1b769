import { AppError } from "../../../contract/errors.ts";
import { quoteIdentifier } from "../../../contract/sql.ts";
import type { SqliteReader, SqliteValue } from "../database.ts";
import { builderOf } from "./builder_of.ts";
import { MisfitError } from "./column_builder.ts";
import { type Column, type Plan, selectOf } from "./plan.ts";
import type { TextEncoding } from "./text_bytes.ts";

const SHOWN_CHARACTERS = 100;

/** Finds the first value of the column that does not fit, and says where and what it is. */
export async function misfit(database: SqliteReader, plan: Plan, column: Column): Promise<AppError> {
  const name = quoteIdentifier(column.name);
  const shown = database.bytesOf(`substr(CAST(${name} AS TEXT), 1, ${SHOWN_CHARACTERS})`);
  const { expressions: [value], texts } = selectOf(database, plan, [column]);
  const select = `SELECT ${value}, typeof(${name}), ${plan.rowid ?? "NULL"}, ${shown} ` +
    `FROM ${plan.relation}`;
  const builder = builderOf(column.type, 1, plan.encoding);
  let count = 0;
  for await (const rows of database.slices(select, [], `read ${plan.shown}`, texts)) {
    for (const row of rows) {
      count++;
      try {
        builder.append([row], 0);
        builder.finish(1);
      } catch (error) {
        if (!(error instanceof MisfitError)) throw error;
        const [, storage, id = null, text] = row;
        const place = id === null ? `row ${count}` : `the row with rowid ${id}`;
        const { what, type } = explainMisfit(
          column,
          String(storage),
          readable(text, plan.encoding),
          plan.encoding,
        );
        return new AppError(
          "invalid",
          `Cannot read ${plan.shown}: column "${column.name}" of ${place} ${what}, expected ${column.type.text}; ` +
            `correct it, or set options.columns: {${column.name}: ${type}}`,
        );
      }
    }
  }
  return new AppError(
    "invalid",
    `Cannot read ${plan.shown}: a value of column "${column.name}" is not ${column.type.text}`,
  );
}

/** A text of which SqliteReader.bytesOf() gave the bytes, whatever they are. */
function readable(bytes: SqliteValue | undefined, encoding: TextEncoding): string {
  if (typeof bytes !== "string" && !(bytes instanceof Uint8Array)) return String(bytes);
  return new TextDecoder(encoding).decode(typeof bytes === "string" ? Uint8Array.fromHex(bytes) : bytes);
}

/** `is "abc" (text)` of a value that does not fit, and a type that takes it. */
export function explainMisfit(
  column: Column,
  storage: string,
  text: string,
  encoding: TextEncoding,
): { readonly what: string; readonly type: "TEXT" | "BLOB" } {
  return storage === "text" && column.type.kind === "text"
    ? { what: `is a text that is not ${encoding.toUpperCase()}`, type: "BLOB" }
    : { what: `is ${JSON.stringify(text.slice(0, SHOWN_CHARACTERS))} (${storage})`, type: "TEXT" };
}
