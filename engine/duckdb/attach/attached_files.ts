import duckdb from "@duckdb/node-bindings";
import { type SqlRow } from "../../../contract/sql.ts";
import { loadCrypto } from "./encrypted.ts";
import { readRows } from "../from/row_reader.ts";

export type RunSql = (sql: string) => Promise<SqlRow[]>;

/** An instance without a file of its own, for work on files that it attaches; `module` opens encrypted ones. */
export async function withAttachedFiles<T>(
  { tempDirectory, module }: { readonly tempDirectory: string; readonly module?: string | undefined },
  work: (run: RunSql) => Promise<T>,
): Promise<T> {
  const config = duckdb.create_config();
  const settings = {
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    temp_directory: tempDirectory,
    temp_file_encryption: "true",
  };
  for (const [name, value] of Object.entries(settings)) duckdb.set_config(config, name, value);
  const handle = await duckdb.open(":memory:", config);
  const connection = await duckdb.connect(handle);
  try {
    if (module !== undefined) await loadCrypto(connection, module);
    return await work(async (sql) => await readRows(await duckdb.query(connection, sql)));
  } finally {
    duckdb.disconnect_sync(connection);
    duckdb.close_sync(handle);
  }
}
