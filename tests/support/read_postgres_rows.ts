import { openPostgres, read } from "./postgres_connector.ts";

/** Reads `{url, query}` from stdin, reads all rows, and prints `{rows, peakRssBytes}`. */
const { url, query } = JSON.parse(await new Response(Deno.stdin.readable).text());
await using connection = await openPostgres(undefined, { url });
let rows = 0;
let peakRssBytes = 0;
for await (const batch of read(connection, { query })) {
  rows += batch.numRows;
  peakRssBytes = Math.max(peakRssBytes, Deno.memoryUsage().rss);
}
console.log(JSON.stringify({ rows, peakRssBytes }));
