import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { Until } from "../../contract/connector/source.ts";
import { Bench, failureOf, TWO_ROWS } from "./bench.ts";
import type { Fixture } from "./fixture.ts";

/** The connector as a source. */
export function registerReads(fixture: Fixture): void {
  const { name } = fixture;
  Deno.test(`${name}: a stream that does not exist is not_found and named`, async () => {
    await using bench = await Bench.start(fixture);
    await bench.load("another", TWO_ROWS, { loadId: "a", mode: "replace" });
    const error = await failureOf(() => bench.readBack("no_such_table"));
    strictEqual(error.code, "not_found");
    ok(error.message.includes("no_such_table"), error.message);
  });

  Deno.test(`${name}: a cursor gives ties, greater values and NULLs, and nothing else`, async () => {
    await using bench = await Bench.start(fixture);
    await bench.load(
      "t",
      "SELECT * FROM (VALUES (1, 5), (2, 10), (3, 10), (4, 11), (5, NULL)) AS t(id, seen)",
      { loadId: "a", mode: "replace" },
    );
    await bench.readCursor("t", { column: "seen", value: "10", type: "BIGINT" });
    deepStrictEqual(await bench.warehouse.texts("SELECT id FROM raw.back"), [
      '["2"]',
      '["3"]',
      '["4"]',
      '["5"]',
    ]);
  });

  Deno.test(`${name}: a cursor of microseconds is exact`, async () => {
    await using bench = await Bench.start(fixture);
    await bench.load(
      "t",
      `SELECT * FROM (VALUES (1, TIMESTAMP '2024-01-01 00:00:00'), (2, TIMESTAMP '2024-01-01 00:00:00.000001'),
       (3, TIMESTAMP '2024-01-01 00:00:00.000002'), (4, TIMESTAMP '2024-01-01 00:00:01')) AS t(id, seen)`,
      { loadId: "a", mode: "replace" },
    );
    await bench.readCursor("t", { column: "seen", value: "2024-01-01 00:00:00.000001", type: "TIMESTAMP" });
    deepStrictEqual(await bench.warehouse.texts("SELECT id FROM raw.back"), ['["2"]', '["3"]', '["4"]']);
  });

  for (
    const [type, values] of Object.entries({
      BIGINT: ["-5", "5", "10", "11", "12"],
      "DECIMAL(9,2)": ["-0.50", "5.25", "10.10", "10.11", "1000.00"],
      VARCHAR: ["A", "a", "b", "ba", "é"],
      DATE: ["1969-12-31", "2024-01-01", "2024-02-29", "2024-03-01", "9999-12-31"],
      TIMESTAMP: [
        "1969-12-31 23:59:59.999999",
        "2024-01-01 00:00:00",
        "2024-01-01 00:00:00.000001",
        "2024-01-01 00:00:00.000002",
        "2024-01-01 00:00:01",
      ],
      "TIMESTAMP WITH TIME ZONE": [
        "1969-12-31 23:59:59.999999+00",
        "2024-01-01 00:00:00+00",
        "2024-01-01 00:00:00.000001+00",
        "2024-01-01 00:00:00.000002+00",
        "2024-01-01 00:00:01+00",
      ],
    })
  ) {
    Deno.test(`${name}: a window of ${type} is closed at its end, and a range before its end`, async () => {
      await using bench = await Bench.start(fixture);
      const rows = [...values, null].map((value, i) =>
        `(${i}, ${value === null ? "NULL" : `'${value}'`}::${type})`
      );
      await bench.load("t", `SELECT * FROM (VALUES ${rows.join(", ")}) AS t(id, seen)`, {
        loadId: "a",
        mode: "replace",
      });
      const [, from = "", , end = ""] = values;
      const cursor = { column: "seen", value: from, type };
      const ids = async (until: Until | undefined) => {
        await bench.readCursor("t", cursor, until);
        return (await bench.warehouse.texts("SELECT id FROM raw.back")).map((text) => JSON.parse(text)[0]);
      };
      const until = { column: "seen", value: end, type };
      deepStrictEqual(await ids({ ...until, isRange: false }), ["1", "2", "3", "5"]);
      deepStrictEqual(await ids({ ...until, isRange: true }), ["1", "2"]);
      const greatest = await bench.source.greatest?.(bench.stream("t"), "seen", bench.signal);
      if (greatest === undefined) return;
      deepStrictEqual(await ids({ ...greatest, isRange: false }), ["1", "2", "3", "4", "5"]);
      deepStrictEqual(await ids({ ...greatest, isRange: true }), ["1", "2", "3"]);
    });
  }

  Deno.test(`${name}: a window of floating point lets infinite values through`, async () => {
    await using bench = await Bench.start(fixture);
    const infinite = fixture.lacksInfinity ? "" : ", (4, 'infinity'), (5, '-infinity')";
    await bench.load(
      "t",
      `SELECT * FROM (VALUES (1, 1.5::DOUBLE), (2, 2.5), (3, 3.5), (6, NULL)${infinite}) AS t(id, seen)`,
      { loadId: "a", mode: "replace" },
    );
    const cursor = { column: "seen", value: "1.5", type: "DOUBLE" };
    await bench.readCursor("t", cursor, { column: "seen", value: "2.5", type: "DOUBLE", isRange: false });
    deepStrictEqual(await bench.warehouse.texts("SELECT id FROM raw.back"), [
      '["1"]',
      '["2"]',
      ...fixture.lacksInfinity ? [] : ['["4"]'],
      '["6"]',
    ]);
    const greatest = await bench.source.greatest?.(bench.stream("t"), "seen", bench.signal);
    if (greatest !== undefined) strictEqual(Number(greatest.value), 3.5);
  });

  Deno.test(`${name}: reading stops at an aborted signal`, async () => {
    await using bench = await Bench.start(fixture);
    await bench.load("t", "SELECT i AS id FROM range(150000) r(i)", { loadId: "a", mode: "replace" });
    const controller = new AbortController();
    const { source } = bench.connection;
    const stream = bench.stream("t");
    await rejects(async () => {
      if (await source?.scan?.(stream, bench.signal) !== undefined) {
        controller.abort();
        await source?.scan?.(stream, controller.signal);
        return;
      }
      for await (const _batch of source?.read({ streams: [stream] }, controller.signal) ?? []) {
        controller.abort();
      }
    });
  });
}
