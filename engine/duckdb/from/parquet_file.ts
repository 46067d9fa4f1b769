import { encryption } from "../../../contract/snapshots/parquet.ts";
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
  if (key !== undefined) options.push(`ENCRYPTION_CONFIG ${encryption(key)}`);
  return await session.run(`COPY (\n${rows}\n) TO ${quoteLiteral(path)} (${options.join(", ")})`);
}
