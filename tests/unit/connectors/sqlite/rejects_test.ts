import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { sqlite } from "../../../../connectors/sqlite/connector.ts";
import type { Connection } from "../../../../contract/connector/connector.ts";
import type { Cursor, Reject } from "../../../../contract/connector/source.ts";
import { connectorContext, never, streamOf } from "../../../support/connections.ts";

interface Read {
  readonly rows: number;
  readonly rejects: readonly Reject[];
}

/** Reads a stream of a database made by the SQL, setting aside what does not fit. */
async function read(sql: string, own: Readonly<Record<string, unknown>>, cursor?: Cursor): Promise<Read> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-rejects-" });
  try {
    using database = new DatabaseSync(join(folder, "it.db"));
    database.exec(sql);
    await using connection: Connection = await sqlite.open({ path: "it.db" }, connectorContext(folder));
    const stream = { ...streamOf(sqlite, own, cursor), setsAside: true };
    const rejects: Reject[] = [];
    let rows = 0;
    for await (const message of connection.source?.read({ streams: [stream] }, never()) ?? []) {
      if (message.type === "rows") rows += message.batch.numRows;
      if (message.type === "reject") rejects.push(message.reject);
    }
    return { rows, rejects };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const ORDERS = `CREATE TABLE orders (id INTEGER PRIMARY KEY, amount INTEGER, day DATE, note TEXT);
  INSERT INTO orders VALUES (1, 1, '2024-01-01', 'a'), (17, 'abc', '2024-02-30', 'b'), (18, 2, NULL, x'00ff');`;

Deno.test("read() sets rows aside that do not fit, with place, reasons and the row as it came", async () => {
  deepStrictEqual(await read(ORDERS, { stream: "orders" }), {
    rows: 1,
    rejects: [
      {
        reason:
          'column "amount" is "abc" (text), expected INTEGER; column "day" is "2024-02-30" (text), expected DATE',
        position: "rowid 17",
        row: { id: 17, amount: "abc", day: "2024-02-30", note: "b" },
      },
      {
        reason: `column "note" is "x'00ff'" (blob), expected TEXT`,
        position: "rowid 18",
        row: { id: 18, amount: 2, day: null, note: "x'00ff'" },
      },
    ],
  });
});

Deno.test("read() of a query or a table without rowids sets rows aside without a position", async () => {
  const byQuery = await read(ORDERS, { query: "SELECT * FROM orders WHERE id < 18" });
  deepStrictEqual([byQuery.rows, byQuery.rejects.map(({ position }) => position)], [1, [null]]);
  const keyed = await read(
    "CREATE TABLE t (k TEXT PRIMARY KEY, n INTEGER) WITHOUT ROWID; INSERT INTO t VALUES ('a', 1.5), ('b', 2);",
    { stream: "t" },
  );
  deepStrictEqual(keyed, {
    rows: 1,
    rejects: [{
      reason: 'column "n" is "1.5" (real), expected INTEGER',
      position: null,
      row: { k: "a", n: 1.5 },
    }],
  });
});

Deno.test("read() from a cursor sets rows aside that come with it", async () => {
  const cursor = { column: "id", value: "17", type: "BIGINT" };
  const { rows, rejects } = await read(ORDERS, { stream: "orders" }, cursor);
  deepStrictEqual([rows, rejects.map(({ position }) => position)], [0, ["rowid 17", "rowid 18"]]);
});

Deno.test("integers that JSON would round, and texts that are not UTF-8, are kept as texts", async () => {
  const { rejects: [large, broken] } = await read(
    `CREATE TABLE t (a INTEGER, b TEXT);
     INSERT INTO t VALUES (9007199254740993, x'00'), (1, CAST(x'ff41' AS TEXT));`,
    { stream: "t" },
  );
  deepStrictEqual(large?.row, { a: "9007199254740993", b: "x'00'" });
  match(broken?.reason ?? "", /"b" is a text that is not UTF-8/);
});

Deno.test("every one of many rows is either read or set aside", async () => {
  const { rows, rejects } = await read(
    `CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, text TEXT);
     WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r LIMIT 40000)
     INSERT INTO t SELECT i, CASE WHEN i % 1000 = 7 THEN 'x' ELSE i END, 'some text ' || i FROM r;`,
    { stream: "t" },
  );
  strictEqual(rows, 39_960);
  deepStrictEqual(
    rejects.map(({ position }) => position),
    Array.from({ length: 40 }, (_, i) => `rowid ${i * 1000 + 7}`),
  );
});
