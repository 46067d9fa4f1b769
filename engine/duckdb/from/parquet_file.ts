import { quoteLiteral } from "../../../contract/sql.ts";
import type { DuckSession } from "../session.ts";
import { asHeld } from "./held_columns.ts";

/**
 * Writes the rows of `sql` (one SELECT) to a new Parquet file, in types that hold its values exactly. With `key`
 * (base64, as an encrypted warehouse has it) the file is encrypted; the session's database has to be, too. Returns
 * the count of rows. Throws SqlError, and `invalid` for a value that Parquet cannot hold.
 */
export async function writeParquet(
  session: DuckSession,
  sql: string,
  path: string,
  key?: string,
): Promise<number> {
  const rows = await asHeld(session, sql, "parquet", []);
  const options = ["FORMAT parquet", "COMPRESSION zstd"];
  if (key !== undefined) options.push(`ENCRYPTION_CONFIG {footer_key_value: ${keyBytes(key)}}`);
  return await session.run(`COPY (\n${rows}\n) TO ${quoteLiteral(path)} (${options.join(", ")})`);
}

/** How the file is read in SQL; each row has its place in it, from 0, as `file_row_number`. */
export function parquetRelation(path: string, key?: string): string {
  const options = ["file_row_number = true"];
  if (key !== undefined) options.push(`encryption_config = {footer_key_value: ${keyBytes(key)}}`);
  // What stands in brackets would be a pattern.
  return `read_parquet([${quoteLiteral(path)}], ${options.join(", ")})`;
}

/** As a text it would have another length than AES takes. */
const keyBytes = (key: string): string => `from_base64(${quoteLiteral(key)})`;
