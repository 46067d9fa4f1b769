import { deepEqual, equal } from "node:assert/strict";
import { openDatabase } from "../../../../engine/duckdb/database.ts";
import type { DuckSession } from "../../../../engine/duckdb/session.ts";
import { cursorOf, greatestValue, readState, writeState } from "../../../../engine/warehouse/stream_state.ts";
import { prepareWarehouse } from "../../../../engine/warehouse/warehouse.ts";

async function withTable(select: string, work: (session: DuckSession) => Promise<void>): Promise<void> {
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [] });
  await using session = await database.session();
  await prepareWarehouse(session);
  await session.run(`CREATE TABLE raw.orders AS ${select}`);
  await work(session);
}

Deno.test("readState() gives back what writeState() wrote, and nothing after an empty state", async () => {
  await withTable("SELECT 1 AS x", async (session) => {
    deepEqual(await readState(session, "orders"), {});
    const state = {
      cursor: { column: "ts", value: 'it\'s "7"', type: "BIGINT" },
      source: { page: [1, null, "x"] },
      unfinished: { runId: "r", isReplacing: true, rows: 3, sizeBytes: 9, source: 5 },
    };
    await writeState(session, "orders", state, "r");
    deepEqual(await readState(session, "orders"), state);
    await writeState(session, "orders", { source: "later" }, "r");
    deepEqual(await readState(session, "orders"), { source: "later" });
    await writeState(session, "orders", {}, "r");
    deepEqual(await readState(session, "orders"), {});
  });
});

Deno.test("cursorOf() goes by the rows that are there where the update_key has changed", async () => {
  await withTable("FROM (VALUES (1, 10), (2, 12)) AS t(id, ts)", async (session) => {
    const held = { column: "id", value: "9", type: "INTEGER" };
    deepEqual(await cursorOf(session, "orders", "id", { cursor: held }), held);
    equal((await cursorOf(session, "orders", "ts", { cursor: held }))?.value, "12");
    equal((await cursorOf(session, "orders", "ts", {}))?.value, "12");
    equal(await cursorOf(session, "orders", "gone", {}), undefined);
  });
});

Deno.test("greatestValue() gives microseconds, zones, decimals and texts exactly", async () => {
  for (
    const literal of [
      "TIMESTAMP '2026-03-01 10:11:12.123456'",
      "TIMESTAMPTZ '1969-12-31 23:59:59.000001+00'",
      "12345678901234567890123456789012345678::DECIMAL(38,0)",
      "0.1::DOUBLE",
      "'it''s'",
      "DATE '0044-03-15 (BC)'",
    ]
  ) {
    await withTable(`SELECT ${literal} AS ts`, async (session) => {
      const { cursor } = await greatestValue(session, "orders", "ts");
      const [row] = await session.rows(`SELECT ts = CAST($1 AS ${cursor?.type}) AS same FROM raw.orders`, [
        cursor?.value ?? "",
      ]);
      equal(row?.["same"], true, literal);
    });
  }
});

Deno.test("greatestValue() passes by infinite values and NaN, counts them, and finds none where there is no other", async () => {
  for (
    const [values, expected, endless] of [
      ["(TIMESTAMP '2026-01-01'), ('infinity'), ('-infinity')", "2026-01-01 00:00:00", 2],
      ["(DATE '2026-01-01'), ('infinity')", "2026-01-01", 1],
      ["(1.5::DOUBLE), ('nan'), ('infinity')", "1.5", 2],
      ["('infinity'::TIMESTAMPTZ)", undefined, 1],
      ["(NULL::INTEGER)", undefined, 0],
    ] as const
  ) {
    await withTable(`FROM (VALUES ${values}) AS t(ts)`, async (session) => {
      const found = await greatestValue(session, "orders", "ts");
      deepEqual([found.cursor?.value, found.endless], [expected, endless], values);
    });
  }
});
