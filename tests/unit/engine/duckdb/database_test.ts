import duckdb from "@duckdb/node-bindings";
import assert from "node:assert/strict";
import { join } from "node:path";
import { AppError, type ErrorCode } from "../../../../contract/errors.ts";
import { type Database, type DatabaseOptions, openDatabase } from "../../../../engine/duckdb/database.ts";
import { exportRows } from "../../../../engine/duckdb/from/export.ts";
import { CHILD_PROGRAM, tempFolder } from "./fixtures.ts";

async function open(path: string, options: Partial<DatabaseOptions> = {}): Promise<Database> {
  return await openDatabase({ path, allowedDirectories: [], ...options });
}

/** A file as DuckDB makes it when nobody says otherwise: readable by its first stable versions. */
async function makeOldFile(path: string): Promise<void> {
  const handle = await duckdb.open(path);
  const connection = await duckdb.connect(handle);
  await duckdb.query(connection, "CREATE TABLE kept AS SELECT 42 AS a");
  duckdb.disconnect_sync(connection);
  duckdb.close_sync(handle);
}

function isError(code: ErrorCode, ...texts: string[]) {
  return (error: unknown) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code, error.message);
    for (const text of texts) assert.ok(error.message.includes(text), `${error.message} lacks ${text}`);
    return true;
  };
}

/** Another process that holds the database until its standard input ends. */
async function holdInChild(path: string) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--no-check", CHILD_PROGRAM, path],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  assert.equal(new TextDecoder().decode((await reader.read()).value), "open\n");
  return {
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      await child.status;
      await reader.cancel();
    },
  };
}

Deno.test("openDatabase() keeps what was committed and leaves no write-ahead log", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "a 'quoted' é.duckdb");
  {
    await using database = await open(path);
    const session = await database.session();
    await session.run("CREATE TABLE t AS SELECT 42 AS a");
  }
  assert.deepEqual([...Deno.readDirSync(folder.path)].map(({ name }) => name), ["a 'quoted' é.duckdb"]);
  await using database = await open(path);
  await using session = await database.session();
  assert.deepEqual(await session.rows("FROM t"), [{ a: 42 }]);
});

Deno.test("openDatabase() makes files in DuckDB 1.4's format, and leaves one of an older format in it", async () => {
  await using folder = await tempFolder();
  const older = join(folder.path, "older.duckdb");
  await makeOldFile(older);
  const versionOf = async (path: string) => {
    await using database = await open(path);
    await using session = await database.session();
    await session.run("CREATE TABLE added AS SELECT 'text ' || i AS t FROM range(10) AS r(i)");
    const [row] = await session.rows(
      "SELECT tags['storage_version'] AS version FROM duckdb_databases() WHERE database_name = current_database()",
    );
    return row?.["version"];
  };
  assert.match(String(await versionOf(join(folder.path, "new.duckdb"))), /^v1\.4\.0/);
  assert.match(String(await versionOf(older)), /^v1\.0\.0/);
  await using database = await open(older);
  await using session = await database.session();
  assert.deepEqual(await session.rows("SELECT kept.a, count(added.t) AS n FROM kept, added GROUP BY ALL"), [
    { a: 42, n: 10 },
  ]);
});

Deno.test("openDatabase() refuses a second opening of the same file in one process, also through a link", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "w.duckdb");
  const link = join(folder.path, "link");
  await Deno.symlink(folder.path, link);
  {
    await using _database = await open(path);
    await assert.rejects(open(path), isError("conflict", "w.duckdb"));
    await assert.rejects(open(join(link, "w.duckdb")), isError("conflict"));
  }
  await using _again = await open(path);
});

Deno.test("openDatabase() names the process that holds the file", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "w.duckdb");
  await using child = await holdInChild(path);
  await assert.rejects(open(path), isError("unavailable", path, `process ${child.pid} holds it`));
});

Deno.test("openDatabase() waits for another process within lockTimeoutMs, and until its signal is aborted", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "w.duckdb");
  const child = await holdInChild(path);
  const controller = new AbortController();
  const aborted = open(path, { lockTimeoutMs: 60_000, signal: controller.signal });
  controller.abort();
  await assert.rejects(aborted, isError("cancelled"));
  const opening = open(path, { lockTimeoutMs: 60_000 });
  await child[Symbol.asyncDispose]();
  await using _database = await opening;
});

Deno.test("Database frees its file for another process when it is disposed, also with a stream half read", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "w.duckdb");
  {
    await using database = await open(path);
    const session = await database.session();
    await session.run("CREATE TABLE t AS SELECT range AS a FROM range(1_000_000)");
    const { batches } = await exportRows(session, "FROM t");
    for await (const _batch of batches) break;
  }
  await using _child = await holdInChild(path);
});

Deno.test("openDatabase() says that a file is no database, is cut short, or is a folder", async () => {
  await using folder = await tempFolder();
  const garbage = join(folder.path, "garbage.duckdb");
  await Deno.writeTextFile(garbage, "not a database ".repeat(2_000));
  await assert.rejects(open(garbage), isError("invalid", garbage, "not a DuckDB database"));
  const whole = join(folder.path, "whole.duckdb");
  await (await open(whole))[Symbol.asyncDispose]();
  const bytes = await Deno.readFile(whole);
  const short = join(folder.path, "short.duckdb");
  await Deno.writeFile(short, bytes.subarray(0, 5_000));
  await assert.rejects(open(short), isError("invalid", short, "damaged"));
  await assert.rejects(open(folder.path), isError("invalid", folder.path));
  await assert.rejects(
    open(join(folder.path, "no", "x.duckdb")),
    isError("not_found", "folder does not exist"),
  );
});

