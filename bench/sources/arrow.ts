/**
 * Arrow batches into and out of a DuckDB file, beside what DuckDB itself needs for the same rows:
 * Parquet → table, table → table and table → Parquet, in the same rounds. The rows are those of a
 * `lineitem`-like table of 16 columns: 4 decimals, 3 dates, 5 strings.
 *
 * deno task bench arrow [--rows 2000000] [--rounds 3]
 */
import type { RecordBatch } from "apache-arrow";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { openDatabase } from "../../engine/duckdb/database.ts";
import { exportRows } from "../../engine/duckdb/from/export.ts";
import { createTable, ingest } from "../../engine/duckdb/into/ingest.ts";
import type { DuckSession } from "../../engine/duckdb/session.ts";

/** How many times the batches in memory are sent, so that the peak of memory is the way's own. */
const REPEATS = 10;

const LINEITEM = (rows: number) =>
  `SELECT i AS l_orderkey, (hash(i) % 200_000)::INTEGER AS l_partkey, (hash(i + 1) % 10_000)::INTEGER AS l_suppkey,
  (i % 7)::INTEGER AS l_linenumber, (hash(i) % 50 + 1)::DECIMAL(15,2) AS l_quantity,
  (hash(i) % 10_000_000 / 100)::DECIMAL(15,2) AS l_extendedprice, (hash(i) % 10 / 100)::DECIMAL(15,2) AS l_discount,
  (hash(i) % 8 / 100)::DECIMAL(15,2) AS l_tax, ['A', 'N', 'R'][(i % 3 + 1)::INTEGER] AS l_returnflag,
  ['O', 'F'][(i % 2 + 1)::INTEGER] AS l_linestatus, DATE '1992-01-01' + (hash(i) % 2_500)::INTEGER AS l_shipdate,
  DATE '1992-01-01' + (hash(i + 2) % 2_500)::INTEGER AS l_commitdate,
  DATE '1992-01-01' + (hash(i + 3) % 2_500)::INTEGER AS l_receiptdate,
  ['DELIVER IN PERSON', 'COLLECT COD', 'NONE', 'TAKE BACK RETURN'][(hash(i) % 4 + 1)::INTEGER] AS l_shipinstruct,
  ['AIR', 'RAIL', 'TRUCK', 'SHIP', 'FOB', 'MAIL', 'REG AIR'][(hash(i) % 7 + 1)::INTEGER] AS l_shipmode,
  'comment ' || md5(i::VARCHAR)[1:(hash(i) % 25)::INTEGER + 3] AS l_comment FROM range(${rows}) t(i)`;

interface Measured {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      rows: { type: "string", default: "2000000" },
      rounds: { type: "string", default: "3" },
    },
  });
  const rows = Number(values.rows);
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "sluice-bench-" }));
  try {
    await using database = await openDatabase({
      path: join(folder, "w.duckdb"),
      allowedDirectories: [folder],
    });
    await using session = await database.session();
    await session.run(`CREATE TABLE part AS ${LINEITEM(Math.ceil(rows / REPEATS))}`);
    await session.run(`CREATE TABLE source AS SELECT part.* FROM part, range(${REPEATS})`);
    await session.run(`COPY source TO '${folder}/source.parquet'`);
    const found = new Map<string, Measured[]>();
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const [name, work] of Object.entries(WAYS)) {
        const measured = await measure(() => work(session, folder));
        found.set(name, [...found.get(name) ?? [], measured]);
      }
    }
    report(found, rows);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const WAYS: Readonly<Record<string, (session: DuckSession, folder: string) => Promise<number>>> = {
  "Parquet → table": (session, folder) =>
    session.run(`CREATE OR REPLACE TABLE target AS FROM '${folder}/source.parquet'`),
  "table → table": (session) => session.run("CREATE OR REPLACE TABLE target AS FROM source"),
  "table → Parquet": (session, folder) => session.run(`COPY source TO '${folder}/target.parquet'`),
  "Arrow → table": async (session) => {
    const part: RecordBatch[] = [];
    const { schema, batches } = await exportRows(session, "FROM part");
    for await (const batch of batches) part.push(batch);
    await session.run("DROP TABLE target");
    const table = { schema: "main", name: "target" };
    await createTable(session, table, schema);
    return await session.transaction(() => ingest(session, table, repeated(part)));
  },
  "table → Arrow": async (session) => {
    let rows = 0;
    for await (const batch of (await exportRows(session, "FROM source")).batches) rows += batch.numRows;
    return rows;
  },
};

async function* repeated(batches: readonly RecordBatch[]): AsyncGenerator<RecordBatch> {
  for (let time = 0; time < REPEATS; time++) {
    for (const batch of batches) yield await Promise.resolve(batch);
  }
}

async function measure(work: () => Promise<number>): Promise<Measured> {
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { seconds: (performance.now() - startedMs) / 1e3, cpuSeconds: (user + system) / 1e6 };
}

function report(found: ReadonlyMap<string, readonly Measured[]>, rows: number): void {
  const limits: Readonly<Record<string, string>> = {
    "Arrow → table": "Parquet → table",
    "table → Arrow": "table → Parquet",
  };
  console.log(
    `${rows.toLocaleString("en")} rows of 16 columns, ${navigator.hardwareConcurrency} cores, medians`,
  );
  console.log("way               Mrow/s   CPU s/Mrow   of the limit");
  for (const [name, measured] of found) {
    const { seconds, cpuSeconds } = median(measured);
    const limit = found.get(limits[name] ?? "");
    const ratio = limit === undefined
      ? ""
      : `${(median(limit).seconds / seconds).toFixed(2)} × ${limits[name]}`;
    const speed = (rows / 1e6 / seconds).toFixed(2);
    const cpu = (cpuSeconds / rows * 1e6).toFixed(2);
    console.log(`${name.padEnd(16)} ${speed.padStart(7)} ${cpu.padStart(12)}   ${ratio}`);
  }
  console.log(`peak RSS ${(process.resourceUsage().maxRSS / 1_024).toFixed(0)} MB`);
}

function median(measured: readonly Measured[]): Measured {
  const sorted = measured.toSorted((a, b) => a.seconds - b.seconds);
  return sorted[sorted.length >> 1] ?? { seconds: 0, cpuSeconds: 0 };
}

await main();
