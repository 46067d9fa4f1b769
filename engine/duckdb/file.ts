import { join } from "node:path";
import type { DuckdbDatabase, DuckdbSession, OpenDuckdb } from "../../contract/duckdb.ts";
import { type DatabaseOptions, openDatabase } from "./database.ts";
import { exportRows } from "./from/export.ts";
import { ingest } from "./into/ingest.ts";
import type { DuckSession } from "./session.ts";

/**
 * Opens DuckDB files for connectors, each as an instance of its own. `tempDir` is where they spill, in
 * a folder each: two instances in one folder would overwrite each other's files.
 */
export function duckdbOpener(
  tempDir: string,
  { memoryLimit, spillLimit }: Pick<DatabaseOptions, "memoryLimit" | "spillLimit"> = {},
): OpenDuckdb {
  return async (path, options): Promise<DuckdbDatabase> => {
    const database = await openDatabase({
      ...options,
      path,
      tempDirectory: join(tempDir, `file-${crypto.randomUUID()}`),
      allowedDirectories: [],
      ...(memoryLimit === undefined ? {} : { memoryLimit }),
      ...(spillLimit === undefined ? {} : { spillLimit }),
    });
    return {
      session: async () => sessionOf(await database.session()),
      [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
    };
  };
}

function sessionOf(session: DuckSession): DuckdbSession {
  return {
    run: (sql, params) => session.run(sql, params),
    rows: (sql, params) => session.rows(sql, params),
    describe: (sql) => session.describe(sql),
    transaction: (work) => session.transaction(work),
    insertAtCommit: (table, row) => session.insertAtCommit(table, row),
    setVariable: (name, value) => session.setVariable(name, value),
    setVariables: (values) => session.setVariables(values),
    columnsOf: (schema) => session.columnsOf(schema),
    interruptOn: (signal) => session.interruptOn(signal),
    read: (sql) => exportRows(session, sql),
    append: (table, batches) => ingest(session, table, batches),
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
}
