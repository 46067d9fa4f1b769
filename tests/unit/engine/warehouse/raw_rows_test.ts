import { deepEqual, equal, rejects } from "node:assert/strict";
import * as v from "valibot";
import { AppError } from "../../../../contract/errors.ts";
import { type StreamDefinition, streamSchema } from "../../../../contract/pipeline.ts";
import { openDatabase } from "../../../../engine/duckdb/database.ts";
import type { DuckSession } from "../../../../engine/duckdb/session.ts";
import { appendRows, dedupeTable, mergeRows } from "../../../../engine/warehouse/raw_rows.ts";
import { moveCursor, prepareWarehouse, readCursor } from "../../../../engine/warehouse/warehouse.ts";

const stream = (over: Record<string, unknown> = {}): StreamDefinition =>
  v.parse(streamSchema, {
    connector: "shop",
    stream: "orders",
    mode: "incremental",
    primary_key: ["id"],
    update_key: "ts",
    ...over,
  });

async function withTables(
  held: string,
  incoming: string,
  work: (session: DuckSession) => Promise<void>,
): Promise<void> {
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [] });
  await using session = await database.session();
  await prepareWarehouse(session);
  await session.run(`CREATE TABLE raw.orders AS ${held}; CREATE TEMP TABLE incoming AS ${incoming}`);
  await work(session);
}

const rowsOf = async (session: DuckSession) =>
  (await session.rows("SELECT * FROM raw.orders ORDER BY ALL")).map((row) => Object.values(row));

const isInvalid = (message: RegExp) => (error: unknown) =>
  error instanceof AppError && error.code === "invalid" && message.test(error.message);

Deno.test("mergeRows() replaces known keys, adds new ones and keeps the newest of several rows of one key", async () => {
  await withTables(
    "FROM (VALUES (1, 10, 'a'), (2, 10, 'b')) AS t(id, ts, x)",
    "FROM (VALUES (2, 11, 'B'), (3, 11, 'c'), (3, 13, 'C'), (3, 12, 'cc')) AS t(id, ts, x)",
    async (session) => {
      await mergeRows(session, "orders", stream(), "temp.incoming");
      deepEqual(await rowsOf(session), [[1, 10, "a"], [2, 11, "B"], [3, 13, "C"]]);
    },
  );
});

Deno.test("mergeRows() keeps columns apart whose names DuckDB keeps apart", async () => {
  await withTables(
    `FROM (VALUES (1, 10, 'upper', 'lower')) AS t(id, ts, "Ä", "ä")`,
    `FROM (VALUES (1, 11, 'UPPER', 'LOWER')) AS t(id, ts, "Ä", "ä")`,
    async (session) => {
      await mergeRows(session, "orders", stream(), "temp.incoming");
      deepEqual(await rowsOf(session), [[1, 11, "UPPER", "LOWER"]]);
    },
  );
});

Deno.test("mergeRows() refuses a row without a key and changes nothing", async () => {
  await withTables(
    "FROM (VALUES (1, 10)) AS t(id, ts)",
    "FROM (VALUES (NULL, 11), (1, 12)) AS t(id, ts)",
    async (session) => {
      const merging = session.transaction(() => mergeRows(session, "orders", stream(), "temp.incoming"));
      await rejects(merging, isInvalid(/1 rows? .*no value in the primary key \(id\)/));
      deepEqual(await rowsOf(session), [[1, 10]]);
    },
  );
});

Deno.test("mergeRows() adds new columns and leaves missing ones NULL where the contract evolves", async () => {
  await withTables(
    "FROM (VALUES (1, 10, 'a')) AS t(id, ts, gone)",
    `FROM (VALUES (1, 11, 'n'), (2, 11, 'm')) AS t(id, ts, "new ""one""")`,
    async (session) => {
      await mergeRows(session, "orders", stream(), "temp.incoming");
      deepEqual(await session.rows(`SELECT * FROM raw.orders ORDER BY id`), [
        { id: 1, ts: 11, gone: null, 'new "one"': "n" },
        { id: 2, ts: 11, gone: null, 'new "one"': "m" },
      ]);
    },
  );
});

Deno.test("mergeRows() refuses another set of columns where the contract freezes them, naming each", async () => {
  await withTables(
    "FROM (VALUES (1, 10, 'a')) AS t(id, ts, gone)",
    "FROM (VALUES (1, 11, 'n')) AS t(id, ts, fresh)",
    async (session) => {
      const frozen = stream({ contract: { columns: "freeze" } });
      await rejects(
        mergeRows(session, "orders", frozen, "temp.incoming"),
        isInvalid(/new: fresh; gone: gone/),
      );
    },
  );
});

Deno.test("mergeRows() refuses a changed type by default, takes it where it fits, and widens where it may", async () => {
  const held = "FROM (VALUES (1, 10, 5::INTEGER)) AS t(id, ts, x)";
  const texts = "FROM (VALUES (2, 11, 'many')) AS t(id, ts, x)";
  await withTables(held, texts, async (session) => {
    await rejects(
      mergeRows(session, "orders", stream(), "temp.incoming"),
      isInvalid(/"x" was INTEGER and is now VARCHAR/),
    );
  });
  await withTables(held, "FROM (VALUES (2, 11, 7::TINYINT)) AS t(id, ts, x)", async (session) => {
    await mergeRows(session, "orders", stream(), "temp.incoming");
    deepEqual(await rowsOf(session), [[1, 10, 5], [2, 11, 7]]);
  });
  await withTables(held, "FROM (VALUES (2, 11, NULL::VARCHAR)) AS t(id, ts, x)", async (session) => {
    await mergeRows(session, "orders", stream(), "temp.incoming");
    deepEqual(await rowsOf(session), [[1, 10, 5], [2, 11, null]]);
  });
  await withTables(held, texts, async (session) => {
    await mergeRows(session, "orders", stream({ contract: { types: "evolve" } }), "temp.incoming");
    deepEqual(await rowsOf(session), [[1, 10, "5"], [2, 11, "many"]]);
  });
});

