import assert from "node:assert/strict";
import { ServerError } from "../../../connectors/mysql/session/server_error.ts";
import { ConnectionLostError } from "../../../connectors/network/failures.ts";
import { acquireMariadb } from "../../support/mariadb.ts";
import { openSession } from "../../support/mysql_session.ts";

const server = await acquireMariadb();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

Deno.test("query() gives columns, texts, NULLs and what the server counted", async () => {
  await using database = await server.createDatabase();
  await using opened = await openSession(database.url);
  const { session } = opened;
  const { columns, rows } = await session.query("SELECT 1 AS one, NULL AS `nothing`, 'ünï漢字🦆' AS text");
  assert.deepEqual(rows, [["1", null, "ünï漢字🦆"]]);
  assert.deepEqual(columns.map(({ name }) => name), ["one", "nothing", "text"]);
  await session.query("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(10))");
  const { affectedRows, info } = await session.query("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')");
  assert.equal(affectedRows, 3);
  assert.match(info, /Records: 3/);
  assert.equal((await session.query("UPDATE t SET v = 'x' WHERE id > 1")).affectedRows, 2);
});

Deno.test("an error of the server leaves the session usable", async () => {
  await using opened = await openSession(server.url);
  const { session } = opened;
  await assert.rejects(
    session.query("SELEC"),
    (error) => error instanceof ServerError && error.errno === 1064,
  );
  await assert.rejects(
    session.query("SELECT * FROM nowhere.nothing"),
    (error) => error instanceof ServerError && error.sqlState === "42S02",
  );
  assert(session.isIdle);
  assert.deepEqual((await session.query("SELECT 2")).rows, [["2"]]);
});

Deno.test("a second statement in one text is refused", async () => {
  await using opened = await openSession(server.url);
  await assert.rejects(opened.session.query("SELECT 1; SELECT 2"), ServerError);
});

Deno.test("isIdle says whether a transaction is open", async () => {
  await using opened = await openSession(server.url);
  const { session } = opened;
  assert(session.isIdle);
  await session.query("START TRANSACTION");
  assert(!session.isIdle);
  await session.query("SELECT 1");
  assert(!session.isIdle);
  await session.query("ROLLBACK");
  assert(session.isIdle);
});

Deno.test("every session has the same settings, whatever the server's are", async () => {
  await using opened = await openSession(server.url);
  const { session } = opened;
  const { rows } = await session.query(
    "SELECT @@time_zone, @@character_set_results, @@character_set_client, @@group_concat_max_len, " +
      "@@max_statement_time, @@net_write_timeout, @@sql_select_limit",
  );
  assert.deepEqual(rows, [[
    "+00:00",
    "utf8mb4",
    "utf8mb4",
    "1073741824",
    "0.000000",
    "3600",
    "18446744073709551615",
  ]]);
  await session.setSqlMode("ANSI_QUOTES,NO_BACKSLASH_ESCAPES");
  assert.deepEqual((await session.query(`SELECT 'a\\b' AS "c"`)).rows, [["a\\b"]]);
  await session.setSqlMode(session.serverSqlMode);
  assert.deepEqual((await session.query(`SELECT "c"`)).rows, [["c"]]);
});

Deno.test("rows() gives all rows as bytes and says how they ended", async () => {
  await using opened = await openSession(server.url);
  const regions = opened.session.rows("SELECT seq, REPEAT('x', 100) FROM seq_1_to_100000", (columns) => {
    assert.equal(columns.length, 2);
  });
  let sizeBytes = 0;
  for await (const { start, end, isFramed } of regions) {
    assert(isFramed);
    sizeBytes += end - start;
  }
  // A header, and each value with its length; one digit for 1 to 9, two for 10 to 99, …
  const digits = 9 + 90 * 2 + 900 * 3 + 9000 * 4 + 90000 * 5 + 6;
  assert.equal(sizeBytes, 100_000 * (4 + 1 + 101) + digits);
  assert(opened.session.isIdle);
});

Deno.test("rows() throws the server's error in the middle of the rows, and the session stays usable", async () => {
  await using opened = await openSession(server.url);
  const { session } = opened;
  await assert.rejects(
    async () => {
      const select = "SELECT seq, IF(seq < 90000, 0, EXP(seq)) FROM seq_1_to_100000";
      for await (const _ of session.rows(select, () => {}));
    },
    (error) => error instanceof ServerError && error.errno === 1690,
  );
  assert.deepEqual((await session.query("SELECT 2")).rows, [["2"]]);
});

