/**
 * Reading a SQLite table, the same table without rowids and a query of it into Arrow, beside what the
 * runtime's driver takes for the bare rows, one after the other in the same run.
 *
 * deno task bench sqlite [--rows 500000] [--rounds 3]
 */
import { DatabaseSync } from "node:sqlite";
import process from "node:process";
import { parseArgs } from "node:util";
import { sqlite } from "../connectors/sqlite/connector.ts";
import { batchesOf, connectorContext, never, streamOf } from "../tests/support/connections.ts";
import { makeSqlite, numbers } from "../tests/support/sqlite_file.ts";

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
    const ways: readonly (readonly [string, () => Promise<number>])[] = [
      ["the driver's all(), in pages", () => Promise.resolve(bareRows(folder))],
      ["table → Arrow", () => read(folder, { stream: "t" })],
      ["table without rowids → Arrow", () => read(folder, { stream: "w" })],
      ["query → Arrow", () => read(folder, { query: "SELECT * FROM t" })],
    ];
    for (const [what, work] of ways) {
      const seconds: number[] = [];
      for (let round = 0; round < Number(values.rounds); round++) seconds.push(await cpuSeconds(work, rows));
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

await main();