Deno.test("appendRows() adds what comes at the cursor again only as often as there is more of it", async () => {
  await withTables(
    "FROM (VALUES (10, 'a'), (11, 'b'), (11, 'b'), (NULL, 'n')) AS t(ts, x)",
    "FROM (VALUES (11, 'b'), (11, 'b'), (11, 'b'), (11, 'c'), (12, 'd'), (12, 'd'), (NULL, 'n'), (NULL, 'm')) AS t(ts, x)",
    async (session) => {
      const appended = stream({ mode: "append", primary_key: undefined });
      await moveCursor(session, "orders", "ts", "run");
      const cursor = await readCursor(session, "orders", "ts");
      equal(cursor?.value, "11");
      await appendRows(session, "orders", appended, "temp.incoming", cursor);
      deepEqual(
        (await rowsOf(session)).map((row) => row.join(" ")),
        ["10 a", "11 b", "11 b", "11 b", "11 c", "12 d", "12 d", " m", " n"],
      );
    },
  );
});

Deno.test("appendRows() adds everything where the stream has no cursor", async () => {
  await withTables("FROM (VALUES (1)) AS t(x)", "FROM (VALUES (1), (2)) AS t(x)", async (session) => {
    const appended = stream({ mode: "append", primary_key: undefined, update_key: undefined });
    await appendRows(session, "orders", appended, "temp.incoming", undefined);
    deepEqual(await rowsOf(session), [[1], [1], [2]]);
  });
});

Deno.test("appendRows() does not double rows without an update_key's value, nor where columns are written in other letters", async () => {
  await withTables(
    "FROM (VALUES (NULL::INTEGER, 'n')) AS t(ts, x)",
    "FROM (VALUES (NULL::INTEGER, 'n'), (NULL, 'm'), (7, 'a')) AS t(TS, X)",
    async (session) => {
      const appended = stream({ mode: "append", primary_key: undefined });
      equal(await readCursor(session, "orders", "ts"), undefined);
      await appendRows(session, "orders", appended, "temp.incoming", undefined);
      deepEqual((await rowsOf(session)).map((row) => row.join(" ")), ["7 a", " m", " n"]);
    },
  );
});

Deno.test("appendRows() refuses an update_key that the rows which are there do not have", async () => {
  await withTables("SELECT 1 AS x", "SELECT 1 AS x, 5 AS ts", async (session) => {
    const appended = stream({ mode: "append", primary_key: undefined });
    const appending = appendRows(session, "orders", appended, "temp.incoming", undefined);
    await rejects(appending, isInvalid(/have no such column/));
  });
});

Deno.test("readCursor() goes by the rows that are there where the update_key or the mode has changed", async () => {
  await withTables("FROM (VALUES (1, 10), (2, 12)) AS t(id, ts)", "SELECT 1", async (session) => {
    equal((await readCursor(session, "orders", "ts"))?.value, "12");
    await moveCursor(session, "orders", "id", "run");
    equal((await readCursor(session, "orders", "ts"))?.value, "12");
  });
});

Deno.test("dedupeTable() leaves the newest row of each key, NULL update keys last", async () => {
  await withTables(
    "FROM (VALUES (1, 10, 'old'), (1, 12, 'new'), (1, NULL, 'unknown'), (2, NULL, 'only')) AS t(id, ts, x)",
    "SELECT 1",
    async (session) => {
      await dedupeTable(session, "orders", stream());
      deepEqual(await rowsOf(session), [[1, 12, "new"], [2, null, "only"]]);
    },
  );
});

Deno.test("readCursor() gives back microseconds, zones, decimals and texts exactly", async () => {
  for (
    const literal of [
      "TIMESTAMP '2026-03-01 10:11:12.123456'",
      "TIMESTAMPTZ '1969-12-31 23:59:59.000001+00'",
      "12345678901234567890123456789012345678::DECIMAL(38,0)",
      "0.1::DOUBLE",
      "'it''s'",
      "DATE '0044-03-15 (BC)'",
      "'infinity'::TIMESTAMP",
    ]
  ) {
    await withTables(`SELECT ${literal} AS ts`, "SELECT 1", async (session) => {
      await moveCursor(session, "orders", "ts", "run");
      const cursor = await readCursor(session, "orders", "ts");
      const [row] = await session.rows(`SELECT ts = CAST($1 AS ${cursor?.type}) AS same FROM raw.orders`, [
        cursor?.value ?? "",
      ]);
      equal(row?.["same"], true, literal);
    });
  }
});

Deno.test("moveCursor() leaves a stream without a value without a cursor", async () => {
  await withTables("SELECT NULL::INTEGER AS ts", "SELECT 1", async (session) => {
    await moveCursor(session, "orders", "ts", "run");
    equal(await readCursor(session, "orders", "ts"), undefined);
  });
});
