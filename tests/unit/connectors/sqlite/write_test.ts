import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import {
  Field,
  Float64,
  Int64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import type { LoadRequest } from "../../../../contract/connector/destination.ts";
import { AppError } from "../../../../contract/errors.ts";
import { connectorContext, performLoad, type WholeLoad } from "../../../support/connections.ts";
import { sqlite } from "../../../../connectors/sqlite/connector.ts";

const signal = new AbortController().signal;

type Input = WholeLoad["input"];

class Project implements AsyncDisposable {
  readonly folder: string;
  constructor(folder: string) {
    this.folder = folder;
  }
  static async create(sql = ""): Promise<Project> {
    const project = new Project(await Deno.makeTempDir({ prefix: "sluice-sqlite-" }));
    if (sql !== "") project.execute(sql);
    return project;
  }
  execute(sql: string): void {
    using database = new DatabaseSync(`${this.folder}/it.db`);
    database.exec(sql);
  }
  all(sql: string): unknown[] {
    using database = new DatabaseSync(`${this.folder}/it.db`);
    return database.prepare(sql).all().map((row) => Object.values(row));
  }
  async load(input: Input, request: Partial<LoadRequest> = {}, path = "it.db") {
    const { destination } = await sqlite.open({ path }, connectorContext(this.folder));
    ok(destination !== undefined);
    return await performLoad(destination, {
      loadId: crypto.randomUUID(),
      target: { table: "t", options: {} },
      mode: "replace",
      primaryKey: [],
      input,
      ...request,
    }, signal);
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.chmod(this.folder, 0o700);
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** The columns as one batch. */
function inputOf(columns: Readonly<Record<string, Vector>>): Input {
  const fields = Object.entries(columns).map(([name, vector]) => new Field(name, vector.type, true));
  const schema = new Schema(fields);
  const children = Object.values(columns).flatMap((vector) => vector.data);
  const length = children[0]?.length ?? 0;
  const batch = new RecordBatch(
    schema,
    makeData({ type: new Struct(fields), length, nullCount: 0, children }),
  );
  return {
    schema,
    rows: length,
    async *batches() {
      yield await Promise.resolve(batch);
    },
    copyTo: () => Promise.reject(new Error("not used")),
  };
}

function rows(ids: readonly bigint[], names: readonly (string | null)[]): Input {
  return inputOf({ id: vectorFromArray(ids, new Int64()), name: vectorFromArray(names, new Utf8()) });
}

async function failure(work: Promise<unknown>): Promise<AppError> {
  let caught: unknown;
  await work.catch((error) => caught = error);
  ok(caught instanceof AppError, `not an AppError: ${caught}`);
  return caught;
}

Deno.test("load() makes the folder and the file", async () => {
  await using project = await Project.create();
  await project.load(rows([1n], ["a"]), {}, "new/folder/it.db");
  ok((await Deno.stat(`${project.folder}/new/folder/it.db`)).size > 0);
});

Deno.test("a replace keeps the user's indexes and triggers, and views of the table work", async () => {
  await using project = await Project.create(`
    CREATE TABLE t (id INTEGER, name TEXT); INSERT INTO t VALUES (9, 'old');
    CREATE INDEX by_name ON t (name);
    CREATE TABLE log (what);
    CREATE TRIGGER logged AFTER UPDATE ON t BEGIN INSERT INTO log VALUES ('updated'); END;
    CREATE VIEW names AS SELECT name FROM t;
    CREATE TABLE child (t_id REFERENCES t (id));`);
  await project.load(rows([1n, 2n], ["a", "b"]));
  deepStrictEqual(project.all("SELECT * FROM names ORDER BY 1"), [["a"], ["b"]]);
  deepStrictEqual(project.all("SELECT name FROM pragma_index_list('t')"), [["by_name"]]);
  project.execute("UPDATE t SET name = 'c' WHERE id = 1");
  deepStrictEqual(project.all("SELECT * FROM log"), [["updated"]]);
  deepStrictEqual(project.all(`SELECT "table" FROM pragma_foreign_key_list('child')`), [["t"]]);
});

Deno.test("a replace of a table that the user made keeps its definition: defaults, checks, keys, columns", async () => {
  await using project = await Project.create(`
    CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL DEFAULT 'x' CHECK (name <> ''),
                    gone TEXT DEFAULT 'kept');
    INSERT INTO t VALUES (9, 'old', 'note'); CREATE INDEX by_gone ON t (gone);`);
  const before = project.all("SELECT sql FROM sqlite_master WHERE name IN ('t', 'by_gone') ORDER BY name");
  const receipt = await project.load(rows([1n, 2n], ["a", "b"]));
  deepStrictEqual([receipt.inserted, receipt.updated, receipt.deleted], [2, 0, 1]);
  deepStrictEqual(project.all("SELECT * FROM t"), [[1, "a", "kept"], [2, "b", "kept"]]);
  deepStrictEqual(
    project.all("SELECT sql FROM sqlite_master WHERE name IN ('t', 'by_gone') ORDER BY name"),
    before,
  );
});

Deno.test("a replace gives a table that a load made the rows' columns, with the user's indexes and triggers", async () => {
  await using project = await Project.create();
  await project.load(rows([9n], ["old"]));
  project.execute(`
    CREATE INDEX by_id ON t (id); CREATE TABLE log (what);
    CREATE TRIGGER logged AFTER UPDATE ON t BEGIN INSERT INTO log VALUES (new.id); END;`);
  const other = inputOf({
    id: vectorFromArray(["x"], new Utf8()),
    other: vectorFromArray([1n], new Int64()),
  });
  await project.load(other);
  deepStrictEqual(project.all("SELECT * FROM t"), [["x", 1]]);
  deepStrictEqual(project.all("SELECT name, type FROM pragma_table_info('t')"), [["id", "TEXT"], [
    "other",
    "INTEGER",
  ]]);
  project.execute("UPDATE t SET id = 'y'; CREATE INDEX by_other ON t (other)");
  deepStrictEqual(project.all("SELECT * FROM log"), [["y"]]);
  const error = await failure(project.load(rows([1n], ["a"])));
  strictEqual(error.code, "conflict");
  ok(error.message.includes('its index "by_other" does not fit'), error.message);
  deepStrictEqual(project.all("SELECT * FROM t"), [["y", 1]]);
});

Deno.test("a replace keeps a column that the user added to a table that a load made", async () => {
  await using project = await Project.create();
  await project.load(rows([9n], ["old"]));
  project.execute("ALTER TABLE t ADD COLUMN note TEXT DEFAULT 'mine'");
  await project.load(inputOf({ id: vectorFromArray([1n], new Int64()) }));
  deepStrictEqual(project.all("SELECT * FROM t"), [[1, null, "mine"]]);
});

Deno.test("a merge uses the user's primary key, and makes a unique index where there is none", async () => {
  await using project = await Project.create(
    "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO t VALUES (1, 'old');",
  );
  await project.load(rows([1n, 2n], ["a", "b"]), { mode: "merge", primaryKey: ["ID"] });
  deepStrictEqual(project.all("SELECT * FROM t ORDER BY id"), [[1, "a"], [2, "b"]]);
  strictEqual(project.all("SELECT name FROM pragma_index_list('t')").length, 0);
  project.execute("CREATE TABLE free (id INTEGER, name TEXT)");
  await project.load(rows([1n], ["a"]), {
    mode: "merge",
    primaryKey: ["id"],
    target: { table: "free", options: {} },
  });
  await project.load(rows([1n], ["b"]), {
    mode: "merge",
    primaryKey: ["id"],
    target: { table: "free", options: {} },
  });
  deepStrictEqual(project.all("SELECT * FROM free"), [[1, "b"]]);
});

Deno.test("a merge into a table with the same key twice is refused", async () => {
  await using project = await Project.create(
    "CREATE TABLE t (id INTEGER, name TEXT); INSERT INTO t VALUES (1, 'x'), (1, 'y');",
  );
  const error = await failure(project.load(rows([1n], ["a"]), { mode: "merge", primaryKey: ["id"] }));
  strictEqual(error.code, "conflict");
  ok(error.message.includes("it has rows with the same id"), error.message);
});

Deno.test("a merge with a NULL in the key is refused", async () => {
  await using project = await Project.create();
  const error = await failure(
    project.load(rows([1n], [null]), { mode: "merge", primaryKey: ["id", "name"] }),
  );
  strictEqual(error.code, "invalid");
  ok(error.message.includes("the key (id, name) is NULL in 1 of the rows"), error.message);
});

Deno.test("a target that is a view, or a name of ours, is refused", async () => {
  await using project = await Project.create("CREATE VIEW t AS SELECT 1 AS id;");
  strictEqual((await failure(project.load(rows([1n], ["a"])))).code, "invalid");
  strictEqual(
    (await failure(project.load(rows([1n], ["a"]), { target: { table: "_sluice_loads", options: {} } })))
      .code,
    "invalid",
  );
});

Deno.test("a row that a constraint of the user refuses leaves the table as it was", async () => {
  await using project = await Project.create(
    "CREATE TABLE t (id INTEGER, name TEXT NOT NULL); INSERT INTO t VALUES (9, 'old');",
  );
  const error = await failure(project.load(rows([1n, 2n], ["a", null]), { mode: "append" }));
  strictEqual(error.code, "invalid");
  ok(error.message.includes("NOT NULL constraint failed: t.name"), error.message);
  deepStrictEqual(project.all("SELECT * FROM t"), [[9, "old"]]);
});

Deno.test("a file that is no database is refused and left alone", async () => {
  await using project = await Project.create();
  const text = "just some text, not a database ".repeat(50);
  await Deno.writeTextFile(`${project.folder}/it.db`, text);
  strictEqual((await failure(project.load(rows([1n], ["a"])))).code, "invalid");
  strictEqual(await Deno.readTextFile(`${project.folder}/it.db`), text);
});

Deno.test("a load that is repeated after its ledger row grew old still changes nothing, and others are forgotten", async () => {
  await using project = await Project.create();
  await project.load(rows([2n], ["b"]), { mode: "append", loadId: "run/other" });
  await project.load(rows([1n], ["a"]), { mode: "append", loadId: "run/old" });
  project.execute(`UPDATE _sluice_loads SET loaded_at =
    CASE load_id WHEN 'run/other' THEN '2019-01-01T00:00:00.000Z' ELSE '2020-01-01T00:00:00.000Z' END`);
  const { repeated } = await project.load(rows([1n], ["a"]), { mode: "append", loadId: "run/old" });
  ok(repeated);
  deepStrictEqual(project.all("SELECT id FROM t ORDER BY id"), [[1], [2]]);
  ok(!project.all("SELECT load_id FROM _sluice_loads").flat().includes("run/other"));
});

Deno.test("load() waits for another writer", async () => {
  await using project = await Project.create("CREATE TABLE t (id INTEGER, name TEXT);");
  using other = new DatabaseSync(`${project.folder}/it.db`);
  other.exec("BEGIN IMMEDIATE; INSERT INTO t VALUES (5, 'theirs')");
  const loading = project.load(rows([1n], ["a"]), { mode: "append" });
  setTimeout(() => other.exec("COMMIT"), 300);
  await loading;
  deepStrictEqual(project.all("SELECT id FROM t ORDER BY id"), [[1], [5]]);
});

Deno.test("an aborted load stops waiting for another writer", async () => {
  await using project = await Project.create("CREATE TABLE t (id INTEGER, name TEXT);");
  using other = new DatabaseSync(`${project.folder}/it.db`);
  other.exec("BEGIN IMMEDIATE");
  const { destination } = await sqlite.open({ path: "it.db" }, connectorContext(project.folder));
  const request = {
    loadId: "a",
    target: { table: "t", options: {} },
    mode: "append",
    primaryKey: [],
    input: rows([1n], ["a"]),
  } as const;
  let caught: unknown;
  await performLoad(destination, request, AbortSignal.timeout(300)).catch((error) => caught = error);
  ok(caught instanceof AppError && caught.code === "timeout", String(caught));
  other.exec("ROLLBACK");
});

Deno.test("NaN is kept as text, infinity as it is", async () => {
  await using project = await Project.create();
  await project.load(inputOf({ v: vectorFromArray([NaN, Infinity, -0.5], new Float64()) }));
  deepStrictEqual(project.all("SELECT v FROM t"), [["NaN"], [Infinity], [-0.5]]);
});

Deno.test("a place where no file can be made is forbidden, and says what to do", async () => {
  await using project = await Project.create();
  const error = await failure(project.load(rows([1n], ["a"]), {}, "/proc/sluice.db"));
  strictEqual(error.code, "forbidden");
  ok(error.message.includes("let the server's user"), error.message);
});

Deno.test("a load works with no more than what access() asks for", async () => {
  await using project = await Project.create();
  const access = sqlite.access(
    { path: "data/it.db" },
    { kind: "destination", target: { table: "t", options: {} } },
    { name: "it", projectDir: project.folder },
  );
  const code = new URL("../../../../", import.meta.url).pathname;
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--cached-only",
      "--allow-ffi",
      `--allow-read=${[code, ...access.read].join(",")}`,
      `--allow-write=${access.write.join(",")}`,
      new URL("./child_load.ts", import.meta.url).pathname,
      project.folder,
    ],
    cwd: code,
    clearEnv: true,
    env: { NO_COLOR: "1", DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno` },
  }).output();
  ok(success, new TextDecoder().decode(stderr));
  using database = new DatabaseSync(`${project.folder}/data/it.db`);
  deepStrictEqual(database.prepare("SELECT name FROM t").all().map((row) => row.name), ["from a child"]);
});

Deno.test("a replace is refused where a trigger would delete rows of other tables, or empty them", async () => {
  for (
    const [body, isRefused] of [
      ["DELETE FROM child WHERE t_id = OLD.id", true],
      ["UPDATE child SET t_id = NULL WHERE t_id = OLD.id", true],
      ["INSERT INTO child VALUES (-OLD.id)", false],
    ] as const
  ) {
    await using project = await Project.create(`
      CREATE TABLE t (id INTEGER, name TEXT); INSERT INTO t VALUES (9, 'old');
      CREATE TABLE child (t_id INTEGER); INSERT INTO child VALUES (9);
      CREATE TRIGGER gone AFTER DELETE ON t BEGIN ${body}; END;`);
    const replacing = project.load(rows([1n], ["a"]));
    if (isRefused) {
      const error = await failure(replacing);
      strictEqual(error.code, "invalid");
      ok(error.message.includes("its trigger gone does on DELETE"), error.message);
    } else await replacing;
    deepStrictEqual(project.all("SELECT max(t_id) FROM child"), [[9]]);
  }
});

Deno.test("a table that says to ignore or replace rows in conflict loses none by a load", async () => {
  for (const conflict of ["IGNORE", "REPLACE"]) {
    await using project = await Project.create(`
      CREATE TABLE t (id INTEGER, name TEXT UNIQUE ON CONFLICT ${conflict}); INSERT INTO t VALUES (9, 'a');`);
    for (const mode of ["append", "merge"] as const) {
      const error = await failure(project.load(rows([1n], ["a"]), { mode, primaryKey: ["id"] }));
      strictEqual(error.code, "invalid");
      ok(error.message.includes("UNIQUE constraint failed"), error.message);
    }
    deepStrictEqual(project.all("SELECT * FROM t"), [[9, "a"]]);
  }
});

Deno.test("keys that the table's collation does not tell apart are one key that comes twice", async () => {
  await using project = await Project.create(`
    CREATE TABLE t (id INTEGER, name TEXT COLLATE NOCASE PRIMARY KEY); INSERT INTO t VALUES (9, 'A');`);
  const merge = { mode: "merge", primaryKey: ["name"] } as const;
  const error = await failure(project.load(rows([1n, 2n], ["a", "A"]), merge));
  strictEqual(error.code, "invalid");
  ok(/key \(name\) = \([aA]\) comes 2 times/.test(error.message), error.message);
  await project.load(rows([1n, 2n], ["a", "b"]), merge);
  deepStrictEqual(project.all("SELECT id FROM t ORDER BY id"), [[1], [2]]);
});

Deno.test("a row whose key the table would number itself is refused, not numbered", async () => {
  await using project = await Project.create("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)");
  const input = inputOf({
    id: vectorFromArray([1n, null], new Int64()),
    name: vectorFromArray(["a", "b"], new Utf8()),
  });
  const error = await failure(project.load(input, { mode: "append" }));
  strictEqual(error.code, "invalid");
  ok(/row 2: column "id" is NULL/.test(error.message), error.message);
  await project.load(inputOf({ name: vectorFromArray(["a"], new Utf8()) }), { mode: "append" });
  deepStrictEqual(project.all("SELECT * FROM t"), [[1, "a"]]);
});

Deno.test("a replace of other columns keeps a table that a load made where views of it would break", async () => {
  await using project = await Project.create();
  await project.load(rows([9n], ["old"]));
  project.execute("CREATE VIEW names AS SELECT name FROM t");
  await project.load(inputOf({ id: vectorFromArray([1n], new Int64()) }));
  deepStrictEqual(project.all("SELECT * FROM names"), [[null]]);
});

Deno.test("a replace keeps what a table has in columns that the rows lack, where the key is there", async () => {
  for (const key of ["INTEGER PRIMARY KEY", "INTEGER UNIQUE", "INTEGER"]) {
    await using project = await Project.create(`
      CREATE TABLE t (id ${key}, name TEXT, note TEXT DEFAULT 'none', twice TEXT AS (name || name));
      INSERT INTO t VALUES (1, 'old', 'first'), (9, 'old', 'ninth');`);
    const primaryKey = key === "INTEGER PRIMARY KEY" ? [] : ["id"];
    const receipt = await project.load(rows([1n, 2n], ["a", "b"]), { primaryKey });
    deepStrictEqual([receipt.inserted, receipt.updated, receipt.deleted], [1, 1, 1], key);
    deepStrictEqual(project.all("SELECT * FROM t ORDER BY id"), [[1, "a", "first", "aa"], [
      2,
      "b",
      "none",
      "bb",
    ]]);
  }
});

Deno.test("a merge leaves no index on a table that somebody else made, and keeps one on its own", async () => {
  await using project = await Project.create("CREATE TABLE t (id INTEGER, name TEXT)");
  const merge = { mode: "merge", primaryKey: ["id"] } as const;
  for (const table of ["t", "own"]) {
    for (const name of ["a", "b"]) {
      await project.load(rows([1n], [name]), { ...merge, target: { table, options: {} } });
    }
    deepStrictEqual(project.all(`SELECT * FROM ${table}`), [[1, "b"]]);
  }
  deepStrictEqual(
    project.all("SELECT tbl_name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"),
    [["own"]],
  );
});

Deno.test("a row that a constraint refuses is named, wherever it is among those of a statement", async () => {
  const count = 200;
  for (const bad of [1, 64, 65, 150, 200]) {
    await using project = await Project.create("CREATE TABLE t (id INTEGER CHECK (id >= 0), name TEXT);");
    const ids = Array.from({ length: count }, (_, i) => (i + 1 === bad ? -1n : BigInt(i)));
    const error = await failure(project.load(rows(ids, ids.map(() => "x")), { mode: "append" }));
    ok(error.message.includes(`row ${bad}: CHECK constraint failed`), error.message);
    deepStrictEqual(project.all("SELECT count(*) FROM t"), [[0]]);
  }
});

Deno.test("no row stays of a load that a trigger has rolled back", async () => {
  await using project = await Project.create(`
    CREATE TABLE t (id INTEGER, name TEXT);
    CREATE TRIGGER stop BEFORE INSERT ON t WHEN NEW.id = 70 BEGIN SELECT raise(ROLLBACK, 'no 70'); END;`);
  const ids = Array.from({ length: 200 }, (_, i) => BigInt(i));
  const error = await failure(project.load(rows(ids, ids.map(() => "x")), { mode: "append" }));
  ok(error.message.includes("no 70"), error.message);
  deepStrictEqual(project.all("SELECT count(*) FROM t"), [[0]]);
});
