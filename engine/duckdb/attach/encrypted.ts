import duckdb from "@duckdb/node-bindings";
import { basename } from "node:path";
import { AppError } from "../../../contract/errors.ts";
import { quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { readReport } from "../sql_error.ts";

/** Names that every instance of DuckDB has. */
const TAKEN = new Set(["memory", "system", "temp"]);

/** The name of a file's catalogue: DuckDB's own for it, its first part. */
export function catalogueOf(path: string): string {
  const [name = ""] = basename(path).split(".");
  return TAKEN.has(name.toLowerCase()) ? `${name}_` : name;
}

/** What an encrypted file is attached with. The key is in the text: it goes to DuckDB and nowhere else. */
export function attachText(
  path: string,
  catalogue: string,
  options: readonly string[],
  key: string | undefined,
): string {
  const all = [
    ...options,
    ...key === undefined ? [] : [`ENCRYPTION_KEY ${quoteLiteral(key)}`, "ENCRYPTION_CIPHER 'GCM'"],
  ];
  const list = all.length === 0 ? "" : ` (${all.join(", ")})`;
  return `ATTACH ${quoteLiteral(path)} AS ${quoteIdentifier(catalogue)}${list}`;
}

/**
 * Loads what encrypts. DuckDB's own mbed TLS writes no encrypted file, as it has no random numbers that are good for
 * it; the httpfs extension brings OpenSSL. DuckDB loads one of its own version only, and signed by its makers. Throws
 * `invalid`.
 */
export async function loadCrypto(connection: duckdb.Connection, module: string): Promise<void> {
  try {
    await duckdb.query(connection, `LOAD ${quoteLiteral(module)}`);
  } catch (cause) {
    throw new AppError(
      "invalid",
      `Cannot use DuckDB's httpfs extension ${module}, which encrypts warehouses: ${
        readReport(cause).message
      }. ` +
        `It has to be the one of DuckDB ${duckdb.library_version()} for this system`,
      { cause },
    );
  }
}
