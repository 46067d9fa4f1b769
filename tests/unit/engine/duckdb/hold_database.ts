import { openDatabase } from "../../../../engine/duckdb/database.ts";

await using _database = await openDatabase({ path: Deno.args[0] ?? "", allowedDirectories: [] });
console.log("open");
for await (const _bytes of Deno.stdin.readable) {
  // Until the parent closes it.
}
