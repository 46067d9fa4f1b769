import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { quoteIdentifier } from "../../contract/sql.ts";
import { Bench, failureOf } from "./bench.ts";
import { CONTRACT_TYPES, type Fixture, HOSTILE_NAMES } from "./fixture.ts";

/** Rows that are loaded and read again are the same rows. */
export function registerRoundTrips(fixture: Fixture): void {
  const { name } = fixture;
  for (const [type, values] of Object.entries(CONTRACT_TYPES)) {
    const back = fixture.typeBack(type);
    const select = `SELECT * FROM (VALUES ${
      [...values, "NULL"].map((value, index) => `(${index}, CAST(${value} AS ${type}))`).join(", ")
    }) AS t(id, value)`;
    if (back === undefined) {
      Deno.test(`${name}: ${type} is refused, not changed`, async () => {
        await using bench = await Bench.start(fixture);
        const error = await failureOf(() => bench.load("t", select, { loadId: "a", mode: "replace" }));
        strictEqual(error.code, "invalid");
      });
      continue;
    }
    Deno.test(`${name}: ${type} comes back as it was, as ${back}`, async () => {
      await using bench = await Bench.start(fixture);
      await bench.load("t", select, { loadId: "a", mode: "replace" });
      const columns = await bench.readBack("t");
      strictEqual(columns[1]?.type, back);
      deepStrictEqual(
        await bench.warehouse.texts(`SELECT id, CAST(value AS ${type}) FROM raw.back`),
        await bench.warehouse.texts(select),
      );
    });
  }

  Deno.test(`${name}: names of columns and tables are taken as they are`, async () => {
    await using bench = await Bench.start(fixture);
    const names = HOSTILE_NAMES.filter((hostile) => !fixture.impossibleNames?.includes(hostile));
    const select = `SELECT ${names.map((hostile, i) => `${i} AS ${quoteIdentifier(hostile)}`).join(", ")}`;
    await bench.load("t", select, { loadId: "a", mode: "replace" });
    const columns = await bench.readBack("t");
    deepStrictEqual(columns.map((column) => column.name), [...names]);
    deepStrictEqual(
      await bench.warehouse.texts("SELECT * FROM raw.back"),
      await bench.warehouse.texts(select),
    );
  });

  Deno.test(`${name}: 200 columns come back in their order`, async () => {
    await using bench = await Bench.start(fixture);
    const names = Array.from({ length: 200 }, (_, i) => `c${i}`);
    await bench.load("t", `SELECT ${names.map((column, i) => `${i} AS ${column}`).join(", ")}`, {
      loadId: "a",
      mode: "replace",
    });
    deepStrictEqual((await bench.readBack("t")).map((column) => column.name), names);
  });

  Deno.test(`${name}: more rows than fit in one batch come back once each`, async () => {
    await using bench = await Bench.start(fixture);
    const result = await bench.load("t", "SELECT i AS id, 'row ' || i AS name FROM range(150000) r(i)", {
      loadId: "a",
      mode: "replace",
    });
    strictEqual(result.rows, 150_000);
    await bench.readBack("t");
    deepStrictEqual(
      await bench.warehouse.texts(
        "SELECT count(*), count(DISTINCT id), sum(id), count(DISTINCT name) FROM raw.back",
      ),
      ['["150000","150000","11249925000","150000"]'],
    );
  });

  Deno.test(`${name}: a table without rows keeps its columns`, async () => {
    await using bench = await Bench.start(fixture);
    await bench.load("t", "SELECT 1 AS id, 'x' AS name WHERE false", { loadId: "a", mode: "replace" });
    const columns = await bench.readBack("t");
    deepStrictEqual(columns.map((column) => column.name), ["id", "name"]);
    deepStrictEqual(await bench.warehouse.texts("SELECT * FROM raw.back"), []);
  });
}
