import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { AppError } from "../../../contract/errors.ts";
import type { LoadInput } from "../../../contract/connector/destination.ts";
import { startMariadb } from "../../support/mariadb.ts";
import { mariadbOfTests, MysqlLoader } from "../../support/mysql_loader.ts";

/** Statements that define tables end transactions in MySQL; a load is whole or not at all, all the same. */

const server = await mariadbOfTests();
const OLD = "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS t(id, name)";
const NEW = "SELECT * FROM (VALUES (2, 'B'), (3, 'C')) AS t(id, name)";

/** Does something when half of the rows have been sent. */
function interrupted(input: LoadInput, work: () => Promise<void>): LoadInput {
  return {
    ...input,
    async *batches() {
      yield* input.batches();
      await work();
    },
  };
}

const tables = (loader: MysqlLoader) => loader.rows("SHOW TABLES");

Deno.test("mysql: a load that fails leaves neither a table beside nor a note", async () => {
  await using loader = await MysqlLoader.open(server);
  const late = "SELECT i AS id, CASE WHEN i = 19999 THEN 'infinity'::DATE END AS d FROM range(20000) AS r(i)";
  await rejects(loader.load("t", late, { loadId: "a" }), /row 20000: column "d" is infinity/);
  deepStrictEqual(await tables(loader), ["_sluice_loads"]);
  await loader.load("t", "SELECT 1 AS id, NULL::DATE AS d", { loadId: "b" });
  await rejects(loader.load("t", late, { loadId: "a" }), /row 20000/);
  deepStrictEqual(await tables(loader), ["_sluice_loads", "t"]);
  deepStrictEqual(await loader.rows("SELECT load_id FROM _sluice_loads"), ["b"]);
});

Deno.test("mysql: a load whose connection is cut leaves nothing beside either", async () => {
  await using loader = await MysqlLoader.open(server);
  const input = interrupted(await loader.input(OLD), async () => {
    const found = await loader.database.run(
      `SELECT id FROM information_schema.PROCESSLIST WHERE db = DATABASE() AND info LIKE 'LOAD DATA%'`,
    );
    for (const { id } of found) await loader.database.run(`KILL CONNECTION ${id}`);
  });
  await rejects(
    loader.loadInput("t", input, { loadId: "a" }),
    (error) => error instanceof AppError && error.code === "unavailable",
  );
  deepStrictEqual(await tables(loader), ["_sluice_loads"]);
});

/** What a process leaves that dies behind each step of putting a table beside into the target's place. */
const DEATHS: readonly (readonly [where: string, happened: boolean, leave: (beside: Beside) => string])[] = [
  [
    "before the commit of the rows beside",
    false,
    ({ next }) => `CREATE TABLE ${next} AS SELECT 9 AS id, 'x' AS name`,
  ],
  [
    "behind the commit",
    false,
    ({ next }) => `CREATE TABLE ${next} AS SELECT 9 AS id, 'x' AS name; ${NOTE}`,
  ],
  [
    "between the two halves of a RENAME that is not atomic",
    false,
    ({ next, old }) =>
      `CREATE TABLE ${next} AS SELECT 9 AS id, 'x' AS name; ${NOTE}; RENAME TABLE t TO ${old}`,
  ],
  [
    "behind the RENAME",
    true,
    ({ old }) => `RENAME TABLE t TO ${old}; CREATE TABLE t AS SELECT 9 AS id, 'x' AS name; ${NOTE}`,
  ],
  [
    "before the old table is dropped",
    true,
    ({ old }) =>
      `RENAME TABLE t TO ${old}; CREATE TABLE t AS SELECT 9 AS id, 'x' AS name; ${
        NOTE.replace("pending ", "")
      }`,
  ],
];

interface Beside {
  readonly next: string;
  readonly old: string;
}

const NOTE = `INSERT INTO _sluice_loads (load_id, target, mode, ${"`rows`"}, loaded_at)
  SELECT 'pending b', target, mode, 2, utc_timestamp(6) FROM _sluice_loads WHERE load_id = 'a'`;