Deno.test("openDatabase() says that a file was written by a newer DuckDB", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "newer.duckdb");
  await (await open(path))[Symbol.asyncDispose]();
  const bytes = await Deno.readFile(path);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(12, 9_999n, true);
  view.setBigUint64(0, headerChecksum(view), true);
  await Deno.writeFile(path, bytes);
  await assert.rejects(open(path), isError("invalid", path, "newer version of DuckDB"));
});

/** DuckDB's checksum of its 4,096-byte file header, which stands in its first 8 bytes. */
function headerChecksum(view: DataView): bigint {
  let result = 5_381n;
  for (let at = 8; at < 4_096; at += 8) {
    result ^= BigInt.asUintN(64, view.getBigUint64(at, true) * 0xbf58476d1ce4e5b9n);
  }
  return result;
}

Deno.test("openDatabase() makes a new database of a file whose creation was cut off", async () => {
  await using folder = await tempFolder();
  const whole = join(folder.path, "whole.duckdb");
  await (await open(whole))[Symbol.asyncDispose]();
  const bytes = await Deno.readFile(whole);
  for (const length of [0, 4_096, 8_192]) {
    const path = join(folder.path, `${length}.duckdb`);
    await Deno.writeFile(path, bytes.subarray(0, length));
    await Deno.utime(path, 0, 0);
    await using database = await open(path);
    await using session = await database.session();
    assert.deepEqual(await session.rows("SELECT 1 AS a"), [{ a: 1 }]);
  }
});

Deno.test("openDatabase() leaves a small file alone that is no database", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "orders");
  await Deno.writeTextFile(path, "id,amount\n1,2\n");
  await Deno.utime(path, 0, 0);
  await assert.rejects(open(path), isError("invalid", path));
  assert.equal(await Deno.readTextFile(path), "id,amount\n1,2\n");
});

Deno.test("openDatabase() refuses a limit that DuckDB does not understand, and opens later", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "w.duckdb");
  await assert.rejects(open(path, { memoryLimit: "12 potatoes" }), isError("invalid", "memory_limit"));
  await using _database = await open(path, { memoryLimit: "100MB", threads: 1 });
});

Deno.test("openDatabase() lets SQL reach the allowed folders and nothing else", async () => {
  await using folder = await tempFolder();
  const allowed = join(folder.path, "it's allowed");
  await Deno.mkdir(allowed);
  await Deno.writeTextFile(join(folder.path, "secret.csv"), "a\n1\n");
  await Deno.symlink(join(folder.path, "secret.csv"), join(allowed, "link.csv"));
  await using database = await open(join(folder.path, "w.duckdb"), { allowedDirectories: [allowed] });
  await using session = await database.session();
  const quoted = allowed.replaceAll("'", "''");
  await session.run(`COPY (SELECT 7 AS a) TO '${quoted}/x.csv'`);
  assert.deepEqual(await session.rows(`FROM '${quoted}/x.csv'`), [{ a: 7 }]);
  const refused = [
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_csv('/etc/passwd')",
    `SELECT * FROM '${folder.path}/secret.csv'`,
    `SELECT * FROM '${quoted}/link.csv'`,
    `SELECT * FROM '${quoted}/../secret.csv'`,
    `SELECT * FROM glob('${folder.path}/*')`,
    `COPY (SELECT 1) TO '${folder.path}/out.csv'`,
    `COPY (SELECT 1) TO '${quoted}/../out.csv'`,
    `ATTACH '${folder.path}/other.duckdb'`,
    `EXPORT DATABASE '${folder.path}/export'`,
    "INSTALL httpfs",
    "LOAD httpfs",
    "SELECT * FROM 'https://127.0.0.1:9/x.parquet'",
  ];
  for (const sql of refused) {
    await assert.rejects(session.run(sql), isError("forbidden"), sql);
  }
  const locked = [
    "SET enable_external_access = true",
    "SET allowed_directories = ['/']",
    "SET lock_configuration = false",
    "SET memory_limit = '100GB'",
    "SET temp_directory = '/tmp'",
    "SET external_threads = 2",
    "RESET memory_limit",
  ];
  for (const sql of locked) await assert.rejects(session.run(sql), isError("invalid", "lock"), sql);
});

Deno.test("openDatabase() spills to its folder under a memory limit, and says so where it has none", async () => {
  await using folder = await tempFolder();
  const sort = `SELECT count(*) AS n FROM (SELECT * FROM range(3_000_000) t(a), range(2)
    ORDER BY hash(a) LIMIT 5_000_000)`;
  const tempDirectory = join(folder.path, "spill");
  {
    await using database = await open(join(folder.path, "a.duckdb"), {
      memoryLimit: "60MB",
      threads: 1,
      tempDirectory,
    });
    await using session = await database.session();
    assert.deepEqual(await session.rows(sort), [{ n: 5_000_000 }]);
  }
  await using database = await open(":memory:", { memoryLimit: "20MB", threads: 1 });
  await using session = await database.session();
  await assert.rejects(session.rows(sort), isError("invalid", "more memory", "resources.memory"));
});
