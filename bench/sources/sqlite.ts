/**
 * Reading a SQLite table, the same table without rowids and a query of it into Arrow, and loading them from Arrow, beside
 * what the runtime's driver takes for the bare rows, in turn and in the same run.
 *
 * deno task bench sqlite [--rows 500000] [--rounds 3]
 */
import { DatabaseSync } from "node:sqlite";
import process from "node:process";
import { parseArgs } from "node:util";
import { sqlite } from "../../connectors/sqlite/connector.ts";
import type { RecordBatch } from "apache-arrow";
import {
  batchesOf,
  connectorContext,
  never,
  performLoad,
  streamOf,
  type WholeLoad,
} from "../../tests/support/connections.ts";
import { makeSqlite, numbers } from "../../tests/support/sqlite_file.ts";

const COLUMNS =
  `(id INTEGER PRIMARY KEY, customer INTEGER, amount DECIMAL(12,2), price REAL, name TEXT, status TEXT,
  city TEXT, day DATE, created TIMESTAMP, updated TIMESTAMPTZ, flag BOOLEAN, note TEXT)`;
const ROWS = (rows: number) =>
  `SELECT n, n * 7 % 10007, (n % 100000) / 100.0, n * 1.37, 'name of customer ' || n,
    CASE n % 3 WHEN 0 THEN 'open' WHEN 1 THEN 'shipped' ELSE 'closed' END, 'Zürich ' || (n % 50),
    date('2020-01-01', '+' || (n % 1000) || ' days'), datetime('2020-01-01', '+' || n || ' minutes'),
    strftime('%Y-%m-%dT%H:%M:%fZ', '2020-01-01', '+' || n || ' minutes'), n % 2,
    CASE WHEN n % 10 > 0 THEN 'some longer text about the order number ' || n || ' that goes on for a while' END
  FROM ${numbers(rows)}`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: { rows: { type: "string", default: "500000" }, rounds: { type: "string", default: "3" } },
  });
  const rows = Number(values.rows);
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    makeSqlite(
      `${folder}/it.db`,
      `CREATE TABLE t ${COLUMNS}; INSERT INTO t ${ROWS(rows)};
       CREATE TABLE w ${COLUMNS} WITHOUT ROWID; INSERT INTO w SELECT * FROM t;`,
    );
    console.log(`${rows.toLocaleString("en")} rows of 12 columns, CPU seconds of ${values.rounds} rounds`);
    const batches = await batchesIn(folder);
    const bare = valuesIn(folder);
    const ways: readonly (readonly [string, () => Promise<number>])[] = [
      ["the driver's all(), in pages", () => Promise.resolve(bareRows(folder))],
      ["the driver's iterate()", () => Promise.resolve(bareIterate(folder))],
      ["table → Arrow", () => read(folder, { stream: "t" })],
      ["table without rowids → Arrow", () => read(folder, { stream: "w" })],
      ["query → Arrow", () => read(folder, { query: "SELECT * FROM t" })],
      ["the driver's run(), a row each", () => Promise.resolve(bareWrite(folder, bare, 1))],
      ["the driver's run(), 16 rows each", () => Promise.resolve(bareWrite(folder, bare, 16))],
      ["Arrow → table", () => load(folder, batches)],
    ];
    const found = ways.map((): number[] => []);
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const [index, [, work]] of ways.entries()) found[index]?.push(await cpuSeconds(work, rows));
    }
    for (const [index, [what]] of ways.entries()) {
      const seconds = found[index] ?? [];
      const best = Math.min(...seconds);
      const thousands = Math.round(rows / best / 1_000);
      console.log(`${what.padEnd(32)} ${seconds.map((s) => s.toFixed(2)).join("  ")}  ${thousands} k rows/s`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function cpuSeconds(work: () => Promise<number>, rows: number): Promise<number> {
  const before = process.cpuUsage();
  const read = await work();
  const { user, system } = process.cpuUsage(before);
  if (read !== rows) throw new Error(`${read} rows were read, not ${rows}`);
  return (user + system) / 1e6;
}

async function read(folder: string, own: Readonly<Record<string, unknown>>): Promise<number> {
  const { source } = await sqlite.open({ path: "it.db" }, connectorContext(folder));
  if (source === undefined) throw new Error("sqlite is no source");
  let rows = 0;
  for await (const batch of batchesOf(source.read({ streams: [streamOf(sqlite, own)] }, never()))) {
    rows += batch.numRows;
  }
  return rows;
}

function bareRows(folder: string): number {
  using database = new DatabaseSync(`${folder}/it.db`, { readOnly: true });
  const page = database.prepare("SELECT * FROM t WHERE id > ? ORDER BY id LIMIT 256");
  page.setReturnArrays(true);
  let rows = 0;
  for (;;) {
    const { length } = page.all(rows);
    if (length === 0) return rows;
    rows += length;
  }
}

function bareIterate(folder: string): number {
  using database = new DatabaseSync(`${folder}/it.db`, { readOnly: true });
  const all = database.prepare("SELECT * FROM t");
  all.setReturnArrays(true);
  let rows = 0;
  for (const _ of all.iterate()) rows++;
  return rows;
}

async function batchesIn(folder: string): Promise<RecordBatch[]> {
  const { source } = await sqlite.open({ path: "it.db" }, connectorContext(folder));
  const batches: RecordBatch[] = [];
  const parts = source?.read({ streams: [streamOf(sqlite, { stream: "t" })] }, never()) ?? [];
  for await (const part of parts) if (part.type === "rows") batches.push(part.batch);
  return batches;
}

type Values = readonly (string | number | bigint | Uint8Array | null)[];

function valuesIn(folder: string): Values[] {
  using database = new DatabaseSync(`${folder}/it.db`, { readOnly: true });
  return database.prepare("SELECT * FROM t").all().map((row) => Object.values(row));
}

/** Into a new file, in one transaction and by one prepared statement that takes `rowsEach`. */
function bareWrite(folder: string, rows: readonly Values[], rowsEach: number): number {
  removeDatabase(`${folder}/bare.db`);
  using database = new DatabaseSync(`${folder}/bare.db`);
  database.exec(`PRAGMA journal_mode = WAL; CREATE TABLE t ${COLUMNS.replace(" PRIMARY KEY", "")}; BEGIN`);
  const row = `(${Array.from(rows[0] ?? [], () => "?").join(", ")})`;
  const prepare = (count: number) =>
    database.prepare(`INSERT INTO t VALUES ${new Array(count).fill(row).join(", ")}`);
  const [many, one] = [prepare(rowsEach), prepare(1)];
  const whole = rows.length - rows.length % rowsEach;
  for (let at = 0; at < whole; at += rowsEach) many.run(...rows.slice(at, at + rowsEach).flat());
  for (const rest of rows.slice(whole)) one.run(...rest);
  database.exec("COMMIT");
  return Number(database.prepare("SELECT count(*) AS n FROM t").get()?.["n"]);
}

async function load(folder: string, batches: readonly RecordBatch[]): Promise<number> {
  removeDatabase(`${folder}/ours.db`);
  const { destination } = await sqlite.open({ path: "ours.db" }, connectorContext(folder));
  const [first] = batches;
  if (destination === undefined || first === undefined) throw new Error("there is nothing to load");
  const rows = batches.reduce((sum, { numRows }) => sum + numRows, 0);
  const input: WholeLoad["input"] = {
    schema: first.schema,
    rows,
    async *batches() {
      yield* await Promise.resolve(batches);
    },
    copyTo: () => Promise.reject(new Error("not used")),
  };
  const target = { table: "t", options: {} };
  const request = { loadId: crypto.randomUUID(), target, mode: "replace" as const, primaryKey: [], input };
  await performLoad(destination, request, never());
  return rows;
}

function removeDatabase(path: string): void {
  for (const end of ["", "-wal", "-shm"]) {
    try {
      Deno.removeSync(path + end);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

await main();
