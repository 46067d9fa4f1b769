import * as v from "valibot";
import { mysql } from "../../connectors/mysql/connector.ts";
import { postgres } from "../../connectors/postgres/connector.ts";
import { systemClock } from "../../contract/clock.ts";
import type { Connector } from "../../contract/connector/connector.ts";

/**
 * Reads `{type, entry, query}` from stdin, reads all rows, and prints `{rows, peakRssBytes}`. It runs with the
 * permissions of `access` alone, so it imports connectors and nothing else.
 */
const { type, entry, query } = JSON.parse(await new Response(Deno.stdin.readable).text());
const connector: Connector = type === "mysql" ? mysql : postgres;
const { signal } = new AbortController();
const config = v.parse(connector.configSchema, entry);
const budget = { limit: 1, acquire: () => Promise.resolve({ [Symbol.dispose]: () => {} }) };
const openDuckdb = () => Promise.reject(new Error("not used"));
const context = {
  name: "shop",
  projectDir: "/nowhere",
  signal,
  clock: systemClock,
  budget,
  openDuckdb,
  scratchDir: "/nowhere",
  secret: openDuckdb,
  wayOut: openDuckdb,
  turn: openDuckdb,
  accessToken: () => Promise.reject(new Error("there is no token")),
  hold: () => {},
  sandbox: undefined,
  script: () => "",
  memoryOf: () => Promise.resolve(null),
  log: () => {},
};
await using connection = await connector.open(config, context);
const streams = [{ name: "rows", address: v.parse(connector.streamSchema ?? v.never(), { query }) }];
let rows = 0;
let peakRssBytes = 0;
for await (const message of connection.source?.read({ streams }, signal) ?? []) {
  if (message.type === "rows") rows += message.batch.numRows;
  peakRssBytes = Math.max(peakRssBytes, Deno.memoryUsage().rss);
}
console.log(JSON.stringify({ rows, peakRssBytes }));
