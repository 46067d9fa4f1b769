import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { Float64, Int64, Utf8 } from "apache-arrow";
import { duckdb } from "../../../../connectors/duckdb/connector.ts";
import type { Connection } from "../../../../contract/connector/connector.ts";
import type { LoadMode } from "../../../../contract/connector/destination.ts";
import { AppError } from "../../../../contract/errors.ts";
import { openDatabase } from "../../../../engine/duckdb/database.ts";
import { batchOf, rowsOf, schemaOf, type TestColumn, testColumn } from "../../../support/arrow_rows.ts";
import { batchesOf, connectorContext, never, performLoad, streamOf } from "../../../support/connections.ts";
import { inOtherProcess } from "../../../support/duckdb_holder.ts";

const ids = (...values: (bigint | null)[]): TestColumn => testColumn("id", new Int64(), values);
const text = (name: string, ...values: (string | null)[]): TestColumn => testColumn(name, new Utf8(), values);

/** A project folder with a file it.duckdb and a connection to it. */
class Project implements AsyncDisposable {
  readonly folder: string;
  readonly connection: Connection;

  readonly messages: readonly string[];

  private constructor(folder: string, connection: Connection, messages: readonly string[]) {
    this.folder = folder;
    this.connection = connection;
    this.messages = messages;
  }

  static async create(sql = ""): Promise<Project> {
    const folder = await Deno.makeTempDir({ prefix: "sluice-duckdb-" });
    const messages: string[] = [];
    const log = (level: string, message: string) => void messages.push(`${level}: ${message}`);
    const connection = await duckdb.open({ path: "it.duckdb" }, connectorContext(folder, { log }));
    const project = new Project(folder, connection, messages);
    if (sql !== "") await project.query(sql);
    return project;
  }

  get path(): string {
    return `${this.folder}/it.duckdb`;
  }

  /** Runs the statements as a user's own program would, and returns the rows of the last. */
  async query(sql: string): Promise<unknown[][]> {
    await using database = await openDatabase({ path: this.path, allowedDirectories: [] });
    await using session = await database.session();
    const rows = await session.rows(sql);
    return rows.map((row) => Object.values(row));
  }

  async load(mode: LoadMode, columns: readonly TestColumn[], more: {
    readonly table?: string;
    readonly primaryKey?: readonly string[];
    readonly loadId?: string;
  } = {}) {
    const batch = batchOf(columns);
    return await performLoad(this.connection.destination, {
      loadId: more.loadId ?? crypto.randomUUID(),
      target: { table: more.table ?? "t", options: {} },
      mode,
      primaryKey: more.primaryKey ?? [],
      input: {
        schema: schemaOf(columns),
        rows: batch.numRows,
        async *batches() {
          yield await Promise.resolve(batch);
        },
        copyTo: () => Promise.reject(new Error("not used")),
      },
    }, never());
  }

