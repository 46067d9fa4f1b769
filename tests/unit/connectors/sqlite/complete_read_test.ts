import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { sqlite } from "../../../../connectors/sqlite/connector.ts";
import { SqliteDatabase } from "../../../../connectors/sqlite/driver.ts";
import { AppError } from "../../../../contract/errors.ts";
import { batchesOf, connectorContext, never, streamOf } from "../../../support/connections.ts";
import { damageMiddlePage, makeSqlite, numbers } from "../../../support/sqlite_file.ts";

/** Rule 7: a read gives all rows, or fails. */

class Folder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async create(sql: string): Promise<Folder> {
    const folder = new Folder(await Deno.makeTempDir({ prefix: "sluice-sqlite-" }));
    makeSqlite(folder.file, sql);
    return folder;
  }

  get file(): string {
    return `${this.path}/it.db`;
  }

  /** Rows until the end or the error. */
  async read(own: Readonly<Record<string, unknown>>): Promise<{ rows: number; error: AppError | undefined }> {
    const { source } = await sqlite.open({ path: "it.db" }, connectorContext(this.path));
    ok(source !== undefined);
    let rows = 0;
    try {
      const messages = source.read({ streams: [streamOf(sqlite, own)] }, never());
      for await (const batch of batchesOf(messages)) rows += batch.numRows;
    } catch (error) {
      ok(error instanceof AppError, `not an AppError: ${error}`);
      return { rows, error };
    }
    return { rows, error: undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

const EVENTS = `
  CREATE TABLE events (id INTEGER, j TEXT);
  INSERT INTO events SELECT n, '{"a":' || n || '}' FROM ${numbers(600)};
  UPDATE events SET j = 'oops' WHERE id = 300;`;

Deno.test("read() of a query fails where one of its rows does, and says after how many", async () => {
  await using folder = await Folder.create(EVENTS);
  const { error } = await folder.read({ query: "SELECT id, json_extract(j, '$.a') AS a FROM events" });
  strictEqual(error?.code, "invalid");
  // The column has no declared type: its values are looked at first.
  ok(error.message.startsWith("Cannot read the query"), error.message);
  ok(error.message.includes("malformed JSON"), error.message);
});

Deno.test("read() of a query with known types fails at the row", async () => {
  await using folder = await Folder.create(EVENTS);
  const { error } = await folder.read({
    query: "SELECT id, json_extract(j, '$.a') AS a FROM events",
    options: { columns: { a: "INTEGER" } },
  });
  strictEqual(error?.message, "Cannot read the query after 299 rows: malformed JSON");
});

Deno.test("read() fails where the first row, the last row or the condition does", async () => {
  const columns = { a: "INTEGER" };
  for (const id of [1, 600]) {
    await using folder = await Folder.create(EVENTS.replace("id = 300", `id = ${id}`));
    const query = "SELECT id, json_extract(j, '$.a') AS a FROM events";
    const { error } = await folder.read({ query, options: { columns } });
    strictEqual(error?.message, `Cannot read the query after ${id - 1} rows: malformed JSON`);
    const inWhere = await folder.read({ query: "SELECT id FROM events WHERE json_extract(j, '$.a') > 0" });
    strictEqual(inWhere.error?.code, "invalid");
  }
});

Deno.test("read() of a damaged table without rowids fails", async () => {
  const rows = `SELECT n, 'the note of event number ' || n FROM ${numbers(5_000)}`;
  await using folder = await Folder.create(
    `CREATE TABLE events (id INTEGER PRIMARY KEY, note TEXT) WITHOUT ROWID; INSERT INTO events ${rows};`,
  );
  strictEqual((await folder.read({ stream: "events" })).rows, 5_000);
  await damageMiddlePage(folder.file);
  const { error } = await folder.read({ stream: "events" });
  ok(/^Cannot read table "events" after \d+ rows: the database file is damaged$/.test(error?.message ?? ""));
});

for (
  const [what, sql] of [
    ["a table", "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);"],
    ["a table without a key", "CREATE TABLE t (id INTEGER, v TEXT);"],
    ["a table without rowids", "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT) WITHOUT ROWID;"],
    [
      "a table whose columns take the rowid's names",
      "CREATE TABLE t (id INTEGER, v TEXT, rowid, oid, _rowid_);",
    ],
  ] as const
) {
  for (const count of [0, 1, 31, 32, 33, 127, 128, 129, 256, 16_384, 20_001]) {
    Deno.test(`read() gives all ${count} rows of ${what}, and of a query of it`, async () => {
      await using folder = await Folder.create(
        `${sql} ${count === 0 ? "" : `INSERT INTO t (id, v) SELECT n, 'v' || n FROM ${numbers(count)};`}`,
      );
      deepStrictEqual(await folder.read({ stream: "t" }), { rows: count, error: undefined });
      deepStrictEqual(await folder.read({ query: "SELECT * FROM t ORDER BY id DESC" }), {
        rows: count,
        error: undefined,
      });
    });
  }
}

Deno.test("read() gives the rows with the least and the greatest rowid", async () => {
  await using folder = await Folder.create(`
    CREATE TABLE t (id INTEGER PRIMARY KEY);
    INSERT INTO t VALUES (-9223372036854775808), (-1), (0), (9223372036854775807);`);
  strictEqual((await folder.read({ stream: "t" })).rows, 4);
});

Deno.test("all() throws where a step fails, as slices() does", async () => {
  await using folder = await Folder.create(EVENTS);
  using database = SqliteDatabase.open(folder.file, { readOnly: true, subject: "read it" });
  const select = "SELECT json_extract(j, '$.a') FROM events";
  const messages = [
    () => database.all(select),
    () => [...database.slices(select, [], "read it")],
  ].map((work) => {
    try {
      work();
      return "no error";
    } catch (error) {
      return error instanceof AppError ? error.message : String(error);
    }
  });
  deepStrictEqual(messages, [
    "Cannot read it: malformed JSON",
    "Cannot read it after 299 rows: malformed JSON",
  ]);
});

Deno.test("slices() keeps the order of a query and ends with the last row of the user's", async () => {
  await using folder = await Folder.create(
    "CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (2), (3), (1);",
  );
  using database = SqliteDatabase.open(folder.file, { readOnly: true, subject: "read it" });
  const slices = database.slices("SELECT * FROM (SELECT id FROM t ORDER BY id DESC)", [], "read it");
  deepStrictEqual([...slices].flat(), [[3n], [2n], [1n]]);
});

Deno.test("columns() refuses a second statement", async () => {
  await using folder = await Folder.create("CREATE TABLE t (id INTEGER);");
  const { error } = await folder.read({ query: "SELECT 1 AS a); DELETE FROM t; SELECT * FROM (SELECT 2" });
  strictEqual(error?.code, "invalid");
  ok(error.message.includes("more than one"), error.message);
});

Deno.test("slices() gives the rows that the query has, once each, and not those that it leaves out", async () => {
  await using folder = await Folder.create(
    "CREATE TABLE t (id INTEGER, v TEXT); INSERT INTO t VALUES (1, 'a'), (1, 'a'), (2, 'b'), (3, NULL);",
  );
  using database = SqliteDatabase.open(folder.file, { readOnly: true, subject: "read it" });
  for (
    const [query, expected] of [
      ["SELECT DISTINCT id FROM t", [[1n], [2n], [3n]]],
      ["SELECT id FROM t UNION SELECT 9", [[1n], [2n], [3n], [9n]]],
      ["SELECT id FROM t LIMIT 2 OFFSET 1", [[1n], [2n]]],
      ["SELECT v FROM t GROUP BY v HAVING count(*) > 1", [["a"]]],
      ["SELECT sum(id) OVER (ORDER BY rowid) FROM t", [[1n], [2n], [4n], [7n]]],
      ["SELECT max(id) FROM t -- the greatest", [[3n]]],
    ] as const
  ) {
    const slices = database.slices(`SELECT * FROM (${query}\n)`, [], "read it");
    deepStrictEqual([...slices].flat(), expected, query);
  }
});

Deno.test("slices() gives rows of more columns than a function takes, with their texts", async () => {
  await using folder = await Folder.create(
    `CREATE TABLE t (${Array.from({ length: 1_300 }, (_, i) => `c${i} TEXT`).join(", ")});
     INSERT INTO t (c0, c499, c500, c999, c1299) VALUES ('a', 'b', CAST(x'ff' AS TEXT), 'd', 'e');`,
  );
  using database = SqliteDatabase.open(folder.file, { readOnly: true, subject: "read it" });
  const [row = []] = [...database.slices("SELECT * FROM t", [], "read it", [499, 500])].flat();
  strictEqual(row.length, 1_300);
  deepStrictEqual([0, 1, 499, 500, 999, 1_299].map((i) => row[i]), [
    "a",
    null,
    "b",
    Uint8Array.of(0xff),
    "d",
    "e",
  ]);
});

Deno.test("slices() gives texts whole: NULs, the sign for what is no text, and what is none", async () => {
  await using folder = await Folder.create(
    `CREATE TABLE t (v TEXT); INSERT INTO t VALUES ('a' || char(0) || 'b'), ('\ufffd'), (CAST(x'61ff' AS TEXT)),
       (x'61'), (NULL), (char(65279, 120));`,
  );
  using database = SqliteDatabase.open(folder.file, { readOnly: true, subject: "read it" });
  deepStrictEqual([...database.slices("SELECT v FROM t", [], "read it", [0])].flat(), [
    ["a\0b"],
    [new TextEncoder().encode("\ufffd")],
    [Uint8Array.of(0x61, 0xff)],
    [0n],
    [null],
    ["\ufeffx"],
  ]);
});

Deno.test("tableSlices() gives all columns in the order of the rowids, whatever indexes there are", async () => {
  await using folder = await Folder.create(
    `CREATE TABLE t (id INTEGER, v TEXT); CREATE INDEX by_v ON t (v, id);
     INSERT INTO t VALUES (3, 'a'), (1, 'c'), (2, CAST(x'ff' AS TEXT));`,
  );
  using database = SqliteDatabase.open(folder.file, { readOnly: true, subject: "read it" });
  deepStrictEqual([...database.tableSlices('"t"', ['"v"', '"id" + 0'], "read it", [0])].flat(), [
    ["a", 3n],
    ["c", 1n],
    [Uint8Array.of(0xff), 2n],
  ]);
});
