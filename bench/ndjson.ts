/**
 * A CSV file of a million rows → NDJSON, through the warehouse by `sluice run` and by DuckDB alone, one
 * after the other in the same run.
 *
 * deno task bench ndjson [--rows 1000000] [--rounds 3]
 */
import { DuckDBInstance } from "@duckdb/node-api";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { show } from "./lib/measured.ts";
import { measureSideBySide, printPeakMemory } from "./lib/side_by_side.ts";

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      rows: { type: "string", default: "1000000" },
      rounds: { type: "string", default: "3" },
      bare: { type: "string" },
    },
  });
  if (values.bare !== undefined) return await runBare(values.bare);
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    await writeProject(folder, Number(values.rows));
    const { bare, ours } = await measureSideBySide({
      program: import.meta.url,
      folder,
      project: folder,
      rounds: Number(values.rounds),
    });
    const ratio = bare.seconds / ours.seconds;
    console.log(
      `median: bare DuckDB ${show(bare)}; sluice run ${show(ours)}; ${ratio.toFixed(2)} × the limit's speed`,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function writeProject(folder: string, rows: number): Promise<void> {
  await Deno.mkdir(join(folder, "pipelines"));
  await Deno.mkdir(join(folder, "out"));
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
  await Deno.writeTextFile(join(folder, "connectors.yaml"), "files: { type: file }\n");
  await Deno.writeTextFile(
    join(folder, "pipelines", "bench.yaml"),
    "extract: { orders: { connector: files, path: orders.csv } }\n" +
      "load: { orders: { connector: files, path: out/orders.ndjson } }\n",
  );
}

/** By DuckDB alone. */
async function runBare(folder: string): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run(
    `COPY (SELECT * FROM read_csv('${join(folder, "orders.csv")}', header = true))
     TO '${join(folder, "bare.ndjson")}' (FORMAT json)`,
  );
  await printPeakMemory();
  Deno.exit(0);
}

await main();
