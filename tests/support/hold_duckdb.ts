import { openDatabase } from "../../engine/duckdb/database.ts";

/** Holds a DuckDB file open, in the way that is named, until its stdin is closed: see duckdb_holder.ts. */
const [path = "", mode] = Deno.args;
await using _database = await openDatabase({ path, allowedDirectories: [], readOnly: mode === "read" });
console.log("open");
for await (const _bytes of Deno.stdin.readable) {
  // Until the parent closes it.
}
