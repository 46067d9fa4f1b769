import { deepEqual, equal } from "node:assert/strict";
import { isSameRows, type TableDiff } from "../../../../../contract/plan/table_diff.ts";
import { openDatabase } from "../../../../../engine/duckdb/database.ts";
import { type Compared, compareTables } from "../../../../../engine/worker/comparison/compare_tables.ts";

async function compare(before: string, after: string, more: Partial<Compared> = {}): Promise<TableDiff> {
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [] });
  await using session = await database.session();
  await session.run(`CREATE TABLE "o ""ld" AS ${before}; CREATE TABLE new AS ${after}`);
  return await compareTables(session, {
    before: '"o ""ld"',
    after: "new",
    keys: [],
    samplePercent: null,
    showsRows: true,
    ...more,
  });
}

const textOf = ({ added, removed, changed, key, columns }: TableDiff) => {
  const by = key === null ? "whole rows" : `by ${key.join(", ")}`;
  return `+${added} -${removed} ~${changed ?? "?"} ${by}${
    columns.map(({ name, changed }) => `; ${name} ${changed}`).join("")
  }`;
};

/** Before, after, key, what is found. */
const CASES: Readonly<Record<string, readonly [string, string, readonly string[], string]>> = {
  "the same rows in another order": [
    "SELECT range AS id, 'x' AS v FROM range(100)",
    "SELECT range AS id, 'x' AS v FROM range(100) ORDER BY id DESC",
    ["id"],
    "+0 -0 ~0 by id",
  ],
  "rows that are new, gone and changed": [
    "SELECT * FROM (VALUES (1, 'a', 1.5), (2, 'b', 2.5), (3, 'c', NULL)) t(id, v, n)",
    "SELECT * FROM (VALUES (2, 'B', 2.5), (3, 'C', 3.5), (4, 'd', NULL)) t(id, v, n)",
    ["id"],
    "+1 -1 ~2 by id; v 2; n 1",
  ],
  "NULL as a value like others": [
    "SELECT 1 AS id, NULL::INTEGER AS a, NULL::INTEGER AS b, 3 AS c",
    "SELECT 1 AS id, NULL::INTEGER AS a, 2 AS b, NULL::INTEGER AS c",
    ["id"],
    "+0 -0 ~1 by id; b 1; c 1",
  ],
  "a wider type with the same values": [
    "SELECT range::INTEGER AS id, (range / 4)::DECIMAL(9,2) AS n FROM range(10)",
    "SELECT range::BIGINT AS id, (range / 4)::DECIMAL(18,4) AS n FROM range(10)",
    ["id"],
    "+0 -0 ~0 by id",
  ],
  "another kind of type by its texts": [
    "SELECT 1 AS id, 10 AS n, DATE '2026-01-01' AS d",
    "SELECT 1 AS id, '10' AS n, '2026-01-02' AS d",
    ["id"],
    "+0 -0 ~1 by id; d 1",
  ],
  "values that DuckDB hashes alike": [
    "SELECT 0::HUGEINT AS n, [[1], [2]] AS l, NULL::INTEGER[] AS e",
    "SELECT -1::HUGEINT AS n, [[1, 2]] AS l, []::INTEGER[] AS e",
    [],
    "+1 -1 ~? whole rows",
  ],
  "not a number, and zeroes of both signs": [
    "SELECT 1 AS id, 'nan'::DOUBLE AS n, 0.0::DOUBLE AS z",
    "SELECT 1 AS id, 'nan'::DOUBLE AS n, -0.0::DOUBLE AS z",
    ["id"],
    "+0 -0 ~0 by id",
  ],
  "nested values": [
    "SELECT 1 AS id, {'a': [1, NULL]} AS s, MAP {'k': 1} AS m, '{\"a\": 1}'::JSON AS j, '\\xFF'::BLOB AS b",
    "SELECT 1 AS id, {'a': [1, 2]} AS s, MAP {'k': 1} AS m, '{\"a\": 2}'::JSON AS j, '\\xFE'::BLOB AS b",
    ["id"],
    "+0 -0 ~1 by id; s 1; j 1; b 1",
  ],
  "a key of two columns": [
    "SELECT range % 3 AS a, range AS b, 0 AS n FROM range(9)",
    "SELECT range % 3 AS a, range AS b, (range = 4)::INTEGER AS n FROM range(10)",
    ["a", "B"],
    "+1 -0 ~1 by a, b; n 1",
  ],
  "a key that does not tell rows apart": [
    "SELECT 1 AS id, 'a' AS v UNION ALL SELECT 1, 'b'",
    "SELECT 1 AS id, 'a' AS v",
    ["id"],
    "+0 -1 ~? whole rows",
  ],
  "a key that is NULL": ["SELECT NULL::INTEGER AS id", "SELECT 1 AS id", ["id"], "+1 -1 ~? whole rows"],
  "a key that only one version has": [
    "SELECT 'a' AS v",
    "SELECT 1 AS id, 'a' AS v",
    ["id"],
    "+0 -0 ~? whole rows",
  ],
  "how often a row comes, where there is no key": [
    "SELECT 'a' AS v FROM range(3) UNION ALL SELECT NULL FROM range(2)",
    "SELECT 'a' AS v FROM range(5) UNION ALL SELECT NULL",
    [],
    "+2 -1 ~? whole rows",
  ],
  "empty tables": ["SELECT 1 AS id WHERE false", "SELECT 1 AS id WHERE false", ["id"], "+0 -0 ~0 by id"],
  "all rows where one table is empty": [
    "SELECT 1 AS id WHERE false",
    "SELECT 1 AS id",
    ["id"],
    "+1 -0 ~0 by id",
  ],
  "columns of the names that the comparison uses": [
    'SELECT 1 AS id, 2 AS _sluice_in, 3 AS a, 4 AS b, 5 AS t, 6 AS c0, 7 AS n, 8 AS "q""q"',
    'SELECT 1 AS id, 3 AS _sluice_in, 3 AS a, 4 AS b, 5 AS t, 7 AS c0, 7 AS n, 9 AS "q""q"',
    ["id"],
    '+0 -0 ~1 by id; _sluice_in 1; c0 1; q"q 1',
  ],
  "the same without a key": [
    'SELECT 1 AS n, 2 AS c0, 3 AS "q""q"',
    'SELECT 1 AS n, 2 AS c0, 4 AS "q""q"',
    [],
    "+1 -1 ~? whole rows",
  ],
};

