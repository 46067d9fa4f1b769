import { deepStrictEqual, equal, match, ok } from "node:assert/strict";
import { AppError } from "../../../contract/errors.ts";
import { cutAfter, endAfter, startRelay } from "../../support/http_relay.ts";
import { failureOf } from "../../conformance/bench.ts";
import { startSqld } from "../../support/sqld.ts";
import { connect, countOf, read } from "./bench.ts";

const ROWS = 60_000;
const FILL = `INSERT INTO t SELECT n, 'name of row ' || n FROM (
  WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < ${ROWS}) SELECT n FROM r)`;
const TABLE = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)";

Deno.test("read() gives the rows of one moment, whatever is written meanwhile", async () => {
  await using server = await startSqld();
  await server.query(TABLE, FILL);
  await using connection = await connect({ url: server.url });
  let writes = 0;
  const found = await read(connection, { stream: "t" }, {
    async onBatch() {
      if (writes++ > 0) return;
      await server.query(
        "DELETE FROM t WHERE id > 50000",
        "UPDATE t SET name = 'other'",
        "INSERT INTO t VALUES (0, 'new')",
      );
    },
  });
  ok(found.batches.length > 2, "it was read in more than one batch");
  equal(countOf(found), ROWS);
  const names = new Set(found.batches.flatMap((batch) => [...batch.getChildAt(1) ?? []]));
  ok(!names.has("other") && !names.has("new"));
  equal(countOf(await read(connection, { stream: "t" })), 50_001);
});

Deno.test("read() gives every value exactly", async () => {
  await using server = await startSqld();
  await server.query(
    "CREATE TABLE t (i INTEGER, r REAL, s TEXT, b BLOB)",
    "INSERT INTO t VALUES (9223372036854775807, 9e999, 'a' || char(0) || 'b', x'')",
    "INSERT INTO t VALUES (-9223372036854775808, -9e999, '', x'00ff41')",
    "INSERT INTO t VALUES (9007199254740993, 1e300, '漢字🦆', zeroblob(3000000))",
    "INSERT INTO t VALUES (-9007199254740993, 5e-324, 'x' || char(65279), NULL)",
    "INSERT INTO t VALUES (-1, 0.1, NULL, x'01')",
  );
  await using connection = await connect({ url: server.url });
  const [batch] = (await read(connection, { stream: "t" })).batches;
  deepStrictEqual([...batch?.getChild("i") ?? []], [
    9223372036854775807n,
    -9223372036854775808n,
    9007199254740993n,
    -9007199254740993n,
    -1n,
  ]);
  const reals: number[] = [...batch?.getChild("r") ?? []];
  deepStrictEqual(reals, [Infinity, -Infinity, 1e300, 5e-324, 0.1]);
  deepStrictEqual([...batch?.getChild("s") ?? []], ["a\0b", "", "漢字🦆", "x\ufeff", null]);
  const blobs: (Uint8Array | null)[] = [...batch?.getChild("b") ?? []];
  deepStrictEqual(blobs.map((blob) => blob?.length ?? null), [0, 3, 3_000_000, null, 1]);
  deepStrictEqual([...blobs[1] ?? []], [0, 255, 65]);
  // A table keeps no negative zero: it is an integer in the file.
  const [zero] =
    (await read(connection, { query: "SELECT -0.0 AS r", options: { columns: { r: "REAL" } } })).batches;
  ok(Object.is([...zero?.getChild("r") ?? []][0], -0));
});

Deno.test("read() sets rows aside that do not fit, with place, reason and the row as it came", async () => {
  await using server = await startSqld();
  await server.query(
    "CREATE TABLE t (id INTEGER PRIMARY KEY, amount INTEGER, note TEXT)",
    "INSERT INTO t VALUES (1, 1, 'a'), (17, 'abc', 'b'), (18, 2, x'00ff')",
  );
  await using connection = await connect({ url: server.url });
  const found = await read(connection, { stream: "t" }, { setsAside: true });
  equal(countOf(found), 1);
  deepStrictEqual(found.rejects, [
    {
      reason: 'column "amount" is "abc" (text), expected INTEGER',
      position: "rowid 17",
      row: { id: 17, amount: "abc", note: "b" },
    },
    {
      reason: `column "note" is "x'00ff'" (blob), expected TEXT`,
      position: "rowid 18",
      row: { id: 18, amount: 2, note: "x'00ff'" },
    },
  ]);
  const error = await failureOf(() => read(connection, { stream: "t" }));
  equal(error.code, "invalid");
  match(
    error.message,
    /table "t": column "amount" of the row with rowid 17 is "abc" \(text\), expected INTEGER/,
  );
});

