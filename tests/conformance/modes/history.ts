import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Bench, failureOf } from "../bench.ts";
import type { Fixture } from "../fixture.ts";

const FIRST_MS = Date.parse("2024-01-01T00:00:00Z");
const SECOND_MS = Date.parse("2024-01-02T00:00:00.5Z");
const THIRD_MS = Date.parse("2024-01-03T00:00:00Z");
const FIRST = "2024-01-01 00:00:00";
const SECOND = "2024-01-02 00:00:00.5";
const THIRD = "2024-01-03 00:00:00";
const ROWS = "SELECT * FROM (VALUES (1, 'a', 1.5), (2, 'b', NULL), (3, 'c', 3)) AS t(id, name, n)";
const NEXT = "SELECT * FROM (VALUES (1, 'a', 1.5), (2, 'b', 2), (4, 'd', 4)) AS t(id, name, n)";

/** Versions by key and begin; times without their zone, which is UTC's. */
const BACK = `SELECT id, name, n, replace(valid_from::VARCHAR, '+00', '') AS valid_from,
                     replace(valid_to::VARCHAR, '+00', '') AS valid_to, is_current::BOOLEAN AS is_current FROM raw.back`;
const version = (...values: readonly (string | null)[]) => JSON.stringify(values);

/** scd2: a history of rows. */
export function registerHistory({ name, modes, ...fixture }: Fixture): void {
  if (!modes.includes("scd2")) return;
  const start = () => Bench.start({ name, modes, ...fixture });
  const load = { mode: "scd2", primaryKey: ["id"] } as const;

  Deno.test(`${name}: scd2 closes a row that changed and opens a new one; one that is the same stays`, async () => {
    await using bench = await start();
    const first = await bench.load("t", ROWS, { loadId: "a", ...load, atMs: FIRST_MS });
    deepStrictEqual([first.rows, first.inserted], [3, 3]);
    const second = await bench.load("t", NEXT, { loadId: "b", ...load, atMs: SECOND_MS });
    deepStrictEqual([second.rows, second.inserted, second.updated, second.deleted], [3, 2, 1, 0]);
    const expected = [
      version("1", "a", "1.5", FIRST, null, "true"),
      version("2", "b", "2.0", SECOND, null, "true"),
      version("2", "b", null, FIRST, SECOND, "false"),
      version("3", "c", "3.0", FIRST, null, "true"),
      version("4", "d", "4.0", SECOND, null, "true"),
    ];
    deepStrictEqual(await bench.rowsBack("t", BACK), expected);
    const again = await bench.load("t", NEXT, { loadId: "b", ...load, atMs: SECOND_MS });
    deepStrictEqual(again, { ...second, repeated: true });
    const same = await bench.load("t", NEXT, { loadId: "c", ...load, atMs: THIRD_MS });
    deepStrictEqual([same.inserted, same.updated], [0, 0]);
    deepStrictEqual(await bench.rowsBack("t", BACK), expected);
  });

  Deno.test(`${name}: scd2 with deletes: soft closes the keys that are gone, and opens them when they return`, async () => {
    await using bench = await start();
    const soft = { ...load, keys: { deletes: "soft" } };
    await bench.load("t", ROWS, { loadId: "a", ...soft, atMs: FIRST_MS });
    const none = `SELECT * FROM (${ROWS}) WHERE id = 1`;
    const closed = await bench.load("t", none, { loadId: "b", ...soft, atMs: SECOND_MS });
    deepStrictEqual([closed.inserted, closed.updated], [0, 2]);
    await bench.load("t", ROWS, { loadId: "c", ...soft, atMs: THIRD_MS });
    deepStrictEqual(await bench.rowsBack("t", `${BACK} WHERE id <> 3`), [
      version("1", "a", "1.5", FIRST, null, "true"),
      version("2", "b", null, FIRST, SECOND, "false"),
      version("2", "b", null, THIRD, null, "true"),
    ]);
  });

  Deno.test(`${name}: scd2 closes rows that are marked as deleted`, async () => {
    await using bench = await start();
    const marked = { ...load, keys: { hard_delete: "gone" } };
    await bench.load("t", `SELECT *, false AS gone FROM (${ROWS})`, {
      loadId: "a",
      ...marked,
      atMs: FIRST_MS,
    });
    const receipt = await bench.load("t", `SELECT *, id = 2 AS gone FROM (${ROWS}) WHERE id < 3`, {
      loadId: "b",
      ...marked,
      atMs: SECOND_MS,
    });
    deepStrictEqual([receipt.rows, receipt.inserted, receipt.updated], [1, 0, 1]);
    deepStrictEqual(await bench.rowsBack("t", BACK), [
      version("1", "a", "1.5", FIRST, null, "true"),
      version("2", "b", null, FIRST, SECOND, "false"),
      version("3", "c", "3.0", FIRST, null, "true"),
    ]);
  });

  Deno.test(`${name}: scd2 tells texts apart by every character, sees NULL come and go, and takes a new column`, async () => {
    await using bench = await start();
    const rows = (name: string, more = "") => `SELECT 1 AS id, ${name} AS name ${more}`;
    const names = ["'a'", "'A'", "'A '", "NULL", "'ä'", `'a' || chr(776)`];
    for (const [i, name] of names.entries()) {
      const { inserted } = await bench.load("t", rows(name), { loadId: `${i}`, ...load, atMs: FIRST_MS + i });
      strictEqual(inserted, 1, name);
    }
    const wider = { loadId: "w", ...load, atMs: SECOND_MS };
    strictEqual((await bench.load("t", rows(names[5] ?? "", ", 'x' AS more"), wider)).inserted, 1);
    strictEqual((await bench.rowsBack("t", "SELECT * FROM raw.back WHERE is_current::BOOLEAN")).length, 1);
    strictEqual((await bench.rowsBack("t", "SELECT * FROM raw.back")).length, names.length + 1);
  });

  Deno.test(`${name}: scd2 takes other names, and refuses a table that is no history, an earlier time and a key twice`, async () => {
    await using bench = await start();
    const keys = { scd2: { valid_from: "from_time", valid_to: "to_time", is_current: "now" } };
    await bench.load("t", ROWS, { loadId: "a", ...load, keys, atMs: SECOND_MS });
    const columns = (await bench.readBack("t")).map((column) => column.name);
    deepStrictEqual(columns, ["id", "name", "n", "from_time", "to_time", "now"]);
    const early = await failureOf(() =>
      bench.load("t", NEXT, { loadId: "b", ...load, keys, atMs: FIRST_MS })
    );
    ok(early.code === "conflict" && early.message.includes("later than this run's own time"), early.message);
    const twice = await failureOf(() =>
      bench.load("t", `${NEXT} UNION ALL ${NEXT}`, { loadId: "c", ...load, keys, atMs: THIRD_MS })
    );
    ok(twice.code === "invalid" && twice.message.includes("comes 2 times"), twice.message);
    await bench.load("u", ROWS, { loadId: "d", mode: "replace" });
    const plain = await failureOf(() => bench.load("u", NEXT, { loadId: "e", ...load, atMs: THIRD_MS }));
    ok(plain.code === "conflict" && plain.message.includes("no history"), plain.message);
  });
}
