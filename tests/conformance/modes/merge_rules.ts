import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { loadIdOf } from "../../../engine/worker/load.ts";
import { Bench, failureOf, OTHER_ROWS } from "../bench.ts";
import type { Fixture } from "../fixture.ts";

const THREE_ROWS = "SELECT * FROM (VALUES (1, 'a'), (2, 'b'), (3, 'c')) AS t(id, name)";

/** What else a merge can be told: which of two rows is the last, and what is deleted. */
export function registerMergeRules({ name, modes, ...fixture }: Fixture): void {
  if (!modes.includes("merge")) return;
  const start = () => Bench.start({ name, modes, ...fixture });
  const merge = { mode: "merge", primaryKey: ["id"] } as const;

  Deno.test(`${name}: of rows with one key a merge by dedup_sort takes the last, also where both are the same`, async () => {
    await using bench = await start();
    await bench.load("t", THREE_ROWS, { loadId: "a", ...merge });
    const rows = `SELECT * FROM (VALUES (1, 'old', 1, 5), (1, 'new', 2, 0), (2, 'x', 1, 1), (2, 'y', 1, 2),
      (3, 'z', NULL, 1), (3, 'Z', 0, 0), (4, 'q', 1, 1), (4, 'q', 1, 1)) AS t(id, name, moved, nr)`;
    const keys = { dedup_sort: ["moved", "nr"] };
    const receipt = await bench.load("t", rows, { loadId: "b", ...merge, keys });
    strictEqual(receipt.rows, 4);
    deepStrictEqual(await bench.rowsBack("t", "SELECT id, name FROM raw.back"), [
      '["1","new"]',
      '["2","y"]',
      '["3","Z"]',
      '["4","q"]',
    ]);
    const tied = "SELECT * FROM (VALUES (1, 'x', 9), (1, 'y', 9)) AS t(id, name, moved)";
    const error = await failureOf(() =>
      bench.load("t", tied, { loadId: "c", ...merge, keys: { dedup_sort: ["moved"] } })
    );
    ok(/key \(?"?id"?\)? ?= ?\(?1\)?/.test(error.message), error.message);
  });

  const MARKS = [["a boolean", "true", "false"], ["a number", "1::TINYINT", "0::TINYINT"], [
    "a time",
    "now()",
    "NULL",
  ]];
  for (const [type, yes, no] of MARKS) {
    Deno.test(`${name}: a merge deletes the keys of rows that ${type} marks as deleted`, async () => {
      await using bench = await start();
      await bench.load("t", THREE_ROWS, { loadId: "a", ...merge });
      const rows = `SELECT * FROM (VALUES (1, 'A', ${no}), (2, NULL, ${yes}), (9, NULL, ${yes}),
        (4, 'd', ${no})) AS t(id, name, gone)`;
      const load = { loadId: "b", ...merge, keys: { hard_delete: "gone" } };
      const receipt = await bench.load("t", rows, load);
      deepStrictEqual(
        [receipt.rows, receipt.inserted ?? 1, receipt.updated ?? 1, receipt.deleted],
        [2, 1, 1, 1],
      );
      const expected = ['["1","A"]', '["3","c"]', '["4","d"]'];
      deepStrictEqual(await bench.rowsBack("t"), expected);
      deepStrictEqual(await bench.load("t", rows, load), { ...receipt, repeated: true });
      // A target that is new has nothing to delete.
      await bench.load("u", rows, { ...load, loadId: "c" });
      deepStrictEqual(await bench.rowsBack("u"), ['["1","A"]', '["4","d"]']);
    });
  }

  Deno.test(`${name}: a merge of nothing but deletes deletes, and the last row of a key decides`, async () => {
    await using bench = await start();
    await bench.load("t", THREE_ROWS, { loadId: "a", ...merge });
    const keys = { hard_delete: "gone", dedup_sort: ["moved"] };
    const rows = `SELECT * FROM (VALUES (1, 'x', 1, false), (1, 'x', 2, true), (2, 'y', 1, true),
      (2, 'B', 2, false)) AS t(id, name, moved, gone)`;
    await bench.load("t", rows, { loadId: "b", ...merge, keys });
    deepStrictEqual(await bench.rowsBack("t", "SELECT id, name FROM raw.back"), ['["2","B"]', '["3","c"]']);
    const only = "SELECT 3 AS id, '' AS name, 5 AS moved, true AS gone";
    strictEqual((await bench.load("t", only, { loadId: "c", ...merge, keys })).deleted, 1);
    deepStrictEqual(await bench.rowsBack("t", "SELECT id, name FROM raw.back"), ['["2","B"]']);
    const both = "SELECT * FROM (VALUES (2, 'x', 1, true), (2, 'y', 1, false)) AS t(id, name, moved, gone)";
    const error = await failureOf(() =>
      bench.load("t", both, { loadId: "d", ...merge, keys: { hard_delete: "gone" } })
    );
    ok(error.message.includes("comes 2 times"), error.message);
    deepStrictEqual(await bench.rowsBack("t", "SELECT id, name FROM raw.back"), ['["2","B"]']);
  });

  Deno.test(`${name}: a load that is claimed tells which load was the last before it`, async () => {
    await using bench = await start();
    const idOf = (run: string) => loadIdOf(run, "load:t→it");
    const askAfter = async (ids: readonly string[]) => {
      const { destination } = bench;
      if (destination.kind !== "transactional") throw new Error("it is not transactional");
      const request = { loadId: "now", target: bench.target("t"), ...merge };
      await using load = await destination.begin(request, bench.signal);
      strictEqual(await load.claim(), undefined);
      return await Array.fromAsync(ids, async (id) => await load.isAfter?.(id));
    };
    deepStrictEqual(await askAfter([idOf("a")]), [false]);
    await bench.load("t", THREE_ROWS, { loadId: "a", ...merge });
    await bench.load("u", THREE_ROWS, { loadId: "other", ...merge });
    deepStrictEqual(await askAfter([idOf("a"), "now"]), [true, false]);
    await bench.load("t", OTHER_ROWS, { loadId: "b", ...merge });
    deepStrictEqual(await askAfter([idOf("a"), idOf("b")]), [false, true]);
    await bench.load("t", OTHER_ROWS, { loadId: "c", mode: "replace" });
    deepStrictEqual(await askAfter([idOf("b"), idOf("c")]), [false, true]);
  });

  Deno.test(`${name}: a merge with deletes: hard leaves just the keys of its rows, with the columns that they lack`, async () => {
    await using bench = await start();
    await bench.load("t", "SELECT *, 'n' || id AS note FROM (" + THREE_ROWS + ")", { loadId: "a", ...merge });
    const load = { loadId: "b", ...merge, keys: { deletes: "hard" } };
    const { rows, inserted, updated, deleted } = await bench.load("t", OTHER_ROWS, load);
    deepStrictEqual([rows, inserted, updated, deleted], [2, 0, 2, 1]);
    deepStrictEqual(await bench.rowsBack("t", "SELECT id, name, note FROM raw.back"), [
      '["2","B","n2"]',
      '["3","C","n3"]',
    ]);
  });
}
