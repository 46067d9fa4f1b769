import { join } from "node:path";
import { parseArgs } from "node:util";
import type { WarehouseKey } from "../../contract/keys/warehouse_key.ts";
import { openDatabase } from "../../engine/duckdb/database.ts";
import { findCryptoModule } from "../../engine/runs/warehouses/crypto_module.ts";

/**
 * What encryption costs: a plain warehouse and an encrypted one in turns, each filled, read from its file, changed in many
 * small transactions, and sorted with less memory than that takes. Prints the medians and their ratio.
 *
 *   SLUICE_DUCKDB_HTTPFS=FILE deno task bench encryption [--rows 2000000] [--rounds 5]
 */

const { values } = parseArgs({
  options: { rows: { type: "string", default: "2000000" }, rounds: { type: "string", default: "5" } },
});
const rows = Number(values.rows);
const module = await findCryptoModule((name) => Deno.env.get(name));
const COMMITS = 200;

type Times = Record<"fill" | "read" | "commits" | "spill", number>;

async function round(folder: string, key: WarehouseKey | undefined): Promise<Times> {
  const path = join(folder, "bench.duckdb");
  const open = (memoryLimit: string) =>
    openDatabase({ path, key, memoryLimit, tempDirectory: join(folder, "spill"), allowedDirectories: [] });
  const fill = await timed(async () => {
    await using database = await open("1GB");
    await using session = await database.session();
    await session.run(
      `CREATE TABLE kept AS SELECT range AS id, 'name ' || hash(range) AS name FROM range(${rows})`,
    );
  });
  const read = await timed(async () => {
    await using database = await open("1GB");
    await using session = await database.session();
    await session.rows("SELECT sum(id), max(hash(name)) FROM kept");
  });
  const commits = await timed(async () => {
    await using database = await open("1GB");
    await using session = await database.session();
    await session.run("CREATE TABLE state (id INTEGER, text VARCHAR)");
    for (let id = 0; id < COMMITS; id++) await session.run("INSERT INTO state VALUES ($1, 'a cursor')", [id]);
  });
  const spill = await timed(async () => {
    await using database = await open("150MB");
    await using session = await database.session();
    await session.run("CREATE TABLE sorted AS SELECT * FROM kept ORDER BY name");
  });
  return { fill, read, commits, spill };
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    return await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;

const plain: Times[] = [];
const encrypted: Times[] = [];
for (let at = 0; at < Number(values.rounds); at++) {
  plain.push(await inFolder((folder) => round(folder, undefined)));
  const key = { key: crypto.getRandomValues(new Uint8Array(32)).toBase64(), module };
  encrypted.push(await inFolder((folder) => round(folder, key)));
}
for (const name of ["fill", "read", "commits", "spill"] as const) {
  const of = (rounds: readonly Times[]) => median(rounds.map((times) => times[name]));
  const [before, after] = [of(plain), of(encrypted)];
  console.log(
    `${name}: plain ${Math.round(before)} ms, encrypted ${Math.round(after)} ms, ${
      (after / before).toFixed(2)
    }`,
  );
}