Deno.test("mysql: the next load decides what one that died while it swapped tables has done", async () => {
  for (const [where, happened, leave] of DEATHS) {
    await using loader = await MysqlLoader.open(server);
    let next = "";
    const first = interrupted(await loader.input(OLD), async () => {
      next = (await tables(loader)).find((name) => name.startsWith("_sluice_next_")) ?? "";
    });
    await loader.loadInput("t", first, { loadId: "a" });
    ok(next !== "");
    await loader.database.run(leave({ next, old: next.replace("next", "old") }));
    // Another load of the target decides; that of the dead one is done again, or known.
    await loader.load("t", "SELECT 5 AS id, 'e' AS name", { loadId: "c", mode: "append" });
    const before = happened ? ["9 x"] : ["1 a", "2 b"];
    deepStrictEqual(
      (await loader.rows("SELECT * FROM t ORDER BY id")).toSorted(),
      [...before, "5 e"].toSorted(),
      where,
    );
    deepStrictEqual(await tables(loader), ["_sluice_loads", "t"], where);
    const again = await loader.load("t", NEW, { loadId: "b" });
    strictEqual(again.repeated, happened, where);
    if (!happened) deepStrictEqual(await loader.rows("SELECT * FROM t ORDER BY id"), ["2 B", "3 C"], where);
  }
});

Deno.test("mysql: a replace waits for a reader without keeping other readers waiting", async () => {
  await using loader = await MysqlLoader.open(server);
  await loader.load("t", OLD, { loadId: "a" });
  const reader = await loader.database.pool.getConnection();
  try {
    await reader.query("START TRANSACTION");
    await reader.query("SELECT * FROM t");
    const load = loader.load("t", NEW, { loadId: "b" });
    let isDone = false;
    void load.then(() => isDone = true);
    // Until the RENAME waits for the reader.
    for (;;) {
      const waiting = await loader.rows(
        "SELECT 1 FROM information_schema.PROCESSLIST WHERE db = DATABASE() AND info LIKE 'RENAME%' AND state LIKE 'Waiting%'",
      );
      if (waiting.length > 0) break;
      ok(!isDone);
    }
    deepStrictEqual(await loader.rows("SELECT * FROM t ORDER BY id"), ["1 a", "2 b"]);
    await reader.query("COMMIT");
    strictEqual((await load).repeated, false);
    deepStrictEqual(await loader.rows("SELECT * FROM t ORDER BY id"), ["2 B", "3 C"]);
  } finally {
    await reader.query("ROLLBACK");
    reader.release();
  }
});

Deno.test("mysql: loads of one target wait for each other, also where the table is new", async () => {
  await using loader = await MysqlLoader.open(server);
  const loads = Array.from(
    { length: 4 },
    (_, i) => loader.load("t", `SELECT ${i} AS id`, { mode: "append" }),
  );
  await Promise.all(loads);
  deepStrictEqual(await loader.rows("SELECT id FROM t ORDER BY id"), ["0", "1", "2", "3"]);
});

Deno.test("mysql: a writer beside a replace waits, so that the table holds just the new rows", async () => {
  await using loader = await MysqlLoader.open(server);
  await loader.database.run(
    "CREATE TABLE t (id int PRIMARY KEY, name varchar(9), KEY (name)); INSERT INTO t VALUES (1, 'a')",
  );
  let writing: Promise<unknown> = Promise.resolve();
  const writer = await loader.database.pool.getConnection();
  try {
    const input = interrupted(await loader.input(NEW), async () => {
      writing = writer.query("INSERT INTO t VALUES (7, 'late')");
      await Promise.resolve();
    });
    await loader.loadInput("t", input, { loadId: "a" });
    // It began before the load's commit and came behind it.
    await writing;
    deepStrictEqual(await loader.rows("SELECT * FROM t ORDER BY id"), ["2 B", "3 C", "7 late"]);
  } finally {
    writer.release();
  }
});

for (const mode of ["replace", "append", "merge"] as const) {
  Deno.test(`mysql: a server that dies in a ${mode} and starts again holds what it held, and takes the load then`, async () => {
    await using own = await startMariadb();
    await using loader = await MysqlLoader.open(own);
    const load = { mode, primaryKey: ["id"] } as const;
    await loader.database.run(
      "CREATE TABLE theirs (id int PRIMARY KEY, name varchar(9) COLLATE utf8mb4_bin UNIQUE)",
    );
    for (const table of ["t", "theirs"]) await loader.load(table, OLD, { loadId: `a ${table}`, ...load });
    const rows = mode === "append" ? NEW.replace("(2, 'B')", "(4, 'B')") : NEW;
    const expected = {
      replace: ["2 B", "3 C"],
      append: ["1 a", "2 b", "3 C", "4 B"],
      merge: ["1 a", "2 B", "3 C"],
    };
    for (const table of ["t", "theirs"]) {
      const input = await loader.input(rows, mode);
      const request = { loadId: `b ${table}`, ...load };
      await rejects(
        loader.loadInput(table, interrupted(input, () => own.kill()), request),
        (error) => error instanceof AppError && error.code === "unavailable",
      );
      await own.restart();
      deepStrictEqual(await loader.rows(`SELECT * FROM ${table} ORDER BY id`), ["1 a", "2 b"]);
      strictEqual((await loader.loadInput(table, input, request)).repeated, false);
      deepStrictEqual(await loader.rows(`SELECT * FROM ${table} ORDER BY id`), expected[mode]);
      strictEqual((await loader.loadInput(table, input, request)).repeated, true);
    }
    deepStrictEqual(await tables(loader), ["_sluice_loads", "t", "theirs"]);
  });
}