for (const [what, [before, after, key, expected]] of Object.entries(CASES)) {
  Deno.test(`compareTables() finds ${what}`, async () => {
    equal(textOf(await compare(before, after, { keys: [key] })), expected);
  });
}

Deno.test("compareTables() takes the first key that tells the rows of both versions apart", async () => {
  const rows = "SELECT range AS id, range % 2 AS twice, NULLIF(range, 1) AS empty, range AS v FROM range(3)";
  const changed = `SELECT * REPLACE (v + 1 AS v) FROM (${rows})`;
  const found = async (...keys: string[][]) => textOf(await compare(rows, changed, { keys }));
  equal(await found(["twice"], ["empty"], ["gone"], ["id"], ["v"]), "+0 -0 ~3 by id; v 3");
  equal(await found(["twice"], ["empty"]), "+3 -3 ~? whole rows");
});

Deno.test("compareTables() shows some of the rows, before and after, with what is long cut and NULL told apart", async () => {
  const diff = await compare(
    "SELECT range AS id, CASE WHEN range % 2 = 0 THEN 'x' END AS v, repeat('y', 300) AS w FROM range(20)",
    "SELECT range + 10 AS id, 'z' AS v, repeat('y', 300) AS w FROM range(20)",
    { keys: [["id"]] },
  );
  deepEqual(diff.sample_columns, ["id", "v", "w"]);
  deepEqual(diff.sample_changed.map(({ key, cells }) => [key, cells]), [
    ...[10, 11, 12, 13, 14].map((id) => [[String(id)], [
      { column: "v", before: id % 2 === 0 ? "x" : null, after: "z" },
    ]]),
  ]);
  deepEqual(diff.sample_added.map(([id]) => id), ["20", "21", "22", "23", "24"]);
  deepEqual(diff.sample_removed.map(([id, v]) => [id, v]).slice(0, 2), [["0", "x"], ["1", null]]);
  equal(diff.sample_added[0]?.[2], `${"y".repeat(200)}…`);
  const hidden = await compare("SELECT 1 AS id", "SELECT 2 AS id", { keys: [["id"]], showsRows: false });
  deepEqual([hidden.added, hidden.sample_added, hidden.sample_removed], [1, [], []]);
});

Deno.test("compareTables() says which columns it could not compare, and that the rest is the same", async () => {
  const diff = await compare("SELECT 1 AS id, 2 AS old", "SELECT 1 AS id, 3 AS new", { keys: [["id"]] });
  deepEqual([textOf(diff), diff.columns_left_out], ["+0 -0 ~0 by id", ["new", "old"]]);
  equal(isSameRows(diff), true);
  const none = await compare("SELECT 1 AS a FROM range(2)", "SELECT 1 AS b FROM range(3)");
  deepEqual([none.rows_before, none.rows_after, none.added, none.removed], [2, 3, 1, 0]);
});

Deno.test("compareTables() of a sample takes the same rows of both versions", async () => {
  const diff = await compare(
    "SELECT range AS id, 0 AS v FROM range(100000)",
    "SELECT range::INTEGER AS id, 1 AS v FROM range(100000)",
    { keys: [["id"]], samplePercent: 10 },
  );
  deepEqual([diff.added, diff.removed, diff.sample_percent, diff.rows_after], [0, 0, 10, 100_000]);
  equal(Math.abs((diff.changed ?? 0) - 10_000) < 500, true, String(diff.changed));
});
