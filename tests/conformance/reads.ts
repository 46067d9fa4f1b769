import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
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
