import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Bench, failureOf } from "../bench.ts";
import type { Fixture } from "../fixture.ts";

const COLUMNS = "t(day, shop, id)";
const FIRST = `SELECT * FROM (VALUES
  ('d1', 'a', 1), ('d1', 'a', 2), ('d1', 'b', 3), ('d2', 'a', 4), (NULL, 'a', 5), (NULL, 'b', 6)) AS ${COLUMNS}`;
const BACK = "SELECT day, shop, id FROM raw.back";

/** delete_insert: whole partitions give way to the new rows. */
export function registerDeleteInsert({ name, modes, ...fixture }: Fixture): void {
  if (!modes.includes("delete_insert")) return;
  const start = () => Bench.start({ name, modes, ...fixture });
  const mode = "delete_insert";

  Deno.test(`${name}: delete_insert replaces the partitions that the rows have, and no others`, async () => {
    await using bench = await start();
    const load = { mode, partitionBy: ["day"] } as const;
    await bench.load("t", FIRST, { loadId: "a", ...load });
    const next = `SELECT * FROM (VALUES ('d1', 'c', 7), ('d3', 'c', 8)) AS ${COLUMNS}`;
    const { rows, inserted, updated } = await bench.load("t", next, { loadId: "b", ...load });
    deepStrictEqual([rows, inserted, updated], [2, 2, 0]);
    deepStrictEqual(await bench.rowsBack("t", BACK), [
      '["d1","c","7"]',
      '["d2","a","4"]',
      '["d3","c","8"]',
      '[null,"a","5"]',
      '[null,"b","6"]',
    ]);
  });

  Deno.test(`${name}: delete_insert takes NULL for one partition, also in one of two columns`, async () => {
    await using bench = await start();
    const load = { mode, partitionBy: ["day", "shop"] } as const;
    await bench.load("t", FIRST, { loadId: "a", ...load });
    const next = `SELECT * FROM (VALUES (NULL, 'a', 7), (NULL, 'a', 8), ('d1', 'b', 9)) AS ${COLUMNS}`;
    await bench.load("t", next, { loadId: "b", ...load });
    deepStrictEqual(await bench.rowsBack("t", BACK), [
      '["d1","a","1"]',
      '["d1","a","2"]',
      '["d1","b","9"]',
      '["d2","a","4"]',
      '[null,"a","7"]',
      '[null,"a","8"]',
      '[null,"b","6"]',
    ]);
  });

  Deno.test(`${name}: delete_insert of no rows changes nothing, and takes rows that are equal`, async () => {
    await using bench = await start();
    const load = { mode, partitionBy: ["day"] } as const;
    const twice = `SELECT * FROM (VALUES ('d1', 'a', 1), ('d1', 'a', 1)) AS ${COLUMNS}`;
    await bench.load("t", twice, { loadId: "a", ...load });
    await bench.load("t", `SELECT * FROM (${FIRST}) WHERE false`, { loadId: "b", ...load });
    deepStrictEqual(await bench.rowsBack("t", BACK), ['["d1","a","1"]', '["d1","a","1"]']);
    strictEqual((await bench.load("t", FIRST, { loadId: "b", ...load })).repeated, true);
  });

  Deno.test(`${name}: delete_insert by a column that the rows lack says which`, async () => {
    await using bench = await start();
    const error = await failureOf(() => bench.load("t", FIRST, { loadId: "a", mode, partitionBy: ["week"] }));
    strictEqual(error.code, "invalid");
    ok(error.message.includes('"week"'), error.message);
  });
}