Deno.test("read() names a text that is not UTF-8, or says that the server cannot send it", async () => {
  await using server = await startSqld();
  await server.query(
    "CREATE TABLE t (s TEXT, d DATE)",
    "INSERT INTO t VALUES ('good', '2024-01-01'), (CAST(x'ff41' AS TEXT), '2024-01-02')",
    "CREATE TABLE u (d DATE)",
    "INSERT INTO u VALUES (CAST(x'ff41' AS TEXT))",
  );
  await using connection = await connect({ url: server.url });
  const named = await failureOf(() => read(connection, { stream: "t" }));
  match(named.message, /column "s" of the row with rowid 2 is a text that is not UTF-8/);
  const unsent = await failureOf(() => read(connection, { stream: "u" }));
  match(unsent.message, /table "u": the answer of .* met a text that is not UTF-8, which it cannot send/);
});

Deno.test("a query is one SELECT, and fails where another statement follows it", async () => {
  await using server = await startSqld();
  await server.query(TABLE, "INSERT INTO t VALUES (1, 'a')");
  await using connection = await connect({ url: server.url });
  const query = "SELECT 1 AS a) ; DELETE FROM t --";
  const error = await failureOf(() => read(connection, { query, options: { columns: { a: "INTEGER" } } }));
  equal(error.code, "invalid");
  match(error.message, /^Cannot read it: SQL string could not be parsed: near SEMI/);
  deepStrictEqual(await server.query("SELECT count(*) FROM t"), [["1"]]);
});

Deno.test("a server that dies in the middle of a stream fails it as unavailable", async () => {
  await using server = await startSqld();
  await server.query(TABLE, FILL);
  await using connection = await connect({ url: server.url });
  let isDead = false;
  const error = await failureOf(() =>
    read(
      connection,
      { query: "SELECT t.*, zeroblob(2000) AS b FROM t", options: { columns: { b: "BLOB" } } },
      {
        async onBatch() {
          if (!isDead) await server.kill();
          isDead = true;
        },
      },
    )
  );
  equal(error.code, "unavailable");
  match(error.message, /^Cannot read the query: the answer of 127\.0\.0\.1:\d+ ended before the last row/);
});

for (const [what, shorten] of Object.entries({ "is cut off": cutAfter, "ends too early": endAfter })) {
  Deno.test(`an answer that ${what} at any place is no end of the stream`, async () => {
    await using server = await startSqld();
    await server.query(TABLE, "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')");
    let kept: number | undefined;
    let wholeBytes = 0;
    await using relay = startRelay(server.url, async ({ path }, pass) => {
      const response = await pass();
      if (!path.endsWith("/cursor")) return response;
      if (kept !== undefined) return shorten(response, kept);
      const whole = await response.bytes();
      wholeBytes = whole.length;
      return new Response(whole);
    });
    await using connection = await connect({ url: relay.url });
    equal(countOf(await read(connection, { stream: "t" })), 3);
    let failures = 0;
    for (kept = 0; kept < wholeBytes; kept += 3) {
      try {
        equal(countOf(await read(connection, { stream: "t" })), 3, `${kept} of ${wholeBytes} bytes`);
      } catch (error) {
        ok(error instanceof AppError && error.code === "unavailable", `${kept}: ${error}`);
        match(error.message, /Cannot read table "t"/);
        failures++;
      }
    }
    // What follows the mark of the end is of no account.
    ok(failures >= (wholeBytes - 12) / 3, `${failures} of ${wholeBytes} / 3 failed`);
  });
}