  async read(own: Readonly<Record<string, unknown>>): Promise<unknown[][]> {
    const { source } = this.connection;
    ok(source !== undefined);
    return rowsOf(
      await Array.fromAsync(batchesOf(source.read({ streams: [streamOf(duckdb, own)] }, never()))),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function refuses(work: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  await rejects(work, (error) => {
    ok(error instanceof AppError, String(error));
    strictEqual(error.code, code, error.message);
    ok(message.test(error.message), error.message);
    return true;
  });
}

Deno.test("a replace of a table that the user made keeps its definition and fills defaults", async () => {
  await using project = await Project.create(`
    CREATE SEQUENCE s;
    CREATE TABLE t (id BIGINT PRIMARY KEY, name VARCHAR NOT NULL CHECK (name <> ''), n INTEGER DEFAULT nextval('s'));
    INSERT INTO t VALUES (9, 'old', 99); CREATE INDEX by_name ON t (name); CREATE VIEW v AS SELECT name FROM t`);
  const before = await project.query("SELECT sql FROM duckdb_tables() WHERE table_name = 't'");
  const receipt = await project.load("replace", [ids(1n, 2n), text("name", "a", "b")]);
  deepStrictEqual([receipt.inserted, receipt.updated, receipt.deleted], [2, 0, 1]);
  deepStrictEqual(await project.query("SELECT id, name, n FROM t ORDER BY id"), [[1, "a", 1], [2, "b", 2]]);
  deepStrictEqual(await project.query("SELECT sql FROM duckdb_tables() WHERE table_name = 't'"), before);
  deepStrictEqual(await project.query("SELECT * FROM v ORDER BY 1"), [["a"], ["b"]]);
  await refuses(project.load("append", [ids(3n), text("name", "")]), "invalid", /CHECK constraint/);
});

Deno.test("a replace keeps what a table has in columns that the rows lack, where the key is there", async () => {
  for (const key of ["INTEGER PRIMARY KEY", "INTEGER"]) {
    await using project = await Project.create(
      `CREATE TABLE t (id ${key}, name VARCHAR, note VARCHAR DEFAULT 'none'); ` +
        "INSERT INTO t VALUES (1, 'old', 'first'), (9, 'old', 'ninth')",
    );
    const columns = [ids(1n, 2n), text("name", "a", "b")];
    await project.load("replace", columns, { primaryKey: key === "INTEGER" ? ["id"] : [] });
    deepStrictEqual(await project.query("SELECT * FROM t ORDER BY id"), [[1, "a", "first"], [
      2,
      "b",
      "none",
    ]]);
  }
});

Deno.test("sequences behind loaded columns move on, and the log says where one is too far behind", async () => {
  await using project = await Project.create(
    `CREATE SEQUENCE s; CREATE TABLE t (id BIGINT DEFAULT nextval('s') PRIMARY KEY, name VARCHAR); ` +
      "CREATE SEQUENCE down INCREMENT -2; CREATE TABLE u (id INTEGER DEFAULT nextval('down'), name VARCHAR)",
  );
  const last = async (table: string, aggregate: string) => {
    await project.query(`INSERT INTO ${table} (name) VALUES ('own')`);
    return Number((await project.query(`SELECT ${aggregate}(id) FROM ${table}`))[0]?.[0]);
  };
  await project.load("append", [ids(7n), text("name", "a")]);
  strictEqual(await last("t", "max"), 8);
  await project.load("append", [ids(2n), text("name", "small")]);
  strictEqual(await last("t", "max"), 9);
  await project.load("merge", [ids(9n, 20n), text("name", "a", "b")], { primaryKey: ["id"] });
  strictEqual(await last("t", "max"), 21);
  await project.load("append", [ids(-6n), text("name", "a")], { table: "u" });
  strictEqual(await last("u", "min"), -9);
  await project.load("append", [ids(2n ** 60n), text("name", "far")]);
  ok(project.messages.join().includes("warn: Loading into t of it: the sequence s of id was not moved on"));
});

Deno.test("a replace gives a table that loads made the rows' columns, unless a user has built on it", async () => {
  await using project = await Project.create();
  await project.load("replace", [ids(1n), text("name", "a")]);
  await project.load("append", [ids(2n), text("name", "b"), text("extra", "e")]);
  await project.load("replace", [text("id", "x")]);
  deepStrictEqual(await project.query("SELECT * FROM t"), [["x"]]);
  for (const [made, dropped] of [["VIEW v AS", "VIEW v"], ["MACRO m() AS TABLE", "MACRO TABLE m"]]) {
    await project.query(`CREATE ${made} SELECT id FROM t`);
    await project.load("replace", [text("other", "y")]);
    deepStrictEqual(await project.query("SELECT id, other FROM t"), [[null, "y"]]);
    await project.query(`DROP ${dropped}`);
    await project.load("replace", [text("id", "x")]);
    deepStrictEqual(await project.query("SELECT * FROM t"), [["x"]]);
  }
});

Deno.test("a merge updates by the user's key or without one, and keeps what the rows lack", async () => {
  for (const key of [" PRIMARY KEY", ""]) {
    await using project = await Project.create(
      `CREATE TABLE t (id BIGINT${key}, name VARCHAR, note VARCHAR); INSERT INTO t VALUES (1, 'a', 'kept')`,
    );
    const receipt = await project.load("merge", [ids(1n, 2n), text("name", "A", "B")], {
      primaryKey: ["ID"],
    });
    deepStrictEqual([receipt.inserted, receipt.updated, receipt.deleted], [1, 1, 0]);
    deepStrictEqual(await project.query("SELECT * FROM t ORDER BY id"), [[1, "A", "kept"], [2, "B", null]]);
  }
});

Deno.test("a value that the column's type would change is refused, also as text", async () => {
  const bad: readonly (readonly [string, TestColumn])[] = [
    ["INTEGER", text("v", "1.5")],
    ["INTEGER", testColumn("v", new Float64(), [1.5])],
    ["DECIMAL(10,2)", text("v", "1.005")],
    ["FLOAT", testColumn("v", new Float64(), [123456789])],
    ["DOUBLE", text("v", "12345678901234567890")],
    ["DATE", text("v", "2024-01-02 10:00:00")],
    ["TIMESTAMP", text("v", "2024-01-02 10:00:00+02")],
    ["TIMESTAMP_S", text("v", "2024-01-02 10:00:00.5")],
    ["BOOLEAN", text("v", "yes")],
  ];
  const good: readonly (readonly [string, TestColumn, string])[] = [
    ["INTEGER", text("v", "42"), "42"],
    ["DECIMAL(10,2)", text("v", "1.5"), "1.50"],
    ["FLOAT", testColumn("v", new Float64(), [0.1]), "0.1"],
    ["DOUBLE", text("v", "0.1"), "0.1"],
    ["DATE", text("v", "2024-01-02"), "2024-01-02"],
    ["TIMESTAMP", text("v", "2024-01-02T10:00:00.123456"), "2024-01-02 10:00:00.123456"],
  ];
  await using project = await Project.create();
  for (const [type, column] of bad) {
    await project.query(`CREATE OR REPLACE TABLE t (v ${type})`);
    await refuses(project.load("append", [column]), "invalid", /column "v" is /);
  }
  for (const [type, column, stored] of good) {
    await project.query(`CREATE OR REPLACE TABLE t (v ${type})`);
    await project.load("append", [column]);
    deepStrictEqual(await project.query("SELECT v::VARCHAR FROM t"), [[stored]], type);
  }
});

Deno.test("a view, and a table of ours, are no targets", async () => {
  await using project = await Project.create("CREATE VIEW t AS SELECT 1 AS id");
  await refuses(project.load("replace", [ids(1n)]), "invalid", /it is a view/);
  await refuses(project.load("replace", [ids(1n)], { table: "_sluice_loads" }), "invalid", /its own notes/);
});

Deno.test("a stream is a table of any schema, or a query; a missing one is named", async () => {
  await using project = await Project.create(`
    CREATE SCHEMA sales; CREATE TABLE sales."or.ders" (id BIGINT); INSERT INTO sales."or.ders" VALUES (7)`);
  deepStrictEqual(await project.read({ stream: `sales."or.ders"` }), [[7n]]);
  deepStrictEqual(await project.read({ query: `SELECT id + 1 AS n FROM sales."or.ders" -- more` }), [[8n]]);
  await refuses(
    project.read({ stream: "orders" }),
    "not_found",
    /"orders": it does not exist.*sales\.or\.ders/,
  );
  await refuses(project.read({ query: "SELECT * FROM read_csv('/etc/passwd')" }), "forbidden", /disabled/);
});

Deno.test("discover() gives tables and views with columns and keys, and none of ours", async () => {
  await using project = await Project.create(
    "CREATE TABLE a (id BIGINT PRIMARY KEY, name VARCHAR); CREATE VIEW b AS SELECT 1 AS one",
  );
  await project.load("replace", [ids(1n)]);
  const found = await Array.fromAsync(project.connection.source?.discover?.(never()) ?? []);
  deepStrictEqual(found.map(({ name, kind, primaryKey }) => [name, kind, primaryKey]), [
    ["a", "table", ["id"]],
    ["b", "view", []],
    ["t", "table", []],
  ]);
  deepStrictEqual(found[0]?.columns, [
    { name: "id", type: "BIGINT", nullable: false },
    { name: "name", type: "VARCHAR", nullable: true },
  ]);
});

Deno.test("a read changes nothing in the file, and others may read it at the same time", async () => {
  await using project = await Project.create("CREATE TABLE t AS SELECT 1 AS id");
  const before = await Deno.readFile(project.path);
  await using _other = await inOtherProcess(project.path, "read");
  deepStrictEqual(await project.read({ stream: "t" }), [[1]]);
  deepStrictEqual(await Deno.readFile(project.path), before);
});

Deno.test("a file that another process writes is unavailable, and the message says who holds it", async () => {
  await using project = await Project.create("CREATE TABLE t AS SELECT 1 AS id");
  await using other = await inOtherProcess(project.path, "write");
  await refuses(
    project.read({ stream: "t" }),
    "unavailable",
    new RegExp(`Cannot open "it.duckdb" of it: process ${other.pid} holds it; .*one process`),
  );
});

Deno.test("a file that this process has open, by any name, is refused", async () => {
  await using project = await Project.create("CREATE TABLE t AS SELECT 1 AS id");
  await Deno.link(project.path, `${project.folder}/hard.duckdb`);
  await Deno.symlink(project.path, `${project.folder}/soft.duckdb`);
  await using _warehouse = await openDatabase({ path: project.path, allowedDirectories: [] });
  for (const path of ["it.duckdb", "hard.duckdb", "soft.duckdb"]) {
    const { source } = await duckdb.open({ path }, connectorContext(project.folder));
    const reading = Array.fromAsync(
      source?.read({ streams: [streamOf(duckdb, { stream: "t" })] }, never()) ?? [],
    );
    await refuses(reading, "conflict", /this run uses the file already/);
  }
});

Deno.test("reads and loads of one connection share the file: a load waits for readers, and is seen whole", async () => {
  await using project = await Project.create("CREATE TABLE t AS SELECT range AS id FROM range(100000)");
  const counts: number[] = [];
  const reading = Array.from(
    { length: 4 },
    async () => counts.push((await project.read({ stream: "t" })).length),
  );
  const loading = [1n, 2n].map((id) => project.load("replace", [ids(id, id)]));
  const readingToo = Array.from(
    { length: 4 },
    async () => counts.push((await project.read({ stream: "t" })).length),
  );
  await Promise.all([...reading, ...loading, ...readingToo]);
  for (const count of counts) ok([100_000, 2].includes(count), `a reader saw ${count} rows`);
  strictEqual((await project.read({ stream: "t" })).length, 2);
});
