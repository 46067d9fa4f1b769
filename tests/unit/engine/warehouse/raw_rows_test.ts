import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import * as v from "valibot";
import type { Cursor } from "../../../../contract/connector/source.ts";
import { AppError } from "../../../../contract/errors.ts";
import { type StreamDefinition, streamSchema } from "../../../../contract/pipeline/stream.ts";
import { openDatabase } from "../../../../engine/duckdb/database.ts";
import type { DuckSession } from "../../../../engine/duckdb/session.ts";
import {
  appendAllRows,
  appendNewRows,
  dedupeTable,
  mergeRows,
} from "../../../../engine/warehouse/raw_rows.ts";
import { greatestValue, lookBack } from "../../../../engine/warehouse/stream_state.ts";
import { prepareWarehouse } from "../../../../engine/warehouse/warehouse.ts";

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

const fromCursor = (cursor: Cursor | undefined) =>
  cursor === undefined ? undefined : { cursor, from: cursor };

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

Deno.test("mergeRows() takes what fits, widens where it may, and refuses a changed type where types are frozen", async () => {
  const held = "FROM (VALUES (1, 10, 5::INTEGER)) AS t(id, ts, x)";
  const texts = "FROM (VALUES (2, 11, 'many')) AS t(id, ts, x)";
  await withTables(held, texts, async (session) => {
    await rejects(
      mergeRows(session, "orders", stream({ contract: { types: "freeze" } }), "temp.incoming"),
      isInvalid(/"x" was INTEGER and is now VARCHAR, and its contract freezes types/),
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
    await mergeRows(session, "orders", stream(), "temp.incoming");
    deepEqual(await rowsOf(session), [[1, 10, "5"], [2, 11, "many"]]);
  });
});

Deno.test("appendNewRows() adds what comes at the cursor again only as often as there is more of it", async () => {
  await withTables(
    "FROM (VALUES (10, 'a'), (11, 'b'), (11, 'b'), (NULL, 'n')) AS t(ts, x)",
    "FROM (VALUES (11, 'b'), (11, 'b'), (11, 'b'), (11, 'c'), (12, 'd'), (12, 'd'), (NULL, 'n'), (NULL, 'm')) AS t(ts, x)",
    async (session) => {
      const appended = stream({ mode: "append", primary_key: undefined });
      const { cursor } = await greatestValue(session, "orders", "ts");
      equal(cursor?.value, "11");
      await appendNewRows(session, "orders", appended, "temp.incoming", "ts", fromCursor(cursor));
      deepEqual(
        (await rowsOf(session)).map((row) => row.join(" ")),
        ["10 a", "11 b", "11 b", "11 b", "11 c", "12 d", "12 d", " m", " n"],
      );
    },
  );
});

Deno.test("appendAllRows() adds every row, also those that are there already", async () => {
  await withTables("FROM (VALUES (1)) AS t(x)", "FROM (VALUES (1), (2)) AS t(x)", async (session) => {
    const appended = stream({ mode: "append", primary_key: undefined, update_key: undefined });
    await appendAllRows(session, "orders", appended, "temp.incoming");
    deepEqual(await rowsOf(session), [[1], [1], [2]]);
  });
});

Deno.test("appendNewRows() does not double rows without an update_key's value, nor where columns are written in other letters", async () => {
  await withTables(
    "FROM (VALUES (NULL::INTEGER, 'n')) AS t(ts, x)",
    "FROM (VALUES (NULL::INTEGER, 'n'), (NULL, 'm'), (7, 'a')) AS t(TS, X)",
    async (session) => {
      const appended = stream({ mode: "append", primary_key: undefined });
      await appendNewRows(session, "orders", appended, "temp.incoming", "ts", undefined);
      deepEqual((await rowsOf(session)).map((row) => row.join(" ")), ["7 a", " m", " n"]);
    },
  );
});

Deno.test("appendNewRows() refuses an update_key that the rows which are there do not have", async () => {
  await withTables("SELECT 1 AS x", "SELECT 1 AS x, 5 AS ts", async (session) => {
    const appended = stream({ mode: "append", primary_key: undefined });
    const appending = appendNewRows(session, "orders", appended, "temp.incoming", "ts", undefined);
    await rejects(appending, isInvalid(/have no such column/));
  });
});

Deno.test("appendNewRows() takes a row for the same where the source has more, fewer or renamed columns", async () => {
  const appended = stream({ mode: "append", primary_key: undefined });
  const held = "FROM (VALUES (10, 'a', 'p'), (11, 'b', 'q'), (NULL, 'n', 'r')) AS t(ts, x, y)";
  for (
    const [columns, given] of [
      ["ts, x, y, fresh", "(11, 'b', 'q', 1), (NULL, 'n', 'r', 2), (12, 'c', 's', 3)"],
      ["ts, x", "(11, 'b'), (NULL, 'n'), (12, 'c')"],
      ["ts, x, renamed", "(11, 'b', 'q'), (NULL, 'n', 'r'), (12, 'c', 's')"],
    ]
  ) {
    await withTables(held, `FROM (VALUES ${given}) AS t(${columns})`, async (session) => {
      const { cursor } = await greatestValue(session, "orders", "ts");
      await appendNewRows(session, "orders", appended, "temp.incoming", "ts", fromCursor(cursor));
      deepEqual(
        (await session.rows("SELECT ts, x FROM raw.orders ORDER BY ALL")).map((row) => Object.values(row)),
        [[10, "a"], [11, "b"], [12, "c"], [null, "n"]],
        columns,
      );
    });
  }
});

Deno.test("appendNewRows() passes by infinities and NaN, and doubles none of them", async () => {
  await withTables(
    "FROM (VALUES (1.5::DOUBLE, 'a'), ('infinity', 'i'), ('nan', 'n')) AS t(ts, x)",
    "FROM (VALUES (1.5::DOUBLE, 'a'), (2.5, 'b'), ('infinity', 'i'), ('infinity', 'j'), ('nan', 'n')) AS t(ts, x)",
    async (session) => {
      const appended = stream({ mode: "append", primary_key: undefined });
      const { cursor, endless } = await greatestValue(session, "orders", "ts");
      deepEqual([cursor?.value, endless], ["1.5", 2]);
      await appendNewRows(session, "orders", appended, "temp.incoming", "ts", fromCursor(cursor));
      const rows = await session.rows("SELECT x FROM raw.orders ORDER BY ALL");
      deepEqual(rows.map(({ x }) => x), ["a", "b", "i", "j", "n"]);
    },
  );
});

Deno.test("dedupeTable() leaves the newest row of each key, NULL update keys last", async () => {
  await withTables(
    "FROM (VALUES (1, 10, 'old'), (1, 12, 'new'), (1, NULL, 'unknown'), (2, NULL, 'only')) AS t(id, ts, x)",
    "SELECT 1",
    async (session) => {
      await dedupeTable(session, "orders", stream(), "raw.orders");
      deepEqual(await rowsOf(session), [[1, 12, "new"], [2, null, "only"]]);
    },
  );
});

Deno.test("appendNewRows() finds rows that were committed late within the lag, and doubles none", async () => {
  const appended = stream({ mode: "append", primary_key: undefined, lag: "1h" });
  const at = (time: string) => `TIMESTAMP '2026-01-01 ${time}:00'`;
  await withTables(
    `FROM (VALUES (${at("09:00")}, 'a'), (${at("09:30")}, 'b'), (${at("10:00")}, 'c'), (${
      at("10:00")
    }, 'c')) AS t(ts, x)`,
    `FROM (VALUES (${at("09:30")}, 'b'), (${at("09:45")}, 'late'), (${at("09:45")}, 'late'), (${
      at("10:00")
    }, 'c'), (${at("10:00")}, 'c'), (${at("10:05")}, 'd')) AS t(ts, x)`,
    async (session) => {
      const { cursor } = await greatestValue(session, "orders", "ts");
      ok(cursor !== undefined);
      const from = await lookBack(session, "orders", cursor, "1h");
      equal(from?.value, "2026-01-01 09:00:00");
      await appendNewRows(session, "orders", appended, "temp.incoming", "ts", { cursor, from });
      const texts = (await session.rows("SELECT x FROM raw.orders ORDER BY ts, x")).map(({ x }) => x);
      deepEqual(texts, ["a", "b", "late", "late", "c", "c", "d"]);
    },
  );
});
