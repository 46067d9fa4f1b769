import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Bench, failureOf, OTHER_ROWS, TWO_ROWS } from "./bench.ts";
import type { Fixture } from "./fixture.ts";

/** One answer to one load, whatever the destination: "What a load does" in docs/connectors.md. */
export function registerLoadRules({ name, modes, ...fixture }: Fixture): void {
  const start = () => Bench.start({ name, modes, ...fixture });
  const merge = { mode: "merge", primaryKey: ["id"] } as const;
  for (const mode of modes) {
    Deno.test(`${name}: the receipt of a ${mode} comes again, the same, with a load that is repeated`, async () => {
      await using bench = await start();
      await bench.load("t", TWO_ROWS, { loadId: "a", mode, primaryKey: ["id"] });
      const receipt = await bench.load("t", OTHER_ROWS, { loadId: "b", mode, primaryKey: ["id"] });
      strictEqual(receipt.rows, 2);
      ok(/^[0-9a-f]{32}$/.test(receipt.hash ?? ""), `${receipt.hash}`);
      const { inserted, updated, deleted } = receipt;
      const expected = {
        replace: [2, 0, 2],
        append: [2, 0, 0],
        merge: [1, 1, 0],
        delete_insert: [2, 0, 1],
        scd2: [2, 1, 0],
      }[mode];
      for (const [i, count] of [inserted, updated, deleted].entries()) {
        ok(count === null || count === expected[i], `${mode}: ${[inserted, updated, deleted]}`);
      }
      const again = await bench.load("t", OTHER_ROWS, { loadId: "b", mode, primaryKey: ["id"] });
      deepStrictEqual(again, { ...receipt, repeated: true });
    });
  }
  if (!modes.includes("merge")) return;

  Deno.test(`${name}: a merge names a key that comes twice, and changes nothing`, async () => {
    await using bench = await start();
    await bench.load("t", TWO_ROWS, { loadId: "a", ...merge });
    const twice = "SELECT * FROM (VALUES (1, 'x'), (7, 'y'), (7, 'z')) AS t(id, name)";
    const error = await failureOf(() => bench.load("t", twice, { loadId: "b", ...merge }));
    strictEqual(error.code, "invalid");
    ok(/key \(?"?id"?\)? ?= ?\(?7\)?/.test(error.message), error.message);
    deepStrictEqual(await bench.rowsBack("t"), ['["1","a"]', '["2","b"]']);
  });

  Deno.test(`${name}: a merge into nothing names a key that comes twice, too`, async () => {
    await using bench = await start();
    const twice = "SELECT * FROM (VALUES (7, 'y'), (7, 'z')) AS t(id, name)";
    strictEqual((await failureOf(() => bench.load("t", twice, { loadId: "a", ...merge }))).code, "invalid");
    await bench.load("t", TWO_ROWS, { loadId: "b", ...merge });
    deepStrictEqual(await bench.rowsBack("t"), ['["1","a"]', '["2","b"]']);
  });

  Deno.test(`${name}: a replace by a key refuses what comes twice, or is NULL, like a merge`, async () => {
    await using bench = await start();
    const replace = { mode: "replace", primaryKey: ["id"] } as const;
    const twice = "SELECT * FROM (VALUES (7, 'y'), (7, 'z')) AS t(id, name)";
    const nullKey = "SELECT * FROM (VALUES (1, 'x'), (NULL, 'y')) AS t(id, name)";
    for (const before of ["nothing", "a table"]) {
      for (
        const [select, met] of [[twice, /\(?"?id"?\)? ?= ?\(?7\)?/], [nullKey, /NULL|not-null/]] as const
      ) {
        const error = await failureOf(() =>
          bench.load("t", select, { loadId: `${before} ${met}`, ...replace })
        );
        strictEqual(error.code, "invalid");
        ok(met.test(error.message), error.message);
      }
      await bench.load("t", TWO_ROWS, { loadId: before, ...replace });
      deepStrictEqual(await bench.rowsBack("t"), ['["1","a"]', '["2","b"]']);
    }
    // Without a key, nothing says that rows are to be told apart.
    await bench.load("u", twice, { loadId: "u", mode: "replace" });
    deepStrictEqual(await bench.rowsBack("u"), ['["7","y"]', '["7","z"]']);
  });

  Deno.test(`${name}: a merge refuses a key that is NULL, and changes nothing`, async () => {
    await using bench = await start();
    await bench.load("t", TWO_ROWS, { loadId: "a", ...merge });
    const nullKey = "SELECT * FROM (VALUES (1, 'x'), (NULL, 'y')) AS t(id, name)";
    const error = await failureOf(() => bench.load("t", nullKey, { loadId: "b", ...merge }));
    strictEqual(error.code, "invalid");
    ok(error.message.includes("NULL"), error.message);
    deepStrictEqual(await bench.rowsBack("t"), ['["1","a"]', '["2","b"]']);
  });

  Deno.test(`${name}: a merge keeps the values of columns that the rows lack, and adds columns that are new`, async () => {
    await using bench = await start();
    await bench.load("t", "SELECT * FROM (VALUES (1, 'a', 'x'), (2, 'b', 'y')) AS t(id, name, note)", {
      loadId: "a",
      ...merge,
    });
    await bench.load("t", "SELECT * FROM (VALUES (2, 'B', 'n'), (3, 'C', 'm')) AS t(id, name, extra)", {
      loadId: "b",
      ...merge,
    });
    deepStrictEqual(await bench.rowsBack("t", "SELECT id, name, note, extra FROM raw.back"), [
      '["1","a","x",null]',
      '["2","B","y","n"]',
      '["3","C",null,"m"]',
    ]);
  });
}
