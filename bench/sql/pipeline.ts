/**
 * The whole way of the data against its physical limit: a CSV file of flights → DuckDB → models →
 * Parquet, by `sluice run` and by the same SQL in bare DuckDB, one after the other in the same run.
 *
 * deno task bench pipeline [--rows 10000000] [--rounds 3]
 */
import { DuckDBInstance } from "@duckdb/node-api";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { show } from "../lib/measured.ts";
import { measureSideBySide, printPeakMemory } from "../lib/side_by_side.ts";

/** In the order in which they can be built. */
const MODELS: Readonly<Record<string, string>> = {
  stg_flights: `SELECT *, date_trunc('day', time_hour) AS day, dep_delay > 15 AS is_late
FROM raw.flights
WHERE dep_delay IS NOT NULL`,
  carriers: `SELECT carrier, count(*) AS flights, avg(dep_delay) AS mean_delay
FROM stg_flights
GROUP BY carrier`,
  daily: `SELECT origin, day, count(*) AS flights, sum(is_late::INTEGER) AS late, sum(distance) AS miles
FROM stg_flights
GROUP BY ALL`,
  trend: `SELECT *, avg(late) OVER (PARTITION BY origin ORDER BY day ROWS 6 PRECEDING) AS late_of_week
FROM daily`,
  enriched: `SELECT f.*, c.mean_delay, f.dep_delay - c.mean_delay AS beyond_mean
FROM stg_flights AS f JOIN carriers AS c USING (carrier)`,
};

const RELATION = (file: string) => `read_csv(['${file}'], header = true)`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      rows: { type: "string", default: "10000000" },
      rounds: { type: "string", default: "3" },
      bare: { type: "string" },
    },
  });
  if (values.bare !== undefined) return await runBare(values.bare);
  const rows = Number(values.rows);
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    await writeProject(folder, rows);
    const { size } = await Deno.stat(join(folder, "flights.csv"));
    console.log(
      `${rows.toLocaleString("en")} rows, ${
        (size / 1e6).toFixed(0)
      } MB of CSV, ${navigator.hardwareConcurrency} cores`,
    );
    const project = join(folder, "project");
    const { bare, ours } = await measureSideBySide({
      program: import.meta.url,
      folder,
      project,
      rounds: Number(values.rounds),
      prepare: () => Deno.remove(join(project, "out"), { recursive: true }).catch(() => {}),
    });
    console.log(
      `median: bare DuckDB ${show(bare)}; sluice run ${show(ours)}; ratio ${
        (ours.seconds / bare.seconds).toFixed(2)
      }`,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function writeProject(folder: string, rows: number): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run(
    `COPY (
       SELECT TIMESTAMP '2013-01-01' + to_minutes((i * 525600 // ${rows})::BIGINT) AS time_hour,
         ['9E', 'AA', 'B6', 'DL', 'EV', 'UA', 'US', 'WN'][(1 + hash(i) % 8)::BIGINT] AS carrier,
         (hash(i, 1) % 9000)::INTEGER AS flight,
         'N' || lpad((hash(i, 2) % 4000)::VARCHAR, 5, '0') AS tailnum,
         ['EWR', 'JFK', 'LGA'][(1 + hash(i, 3) % 3)::BIGINT] AS origin,
         ['ATL', 'BOS', 'CLT', 'DCA', 'FLL', 'LAX', 'MCO', 'ORD', 'SFO', 'TPA'][(1 + hash(i, 4) % 10)::BIGINT] AS dest,
         CASE WHEN hash(i, 5) % 40 > 0 THEN (hash(i, 6) % 200)::INTEGER - 20 END AS dep_delay,
         CASE WHEN hash(i, 5) % 40 > 0 THEN (hash(i, 7) % 220)::INTEGER - 30 END AS arr_delay,
         (hash(i, 8) % 500)::INTEGER + 30 AS air_time,
         (hash(i, 9) % 4900)::INTEGER + 80 AS distance
       FROM range(${rows}) AS r(i)
     ) TO '${join(folder, "flights.csv")}' (HEADER)`,
  );
  connection.closeSync();
  instance.closeSync();
  const project = join(folder, "project");
  await Deno.mkdir(join(project, "pipelines"), { recursive: true });
  await Deno.mkdir(join(project, "transforms", "bench"), { recursive: true });
  await Deno.rename(join(folder, "flights.csv"), join(project, "flights.csv"));
  await Deno.symlink(join(project, "flights.csv"), join(folder, "flights.csv"));
  await Deno.writeTextFile(join(project, "connectors.yaml"), "files: { type: file }\n");
  await Deno.writeTextFile(
    join(project, "pipelines", "bench.yaml"),
    `extract:
  flights: { connector: files, path: flights.csv }
load:
  enriched: { connector: files, path: out/enriched.parquet }
  trend: { connector: files, path: out/trend.parquet }
`,
  );
  for (const [name, sql] of Object.entries(MODELS)) {
    await Deno.writeTextFile(join(project, "transforms", "bench", `${name}.sql`), `${sql}\n`);
  }
}

/** The same statements on the same file, by DuckDB alone. */
async function runBare(folder: string): Promise<void> {
  const out = join(folder, "bare");
  await Deno.remove(out, { recursive: true }).catch(() => {});
  await Deno.mkdir(out);
  const instance = await DuckDBInstance.create(join(out, "bare.duckdb"));
  const connection = await instance.connect();
  await connection.run("CREATE SCHEMA raw");
  await connection.run(
    `CREATE TABLE raw.flights AS SELECT * FROM ${RELATION(join(folder, "project", "flights.csv"))}`,
  );
  for (const [name, sql] of Object.entries(MODELS)) await connection.run(`CREATE TABLE ${name} AS ${sql}`);
  for (const name of ["enriched", "trend"]) {
    await connection.run(
      `COPY (SELECT * FROM ${name}) TO '${join(out, `${name}.parquet`)}' (FORMAT parquet)`,
    );
  }
  connection.closeSync();
  instance.closeSync();
  await printPeakMemory();
}

await main();
