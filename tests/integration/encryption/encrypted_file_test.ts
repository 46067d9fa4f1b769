import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import duckdb from "@duckdb/node-bindings";
import type { WarehouseKey } from "../../../contract/keys/warehouse_key.ts";
import { openDatabase } from "../../../engine/duckdb/database.ts";
import type { DuckSession } from "../../../engine/duckdb/session.ts";
import { DUCKDB_VERSION, duckdbPlatform } from "../../../engine/runs/warehouses/crypto_module.ts";
import { warehouseState } from "../../../engine/runs/warehouses/warehouse_file.ts";

const CANARY = "canary-of-a-row";
const module = Deno.env.get("SLUICE_DUCKDB_HTTPFS") ?? "";
const newKey = (): WarehouseKey => ({ key: crypto.getRandomValues(new Uint8Array(32)).toBase64(), module });

Deno.test("DuckDB's version and platform are those that its extensions are named by", async () => {
  equal(DUCKDB_VERSION, duckdb.library_version());
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [] });
  const [row] = await (await database.session()).rows("PRAGMA platform");
  equal(row?.["platform"], duckdbPlatform());
});

Deno.test("an encrypted file, its log and what it spills have no row in them, and its log is read after a kill", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "shop.duckdb");
    const key = newKey();
    const spill = join(folder, "spill");
    const database = await openDatabase({
      path,
      key,
      tempDirectory: spill,
      allowedDirectories: [],
      memoryLimit: "100MB",
      threads: 1,
    });
    await using session = await database.session();
    await session.run("CREATE TABLE kept AS SELECT 1 AS id");
    await session.run("CHECKPOINT");
    await session.run(`INSERT INTO kept SELECT range FROM range(10)`);
    await session.run(`CREATE TABLE text AS SELECT '${CANARY} ' || range AS text FROM range(10)`);
    ok((await Deno.stat(`${path}.wal`)).size > 0);
    // As a kill leaves them.
    const copy = join(folder, "copy", "shop.duckdb");
    await Deno.mkdir(join(folder, "copy"));
    for (const end of ["", ".wal"]) await Deno.copyFile(path + end, copy + end);
    const spilling = session.run(
      `CREATE TEMP TABLE sorted AS SELECT '${CANARY} ' || hash(range) AS text FROM range(2500000) ORDER BY text`,
    );
    const spilled = spilledBytes(spill, spilling);
    await spilling;
    const bytes = await spilled;
    ok(bytes.length > 0, "it has spilled");
    deepEqual(bytes.filter((text) => text.includes(CANARY)).length, 0);
    await database[Symbol.asyncDispose]();
    for (const file of [path, copy, `${copy}.wal`]) {
      equal(new TextDecoder("latin1").decode(await Deno.readFile(file)).includes(CANARY), false, file);
    }
    equal(await warehouseState(path), "encrypted");
    await using again = await openDatabase({ path: copy, key, allowedDirectories: [] });
    const [row] = await (await again.session()).rows("SELECT count(*) AS n FROM kept, text");
    equal(Number(row?.["n"]), 110);
  });
});

Deno.test("SQL of an encrypted warehouse finds its key nowhere, and reaches no more than that of a plain one", async () => {
  await inFolder(async (folder) => {
    const key = newKey();
    await using database = await openDatabase({
      path: join(folder, "shop.duckdb"),
      key,
      allowedDirectories: [],
    });
    await using session = await database.session();
    for (
      const place of [
        "duckdb_settings()",
        "duckdb_databases()",
        "duckdb_extensions()",
        "duckdb_secrets()",
        "duckdb_variables()",
        "pragma_database_list()",
        "duckdb_logs()",
      ]
    ) {
      const text = JSON.stringify(await session.rows(`FROM ${place}`).catch((error: Error) => error.message));
      equal(text.includes(key.key), false, place);
    }
    for (
      const sql of [
        "FROM read_csv('http://127.0.0.1:9/x.csv')",
        "FROM read_text('/etc/passwd')",
        "COPY (SELECT 1) TO 's3://bucket/x.csv'",
        "CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')",
        `ATTACH '${folder}/other.duckdb' AS other`,
        "SET temp_file_encryption = false",
        "SET force_mbedtls_unsafe = true",
        "SET s3_region = 'x'",
      ]
    ) await rejects(session.run(sql), Error, sql);
    equal(await current(session), "shop");
    await session.run("CREATE VIEW v AS SELECT 1 AS n");
    await using fork = await session.fork();
    equal(await current(fork), "shop", "each session works in the file");
    equal((await fork.rows("FROM shop.main.v")).length, 1);
  });
});

Deno.test("a file that does not open with its key is refused, and not written to", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "memory.duckdb");
    const key = newKey();
    await fill(path, key);
    const before = await Deno.readFile(path);
    const open = (key: WarehouseKey | undefined, file = path) =>
      openDatabase({ path: file, key, allowedDirectories: [] });
    await rejects(open(undefined), {
      code: "invalid",
      message: /it is encrypted, and its key was not given/,
    });
    const wrong = newKey();
    await rejects(
      open(wrong),
      (error: Error) =>
        /it does not open with its key/.test(error.message) && !JSON.stringify(error).includes(wrong.key),
    );
    await rejects(open({ ...key, module: join(folder, "none.duckdb_extension") }), {
      message: /Cannot use DuckDB's httpfs extension/,
    });
    deepEqual(await Deno.readFile(path), before);
    const damaged = before.slice();
    // A block of rows: the head stays whole.
    damaged.fill(0xff, damaged.length - 100_000, damaged.length - 99_000);
    const file = join(folder, "damaged.duckdb");
    await Deno.writeFile(file, damaged);
    await rejects(async () => {
      await using database = await open(key, file);
      await (await database.session()).rows("SELECT sum(length(text)) FROM kept");
    });
    await using held = await open(key);
    await (await held.session()).rows("FROM kept LIMIT 1");
    await rejects(open(key), { code: "conflict" });
  });
});

async function fill(path: string, key: WarehouseKey): Promise<void> {
  await using database = await openDatabase({ path, key, allowedDirectories: [] });
  await using session = await database.session();
  await session.run("CREATE TABLE kept AS SELECT md5(range::VARCHAR) AS text FROM range(20000)");
}

async function current(session: DuckSession): Promise<unknown> {
  return (await session.rows("SELECT current_database() AS name"))[0]?.["name"];
}

/** What the files of a folder held while the work went on. */
async function spilledBytes(folder: string, work: Promise<unknown>): Promise<string[]> {
  let isDone = false;
  void work.finally(() => isDone = true).catch(() => {});
  const found: string[] = [];
  while (!isDone) {
    for (const { name } of await Array.fromAsync(Deno.readDir(folder)).catch(() => [])) {
      const bytes = await Deno.readFile(join(folder, name)).catch(() => new Uint8Array());
      if (bytes.length > 0 && found.length < 5) found.push(new TextDecoder("latin1").decode(bytes));
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return found;
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-encrypted-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
