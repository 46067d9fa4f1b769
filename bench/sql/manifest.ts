/**
 * What the hashes of a run's manifest cost: beside DuckDB building the same models, of large tables and of many small
 * ones. The share is that of the hashes in both together; a run does more than to build.
 *
 * deno task bench manifest [--rows 2000000] [--models 1000]
 */
import { parseArgs } from "node:util";
import { openDatabase } from "../../engine/duckdb/database.ts";
import type { DuckSession } from "../../engine/duckdb/session.ts";
import { tableFacts } from "../../engine/warehouse/models/table_facts.ts";
import { manyModels } from "../lib/many_models.ts";

const THREADS = 2;

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: { rows: { type: "string", default: "2000000" }, models: { type: "string", default: "1000" } },
  });
  await large(Number(values.rows));
  await small(Number(values.models));
}

/** Three models of a table of 16 columns: one as wide, one narrow, one aggregated. */
async function large(rows: number): Promise<void> {
  await withDatabase(async (session) => {
    await session.run(
      `CREATE SCHEMA raw;
       CREATE TABLE raw.lines AS SELECT
         i // 4 AS orderkey, i * 7 % 200000 AS partkey, i * 13 % 10000 AS suppkey, i % 7 AS linenumber,
         (i % 50 + 1)::DECIMAL(15,2) AS quantity, (i * 7919 % 10000000 / 100)::DECIMAL(15,2) AS extendedprice,
         (i % 11 / 100)::DECIMAL(15,2) AS discount, (i % 9 / 100)::DECIMAL(15,2) AS tax,
         chr((i % 3 + 65)::INTEGER) AS returnflag, chr((i % 2 + 70)::INTEGER) AS linestatus,
         DATE '1992-01-01' + (i % 2500)::INTEGER AS shipdate, DATE '1992-02-01' + (i % 2500)::INTEGER AS commitdate,
         TIMESTAMP '1992-03-01' + to_seconds(i) AS received_at, i / 7 AS weight,
         ['AIR', 'MAIL', 'SHIP'][(i % 3 + 1)::INTEGER] AS shipmode, 'carefully regular ideas ' || i * 31 % 100000 AS comment
       FROM range(${rows}) AS r(i)`,
    );
    const models = [
      ["stg", "SELECT *, extendedprice * (1 - discount) AS net FROM raw.lines"],
      ["late", "SELECT orderkey, shipdate, weight, net FROM stg WHERE shipmode <> 'AIR'"],
      ["daily", "SELECT shipdate, shipmode, sum(net) AS net, count(*) AS n FROM stg GROUP BY ALL"],
    ] as const;
    let built = 0;
    let hashed = await timed(() => tableFacts(session, { relation: "raw.lines", table: "raw.lines" }));
    for (const [name, query] of models) {
      built += await timed(() => session.run(`CREATE TABLE main.${name} AS ${query}`));
      hashed += await timed(() => tableFacts(session, { relation: `main.${name}`, table: name, rows: 3 }));
    }
    report(`${rows} rows of 16 columns, three models`, built, hashed);
  });
}

async function small(count: number): Promise<void> {
  const { raw, models } = manyModels(count);
  await withDatabase(async (session) => {
    for (const statement of raw) await session.run(statement);
    let built = 0;
    let hashed = 0;
    for (const { name, select } of models) {
      built += await timed(() =>
        session.transaction(() => session.run(`CREATE TABLE main.${name} AS ${select}`))
      );
      hashed += await timed(() => tableFacts(session, { relation: `main.${name}`, table: name, rows: 3 }));
    }
    report(`${count} models of three rows`, built, hashed);
    console.log(`  ${(hashed / count).toFixed(2)} ms a model`);
  });
}

async function withDatabase(work: (session: DuckSession) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    await using database = await openDatabase({
      path: `${folder}/w.duckdb`,
      allowedDirectories: [],
      threads: THREADS,
    });
    await using session = await database.session();
    await work(session);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  await work();
  return performance.now() - beganMs;
}

function report(what: string, builtMs: number, hashedMs: number): void {
  const share = (hashedMs / (builtMs + hashedMs) * 100).toFixed(0);
  console.log(`${what}: ${builtMs.toFixed(0)} ms to build, ${hashedMs.toFixed(0)} ms to hash (${share} %)`);
}

await main();
