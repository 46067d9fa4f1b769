import { deepEqual, equal, ok } from "node:assert/strict";
import type { TablePreview } from "../../../../contract/table.ts";
import { type Attempt, JobProject, rows } from "./job_fixture.ts";

const read = async function* ({ streams: [asked] }: { streams: readonly { name: string }[] }) {
  const many = Array.from({ length: 60 }, (_, i) => [i, `x${i}`] as const);
  yield await Promise.resolve(rows(asked?.name ?? "", ...many));
};

const tablesOf = ({ reports }: Attempt): Map<string, TablePreview> =>
  new Map(reports.flatMap((report) => report.type === "table" ? [[report.table.name, report.table]] : []));

Deno.test("a run tells of each table that it writes: columns, count, cursor and the first rows", async () => {
  await using project = await JobProject.create();
  const stream = {
    connector: "it",
    mode: "incremental",
    primary_key: ["id"],
    update_key: "id",
    description: "What comes in.",
    mask: { x: "redact" },
  };
  const attempt = await project.attempt({ read }, { extract: { s: stream } }, {
    daily:
      "/* @sluice\ndescription: Each day.\ncolumns: { id: { description: Which. } }\n*/\nSELECT id, x FROM raw.s WHERE id < 2",
    lazy: "/* @sluice\nmaterialized: view\n*/\nSELECT count(*) AS n FROM raw.s",
  });
  equal(attempt.error, undefined);
  const tables = tablesOf(attempt);
  const raw = tables.get("raw.s");
  deepEqual(raw?.columns.map(({ name, type }) => `${name} ${type}`), ["id INTEGER", "x VARCHAR"]);
  equal(raw?.rows.length, 50);
  ok(raw?.rows.every(([, masked]) => !masked?.startsWith("x")), "masked columns stay masked");
  deepEqual([raw?.row_count, raw?.description, raw?.step, raw?.run], [
    60,
    "What comes in.",
    "extract:s",
    "run1",
  ]);
  deepEqual(raw?.cursor, { column: "id", value: "59", type: "INTEGER" });
  equal(raw?.changed_at, attempt.steps.get("extract:s")?.finished_at);
  const daily = tables.get("daily");
  deepEqual(daily?.rows.map(([id]) => id), ["0", "1"]);
  deepEqual([daily?.row_count, daily?.description, daily?.columns[0]?.description], [
    2,
    "Each day.",
    "Which.",
  ]);
  const lazy = tables.get("lazy");
  deepEqual([lazy?.rows, lazy?.row_count, lazy?.note], [[["60"]], null, null]);
});

Deno.test("cells are texts of a length that a person reads, whatever is in them", async () => {
  await using project = await JobProject.create();
  const attempt = await project.attempt({ read }, {}, {
    odd:
      `SELECT repeat('ä😀', 500) AS wide, '\\x00\\xFFabc'::BLOB AS bytes, repeat('z', 100)::BLOB AS long_bytes,
      [1, NULL] AS list, {'a': 1.50::DECIMAL(5,2)} AS struct, 170141183460469231731687303715884105727 AS huge,
      'nan'::DOUBLE AS nan, NULL::INTEGER AS none, '' AS empty, TIMESTAMPTZ '2026-01-02 03:04:05+00' AS at,
      1 AS "quoted ""name"""`,
    none: "SELECT 1 AS n WHERE false",
  });
  equal(attempt.error, undefined);
  const odd = tablesOf(attempt).get("odd");
  const [row = []] = odd?.rows ?? [];
  const cells = Object.fromEntries(odd?.columns.map(({ name }, index) => [name, row[index]]) ?? []);
  equal([...cells["wide"] ?? ""].length, 201);
  equal(cells["wide"]?.at(-1), "…");
  equal(cells["bytes"], "\\x00ff616263");
  equal(cells["long_bytes"], `\\x${"7a".repeat(64)}…`);
  deepEqual([cells["list"], cells["struct"]], ["[1, NULL]", "{'a': 1.50}"]);
  deepEqual([cells["huge"], cells["nan"]], ["170141183460469231731687303715884105727", "nan"]);
  deepEqual([cells["none"], cells["empty"], cells['quoted "name"']], [null, "", "1"]);
  deepEqual([tablesOf(attempt).get("none")?.rows, tablesOf(attempt).get("none")?.row_count], [[], 0]);
});

Deno.test("a wide table has fewer rows in its preview", async () => {
  await using project = await JobProject.create();
  const columns = Array.from({ length: 1_000 }, (_, i) => `i AS c${i}`).join(", ");
  const attempt = await project.attempt({ read }, {}, { wide: `SELECT ${columns} FROM range(100) t(i)` });
  equal(tablesOf(attempt).get("wide")?.rows.length, 10);
});

Deno.test("a view that takes too long or fails shows its columns alone, and fails no step", async () => {
  await using project = await JobProject.create();
  const view = (sql: string) => `/* @sluice\nmaterialized: view\n*/\n${sql}`;
  const attempt = await project.attempt({ read }, {}, {
    broken: view("SELECT error('no') AS e"),
    // Behind the other one: it uses up all the time that there is for previews.
    endless: view(
      "SELECT count(*) AS n FROM range(50000000000) a(i) WHERE hash(i) % 7 = 8 AND NOT EXISTS (FROM broken LIMIT 0)",
    ),
  });
  equal(attempt.error, undefined);
  const tables = tablesOf(attempt);
  deepEqual([tables.get("broken")?.rows, tables.get("broken")?.note], [[], "Its rows cannot be shown"]);
  equal(tables.get("endless")?.note, "Reading it took too long for a preview");
  deepEqual(tables.get("endless")?.columns.map(({ name }) => name), ["n"]);
});

Deno.test("what an earlier attempt committed is told again, as it is now", async () => {
  await using project = await JobProject.create();
  const definition = { extract: { s: { connector: "it" } } };
  await project.attempt({ read }, definition);
  const again = await project.attempt({ read }, definition, {}, { attempt: 2 });
  equal(tablesOf(again).get("raw.s")?.row_count, 60);
});

Deno.test("rows that are too wide to look at are not read", async () => {
  await using project = await JobProject.create();
  const wide = async function* () {
    yield await Promise.resolve(rows("s", [1, "x".repeat(100_000)]));
  };
  const attempt = await project.attempt({ read: wide }, { extract: { s: { connector: "it" } } });
  const table = tablesOf(attempt).get("raw.s");
  deepEqual([table?.rows, table?.row_count, table?.note], [[], 1, "Its rows are too wide for a preview"]);
});