Deno.test("mysql: a lock that somebody holds is waited for, and then is no fault of the rows", async () => {
  await using own = await startMariadb({ settings: { "innodb-lock-wait-timeout": 1 } });
  await using loader = await MysqlLoader.open(own);
  await loader.database.run(
    "CREATE TABLE t (id int PRIMARY KEY, name varchar(9)); INSERT INTO t VALUES (2, 'b')",
  );
  const holder = await loader.database.pool.getConnection();
  try {
    await holder.query("START TRANSACTION");
    await holder.query("UPDATE t SET name = 'x'");
    const load = { loadId: "a", mode: "merge", primaryKey: ["id"] } as const;
    await rejects(
      loader.load("t", NEW, load),
      (error) => error instanceof AppError && error.code === "unavailable" && /Lock wait/.test(error.message),
    );
    await holder.query("ROLLBACK");
    deepStrictEqual(await loader.rows("SELECT * FROM t"), ["2 b"]);
    strictEqual((await loader.load("t", NEW, load)).repeated, false);
    deepStrictEqual(await loader.rows("SELECT * FROM t ORDER BY id"), ["2 B", "3 C"]);
  } finally {
    await holder.query("ROLLBACK");
    holder.release();
  }
});

Deno.test("mysql: loads of long ago are forgotten, but not which tables loads have made", async () => {
  await using loader = await MysqlLoader.open(server);
  for (const id of ["a", "b", "c"]) await loader.load("t", OLD, { loadId: id });
  await loader.load("u", OLD, { loadId: "u" });
  await loader.database.run(
    "UPDATE _sluice_loads SET loaded_at = loaded_at - INTERVAL 91 DAY WHERE load_id <> 'c'",
  );
  await loader.load("v", OLD, { loadId: "v" });
  deepStrictEqual(await loader.rows("SELECT load_id FROM _sluice_loads ORDER BY load_id"), ["c", "u", "v"]);
  // Known as made by a load, it follows the rows.
  await loader.load("u", "SELECT 1 AS other", { loadId: "w" });
  deepStrictEqual(await loader.rows("SELECT * FROM u"), ["1"]);
});

Deno.test("mysql: a server without room refuses the load, and holds what it held", async () => {
  await using own = await startMariadb({
    settings: { "innodb-file-per-table": 0, "innodb-data-file-path": "ibdata1:12M:autoextend:max:24M" },
  });
  await using loader = await MysqlLoader.open(own);
  await loader.load("t", OLD, { loadId: "a" });
  await loader.database.run(
    "CREATE TABLE theirs (id int, name longtext, KEY (id)); INSERT INTO theirs VALUES (1, 'x')",
  );
  const much = "SELECT i AS id, repeat('x', 2000) AS name FROM range(20000) AS r(i)";
  for (const [table, mode] of [["t", "replace"], ["t", "append"], ["theirs", "replace"]] as const) {
    await rejects(
      loader.load(table, much, { loadId: `b ${table} ${mode}`, mode }),
      (error) => error instanceof AppError && error.code === "unavailable" && /is full/.test(error.message),
    );
  }
  deepStrictEqual(await loader.rows("SELECT * FROM t ORDER BY id"), ["1 a", "2 b"]);
  deepStrictEqual(await loader.rows("SELECT * FROM theirs"), ["1 x"]);
  deepStrictEqual(await tables(loader), ["_sluice_loads", "t", "theirs"]);
  await loader.load("t", NEW, { loadId: "c" });
  deepStrictEqual(await loader.rows("SELECT * FROM t ORDER BY id"), ["2 B", "3 C"]);
});