Deno.test("a value beyond 16 MB comes whole, in rows() as in query(), and goes whole in a statement", async () => {
  await using opened = await openSession(server.url);
  const { session } = opened;
  for (const length of [16_777_209, 16_777_210, 16_777_211, 16_777_215, 40_000_000]) {
    let payloadBytes = 0;
    const select = `SELECT REPEAT('x', ${length})`;
    for await (const { start, end, isFramed } of session.rows(select, () => {})) {
      payloadBytes += end - start - (isFramed ? 4 : 0);
    }
    // Lengths of three bytes end at 16 MB.
    assert.equal(payloadBytes, length + (length < 16_777_216 ? 4 : 9), String(length));
    assert.equal((await session.query(select)).rows[0]?.[0]?.length, length);
  }
  for (const length of [16_777_200, 16_777_214 - "SELECT LENGTH('')".length, 20_000_000]) {
    const { rows } = await session.query(`SELECT LENGTH('${"y".repeat(length)}')`);
    assert.deepEqual(rows, [[String(length)]]);
  }
});

Deno.test("load() sends a file in chunks and returns what the server took", async () => {
  await using database = await server.createDatabase();
  await database.run("CREATE TABLE t (id INT, v LONGTEXT)");
  await using opened = await openSession(database.url);
  const { session } = opened;
  const encoder = new TextEncoder();
  async function* chunks() {
    for (let i = 0; i < 1000; i++) yield encoder.encode(`${i}\t${"v".repeat(i)}\n`);
    yield encoder.encode(`1000\t${"w".repeat(20_000_000)}\n`);
  }
  const { affectedRows } = await session.load("LOAD DATA LOCAL INFILE 'rows' INTO TABLE t", chunks());
  assert.equal(affectedRows, 1001);
  const { rows } = await session.query("SELECT COUNT(*), SUM(LENGTH(v)) FROM t");
  assert.deepEqual(rows, [["1001", String(999 * 500 + 20_000_000)]]);
});

Deno.test("load() cuts the connection where the chunks throw, and the server takes nothing", async () => {
  await using database = await server.createDatabase();
  await database.run("CREATE TABLE t (id INT) ENGINE = InnoDB");
  await using opened = await openSession(database.url);
  async function* chunks() {
    yield new TextEncoder().encode("1\n2\n3\n".repeat(100_000));
    throw new RangeError("no more rows");
  }
  await assert.rejects(
    opened.session.load("LOAD DATA LOCAL INFILE 'rows' INTO TABLE t", chunks()),
    RangeError,
  );
  await opened.session.close();
  assert.deepEqual(await database.run("SELECT COUNT(*) AS n FROM t"), [{ n: "0" }]);
});

Deno.test("load() throws what the server says, before and after the rows", async () => {
  await using database = await server.createDatabase();
  await database.run("CREATE TABLE t (id INT PRIMARY KEY) ENGINE = InnoDB");
  await using opened = await openSession(database.url);
  const { session } = opened;
  async function* chunks() {
    yield new TextEncoder().encode("1\n2\n1\n");
  }
  await session.setSqlMode("STRICT_ALL_TABLES");
  await assert.rejects(session.load("LOAD DATA LOCAL INFILE 'x' INTO TABLE nothing", chunks()), ServerError);
  // A duplicate is left out with a warning: LOCAL means IGNORE.
  const { affectedRows, warnings } = await session.load("LOAD DATA LOCAL INFILE 'x' INTO TABLE t", chunks());
  assert.deepEqual([affectedRows, warnings], [2, 1]);
  assert(session.isIdle);
});

Deno.test("an abort ends the statement at the server", async () => {
  await using database = await server.createDatabase();
  const stop = new AbortController();
  await using opened = await openSession(database.url);
  const { session } = opened;
  using _cancelling = session.cancelOn(stop.signal);
  const running = session.query("SELECT SLEEP(1000)");
  await untilListed(database.run, session.threadId, true);
  stop.abort();
  await assert.rejects(running, ConnectionLostError);
  assert(!session.isIdle);
  await session.close();
  await untilListed(database.run, session.threadId, false);
});

Deno.test("a reader that stops early ends the query at the server", async () => {
  await using database = await server.createDatabase();
  await using opened = await openSession(database.url);
  const { session } = opened;
  for await (const _ of session.rows("SELECT * FROM seq_1_to_1000000000", () => {})) break;
  assert(!session.isIdle);
  await session.close();
  await untilListed(database.run, session.threadId, false);
});

Deno.test("a connection that the server ends is told from the end of the rows", async () => {
  await using database = await server.createDatabase();
  await using opened = await openSession(database.url);
  const { session } = opened;
  let regions = 0;
  await assert.rejects(
    async () => {
      for await (const _ of session.rows("SELECT * FROM seq_1_to_1000000000", () => {})) {
        if (regions++ === 0) await database.run(`KILL ${session.threadId}`);
      }
    },
    (error) => error instanceof ServerError && error.errno === 1927 || error instanceof ConnectionLostError,
  );
});

type Run = (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/** Waits until the server lists the connection with a statement of its own, or does not list it any more. */
async function untilListed(run: Run, threadId: number, isWanted: boolean): Promise<void> {
  for (;;) {
    const found = await run(
      `SELECT 1 FROM information_schema.processlist WHERE id = ${threadId} AND (info LIKE '%SLEEP%' OR NOT ${isWanted})`,
    );
    if (found.length > 0 === isWanted) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
