/**
 * A CSV file of a million rows → NDJSON by `sluice run`, through the warehouse and with `store: false`, and by DuckDB
 * alone, straight and with a table of a file between, one after the other in the same run.
 *
 * deno task bench ndjson [--rows 1000000] [--rounds 3]
 */
import { DuckDBInstance } from "@duckdb/node-api";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Costs, stepOf, succeed } from "../lib/costs.ts";
import { buildSluice, type Cost, costOf, sluiceRun, writeProject } from "../lib/sluice_run.ts";

const WAYS = { "through the warehouse": "", "store: false": ", store: false" };

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      rows: { type: "string", default: "1000000" },
      rounds: { type: "string", default: "3" },
      bare: { type: "string" },
      table: { type: "boolean", default: false },
    },
  });
  if (values.bare !== undefined) return await runBare(values.bare, values.table);
  await buildSluice();
  const rows = Number(values.rows);
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    const project = await writePipeline(folder, "");
    await writeOrders(project, rows);
    const found = new Costs(rows);
    for (let round = 0; round < Number(values.rounds); round += 1) {
      found.add("bare DuckDB", await bare(project, []));
      found.add("bare, with a table", await bare(project, ["--table"]));
      for (const [way, store] of Object.entries(WAYS)) {
        await writePipeline(folder, store);
        const run = await sluiceRun(folder, project, "bench");
        found.add(way, run);
        found.add(`${way}, the extract`, stepOf(run, "extract"));
        found.add(`${way}, the load`, stepOf(run, "load"));
        found.addPeak(run.peakRssBytes);
      }
    }
    found.report("bare DuckDB");
    found.report("bare, with a table", "bare DuckDB");
    for (const way of Object.keys(WAYS)) {
      found.report(way, "bare DuckDB");
      found.report(`${way}, the extract`, "bare DuckDB");
      found.report(`${way}, the load`, "bare DuckDB");
    }
    console.log(`peak RSS of a run's process: ${(found.peakRssBytes / 1e6).toFixed(0)} MB`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const writePipeline = (folder: string, store: string) =>
  writeProject(folder, "bench", {
    "connectors.yaml": "files: { type: file }\n",
    "pipelines/bench.yaml": `extract: { orders: { connector: files, path: orders.csv${store} } }\n` +
      "load: { orders: { connector: files, path: orders.ndjson } }\n",
  });

async function writeOrders(folder: string, rows: number): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run(
    `COPY (
       SELECT i AS id, 'customer ' || (hash(i) % 50000)::VARCHAR AS customer, (hash(i, 1) % 10000) / 100.0 AS amount,
         TIMESTAMP '2024-01-01' + to_seconds(i) AS ordered_at, ['new', 'paid', 'sent'][(1 + i % 3)::BIGINT] AS state,
         'a note of some length about order ' || i AS note
       FROM range(${rows}) AS r(i)
     ) TO '${join(folder, "orders.csv")}' (HEADER)`,
  );
  connection.closeSync();
  instance.closeSync();
}

/** By DuckDB alone, in a process of its own. */
async function bare(folder: string, options: readonly string[]): Promise<Cost> {
  const program = fileURLToPath(import.meta.url);
  const args = ["run", "-A", "--frozen", "--quiet", program, "--bare", folder, ...options];
  return await costOf(() => succeed(Deno.execPath(), args));
}

async function runBare(folder: string, hasTable: boolean): Promise<void> {
  const file = join(folder, "bare.duckdb");
  await Deno.remove(file).catch(() => {});
  const instance = await DuckDBInstance.create(hasTable ? file : ":memory:");
  const connection = await instance.connect();
  const csv = `SELECT * FROM read_csv('${join(folder, "orders.csv")}', header = true)`;
  if (hasTable) await connection.run(`CREATE TABLE orders AS ${csv}`);
  await connection.run(
    `COPY (${hasTable ? "FROM orders" : csv}) TO '${join(folder, "bare.ndjson")}' (FORMAT json)`,
  );
  Deno.exit(0);
}

await main();
