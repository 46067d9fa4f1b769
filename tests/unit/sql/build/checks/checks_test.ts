import assert from "node:assert/strict";
import { SqlError, type SqlSession } from "../../../../../contract/sql.ts";
import { judge } from "../../../../../sql/build/checks/judge.ts";
import { measureChecks } from "../../../../../sql/build/checks/measure_checks.ts";
import { type CheckResult, runChecks } from "../../../../../sql/build/checks/run_checks.ts";
import { modelChecks } from "../../../../../sql/language/checks/check.ts";
import { model, withSession } from "../../fixtures.ts";

/** The message, and the first row that is kept. */
function withRow({ message, kept }: CheckResult): string {
  const row = kept?.columns.map((name, index) => `${name} = ${kept.rows[0]?.[index] ?? "NULL"}`);
  return row === undefined ? message : `${message}, as ${row.join(", ")}`;
}

/** Runs the checks of `checks: [...]` of column `x` over the values. */
async function outcomes(checks: string, values: string, set = "", columns = "x") {
  return await withSession(async (session) => {
    await session.run(`CREATE TABLE m AS SELECT * FROM (VALUES ${values}) AS t(${columns}); ${set}`);
    const found = modelChecks(
      model("m", `/* @sluice\ncolumns: {x: {checks: [${checks}]}}\n*/ SELECT 1 AS x`),
    );
    return (await runChecks(session, found)).map(withRow);
  });
}

Deno.test("not_null counts the rows without a value", async () => {
  assert.deepEqual(await outcomes("not_null", "(1), (NULL), (NULL)"), [
    "not_null(x): 2 of 3 rows, as x = NULL",
  ]);
  assert.deepEqual(await outcomes("not_null", "(1)"), ["not_null(x): no failures in 1 row"]);
});

Deno.test("unique counts values that come again and leaves NULL out", async () => {
  assert.deepEqual(await outcomes("unique", "(1), (2), (2), (2), (NULL), (NULL)"), [
    "unique(x): 1 value more than once in 6 rows, as x = 2, rows = 3",
  ]);
  assert.deepEqual(await outcomes("unique", "('a'), ('A'), (NULL), (NULL)"), [
    "unique(x): no failures in 4 rows",
  ]);
});

Deno.test("accepted_values compares in the column's own type and leaves NULL out", async () => {
  assert.deepEqual(await outcomes('{accepted_values: [a, "it\'s"]}', "('a'), ('it''s'), ('b'), (NULL)"), [
    "accepted_values(x): 1 of 4 rows, as x = b",
  ]);
  assert.deepEqual(await outcomes("{accepted_values: [1, 2.5]}", "(1), (2.5), (3)"), [
    "accepted_values(x): 1 of 3 rows, as x = 3.0",
  ]);
  assert.deepEqual(
    await outcomes("{accepted_values: [2024-01-01]}", "(DATE '2024-01-01'), (DATE '2024-01-02')"),
    [
      "accepted_values(x): 1 of 2 rows, as x = 2024-01-02",
    ],
  );
  assert.deepEqual(await outcomes("{accepted_values: [1]}", "('1'), ('01')"), [
    "accepted_values(x): 1 of 2 rows, as x = 01",
  ], "a number in the header is a text for a text column");
  assert.deepEqual(await outcomes("{accepted_values: [true]}", "(true), (false)"), [
    "accepted_values(x): 1 of 2 rows, as x = false",
  ]);
});

Deno.test("relationships counts rows without a partner and leaves NULL out", async () => {
  const set = 'CREATE SCHEMA raw; CREATE TABLE raw.parents AS SELECT unnest([1, 2, NULL]) AS "a b"';
  assert.deepEqual(
    await outcomes('{relationships: {to: raw.parents, column: "a b"}}', "(1), (3), (NULL)", set),
    ["relationships(x): 1 of 3 rows, as x = 3"],
  );
});

Deno.test("sql counts rows for which it is false; NULL passes as in a CHECK of SQL", async () => {
  assert.deepEqual(await outcomes("{sql: x >= 0 -- or so}", "(1), (-1), (NULL)"), [
    "sql(x >= 0 -- or so): 1 of 3 rows, as x = -1",
  ]);
  assert.deepEqual(await outcomes("{sql: x > 1 OR x < 0, name: far}", "(1), (-1)"), [
    "far: 1 of 2 rows, as x = 1",
  ]);
});

Deno.test("modelChecks() gives each check its own name, severity and place", () => {
  const checks = modelChecks(model(
    "m",
    `/* @sluice
columns:
  day: {checks: [not_null, {sql: a > 1}, {sql: b > 1, severity: warn}, {sql: c, name: sql_day_3}, {sql: d}]}
  "a-b": {checks: [not_null]}
  a_b: {checks: [not_null]}
  größe: {checks: [unique]}
checks:
  - sql: SELECT 1;
  - {name: check_1, sql: SELECT 2, severity: warn}
*/ SELECT 1`,
  ));
  assert.deepEqual(checks.map(({ name }) => name), [
    "not_null_day",
    "sql_day",
    "sql_day_2",
    "sql_day_3",
    "sql_day_4",
    "not_null_a_b",
    "not_null_a_b_2",
    "unique_größe",
    "check_1_2",
    "check_1",
  ]);
  assert.deepEqual(checks.filter(({ severity }) => severity === "warn").map(({ name }) => name), [
    "sql_day_2",
    "check_1",
  ]);
  assert.deepEqual(checks[2]?.path, ["columns", "day", "checks", 2]);
  assert.deepEqual(checks[9]?.path, ["checks", 1]);
});

Deno.test("runChecks() keeps the first hundred rows that fail, as texts that are cut", async () => {
  await withSession(async (session) => {
    await session.run("CREATE TABLE m AS SELECT range AS n, repeat('x', 600) AS t FROM range(200)");
    const [result] = await runChecks(
      session,
      modelChecks(model(
        "m",
        "/* @sluice\nchecks:\n  - name: small\n    sql: |\n      -- all but\n      SELECT * FROM m WHERE n > 1; -- two\n*/ SELECT 1",
      )),
    );
    assert.equal(result?.failures, 198);
    assert.equal(result?.message, "small: 198 rows");
    assert.deepEqual(result?.kept?.columns, ["n", "t"]);
    assert.equal(result?.kept?.rows.length, 100);
    assert.deepEqual(result?.kept?.rows[0], ["2", `${"x".repeat(500)}…`]);
  });
});

Deno.test("runChecks() takes names of every kind", async () => {
  await withSession(async (session) => {
    await session.run('CREATE TABLE "select" AS SELECT 1 AS "a""b", NULL AS "_child"');
    const checks = modelChecks(model(
      "select",
      '/* @sluice\ncolumns:\n  "a\\"b": {checks: [not_null, unique, {relationships: {to: select, column: "a\\"b"}}]}\n' +
        "  _child: {checks: [unique, {relationships: {to: select, column: _child}}]}\n*/ SELECT 1",
    ));
    for (const { check, failures } of await runChecks(session, checks)) assert.equal(failures, 0, check.name);
  });
});

Deno.test("runChecks() throws where a check cannot run, and says which", async () => {
  await withSession(async (session) => {
    await session.run("CREATE TABLE m AS SELECT 'a' AS x");
    const checks = modelChecks(
      model("m", "/* @sluice\ncolumns: {x: {checks: [not_null, {sql: x::INTEGER > 1}]}}\n*/ SELECT 1"),
    );
    await assert.rejects(
      runChecks(session, checks),
      (error) =>
        error instanceof SqlError && error.message.startsWith("sql(x::INTEGER > 1) cannot be computed: "),
    );
  });
});

Deno.test("range, pattern, length and not_accepted_values look at each value beside NULL", async () => {
  assert.deepEqual(
    await outcomes(
      "{range: {min: 0, max: 10}}, {range: {min: 0, max: 10, exclusive: true}}",
      "(0), (10), (11), (NULL)",
    ),
    ["range(x): 1 of 4 rows, as x = 11", "range(x): 3 of 4 rows, as x = 0"],
  );
  assert.deepEqual(await outcomes("{range: {max: 1.5}}", "(1), (2)"), [
    "range(x): 1 of 2 rows, as x = 2",
  ], "1.5 is not rounded to the column's type");
  assert.deepEqual(await outcomes("{range: {min: 2024-01-01}}", "(DATE '2023-12-31'), (DATE '2024-01-01')"), [
    "range(x): 1 of 2 rows, as x = 2023-12-31",
  ]);
  assert.deepEqual(await outcomes("{pattern: '^[A-Z]{2}$'}", "('DE'), ('De'), ('it''s'), (NULL)"), [
    "pattern(x): 2 of 4 rows, as x = De",
  ]);
  assert.deepEqual(await outcomes("{length: 2}, {length: {min: 3}}", "('DE'), ('a'), (NULL)"), [
    "length(x): 1 of 3 rows, as x = a",
    "length(x): 2 of 3 rows, as x = DE",
  ]);
  assert.deepEqual(await outcomes("{not_accepted_values: [a, '']}", "('a'), (''), ('b'), (NULL)"), [
    "not_accepted_values(x): 2 of 4 rows, as x = a",
  ]);
});

Deno.test("where says which rows are looked at, and counts for shares", async () => {
  assert.deepEqual(
    await outcomes(
      "{not_null: true, where: y > 0}, {unique: true, where: y > 0 -- positive}, " +
        "{range: {max: 1}, where: y > 0, error_if: '> 50%'}, {relationships: {to: m, column: x}, where: y > 0}",
      "(NULL, 0), (5, 1), (1, 2), (1, -1)",
      "",
      "x, y",
    ),
    [
      "not_null(x): no failures in 2 rows",
      "unique(x): no failures in 4 rows",
      "range(x): 1 of 2 rows, as x = 5, y = 1",
      "relationships(x): no failures in 4 rows",
    ],
  );
});

/** The states of checks of the whole table `m` over `values` of `x, y`. */
async function states(checks: string, values: string, set = "") {
  return await withSession(async (session) => {
    await session.run(`CREATE TABLE m AS SELECT * FROM (VALUES ${values}) AS t(x, y); ${set}`);
    const found = modelChecks(model("m", `/* @sluice\nchecks: [${checks}]\n*/ SELECT 1 AS x`));
    return (await runChecks(session, found)).map((result) => `${result.state} ${withRow(result)}`);
  });
}

Deno.test("thresholds decide between error, warning and neither, as dbt's do", async () => {
  const values = "(1, 1), (2, 2), (NULL, 3), (NULL, 4)";
  assert.deepEqual(
    await states(
      "{column: x, not_null: true, error_if: '> 1'}, {column: x, not_null: true, error_if: '> 2'}, " +
        "{column: x, not_null: true, error_if: '> 2', warn_if: '> 2'}, {column: x, not_null: true, error_if: '>= 50%'}, " +
        "{column: x, not_null: true, severity: warn, warn_if: '> 50%'}, {column: y, not_null: true, error_if: '= 0'}",
      values,
    ),
    [
      "failed not_null(x): 2 of 4 rows (> 1), as x = NULL, y = 3",
      "warned not_null(x): 2 of 4 rows, as x = NULL, y = 3",
      "passed not_null(x): 2 of 4 rows, which its thresholds allow, as x = NULL, y = 3",
      "failed not_null(x): 2 of 4 rows (>= 50%), as x = NULL, y = 3",
      "passed not_null(x): 2 of 4 rows, which its thresholds allow, as x = NULL, y = 3",
      "failed not_null(y): no failures in 4 rows (= 0)",
    ],
  );
});

Deno.test("unique with a list takes columns together, and NULL for a value", async () => {
  assert.deepEqual(await states("{unique: [x, y]}", "(1, 1), (1, 2), (2, NULL), (2, NULL)"), [
    "failed unique(x, y): 1 combination more than once in 4 rows, as x = 2, y = NULL, rows = 2",
  ]);
  assert.deepEqual(await states("{unique: [x, y]}", "(1, 1), (1, 2)"), [
    "passed unique(x, y): no failures in 2 rows",
  ]);
});

Deno.test("row_count compares with numbers and with another table", async () => {
  assert.deepEqual(
    await states(
      "{row_count: {min: 3}}, {row_count: {max: 1, equal_to: raw.o}}, {row_count: {equal_to: raw.o}, where: x > 1}",
      "(1, 1), (2, 2)",
      "CREATE SCHEMA raw; CREATE TABLE raw.o AS SELECT 1 AS a",
    ),
    [
      "failed row_count: 2 rows, expected at least 3",
      "failed row_count: 2 rows, expected at most 1 and 1 as in raw.o",
      "passed row_count: 1 row",
    ],
  );
});

Deno.test("recency and freshness look back from the run's moment", async () => {
  const moment = "SET VARIABLE run_start = TIMESTAMPTZ '2024-01-03 12:00:00+00'";
  assert.deepEqual(
    await states(
      "{column: x, recency: 2d}, {column: x, recency: 3d}, {freshness: {column: y, warn_after: 12h, error_after: 2d}}, " +
        "{freshness: {column: y, error_after: 12h}, severity: warn}, {freshness: {column: y, error_after: 1d}, where: x IS NULL}",
      "(DATE '2024-01-01', TIMESTAMP '2024-01-02 12:00:00')",
      moment,
    ),
    [
      "failed recency(x): the newest value is 2024-01-01, 2 d 12 h before the run's moment, expected at most 2 d 0 h",
      "passed recency(x): the newest value is 2024-01-01, 2 d 12 h before the run's moment",
      "warned freshness(y): the newest value is 2024-01-02 12:00:00, 1 d 0 h before the run's moment, expected at most 12 h 00 m",
      "warned freshness(y): the newest value is 2024-01-02 12:00:00, 1 d 0 h before the run's moment, expected at most 12 h 00 m",
      "failed freshness(y): there is no value, so nothing is recent",
    ],
  );
});

Deno.test("change compares with the runs before, and passes while there are too few", () => {
  const [share, score, down] = modelChecks(model(
    "m",
    "/* @sluice\nchecks: [{change: {max: 50%}}, {change: {metric: sum(a), z_score: 2, runs: 4}}, " +
      "{change: {max: 10%, direction: down, since: 2024-02-01, min_runs: 1}}]\n*/ SELECT 1",
  ));
  assert.ok(share !== undefined && score !== undefined && down !== undefined);
  const past = (...values: number[]) =>
    values.map((value, index) => ({ value, atMs: Date.UTC(2024, 0, 60 - index) }));
  const judged = (check: typeof share, value: number | null, ...before: number[]) => {
    const { state, message } = judge(check, { failures: 0, total: 0, values: { value } }, past(...before));
    return `${state} ${message}`;
  };
  assert.deepEqual([
    judged(share, 10, 100, 100),
    judged(share, 150, 100, 100, 100),
    judged(share, 151, 100, 100, 100),
    judged(share, 0, 100, 100, 100),
    judged(share, 0, 0, 0, 0),
    judged(share, 1, 0, 0, 0),
    judged(score, 100.5, 99, 101, 100, 100, 1e9),
    judged(score, 110, 99, 101, 100, 100, 1e9),
    judged(score, 7, 5, 5, 5),
    judged(score, null, 5, 5, 5),
    judged(down, 200, 100),
    judged(down, 80, 100),
  ], [
    "passed change(row_count): 10; not compared yet, there are 2 of 3 earlier runs",
    "passed change(row_count): 150 is 50 % more than the mean of 3 earlier runs (100)",
    "failed change(row_count): 151 is 51 % more than the mean of 3 earlier runs (100), expected at most 50 %",
    "failed change(row_count): 0 is 100 % less than the mean of 3 earlier runs (100), expected at most 50 %",
    "passed change(row_count): 0, as the mean of 3 earlier runs (0)",
    "failed change(row_count): 1 is any share more than the mean of 3 earlier runs (0), expected at most 50 %",
    "passed change(sum(a)): 100.5 is 0.6124 standard deviations more than the mean of 4 earlier runs (100)",
    "failed change(sum(a)): 110 is 12.25 standard deviations more than the mean of 4 earlier runs (100), expected at most 2",
    "failed change(sum(a)): 7 is any standard deviations more than the mean of 3 earlier runs (5), expected at most 2",
    "failed change(sum(a)): the metric is NULL",
    "passed change(row_count): 200 is 100 % more than the mean of 1 earlier run (100)",
    "failed change(row_count): 80 is 20 % less than the mean of 1 earlier run (100), expected at most 10 %",
  ]);
});

Deno.test("all checks of rows and aggregates of a table take one pass over it", async () => {
  await withSession(async (session: SqlSession) => {
    await session.run("CREATE TABLE m AS SELECT range AS x, range % 7 AS y FROM range(100)");
    const asked: string[] = [];
    const counting = {
      ...session,
      rows: (sql: string) => {
        asked.push(sql);
        return session.rows(sql);
      },
    };
    const checks = modelChecks(model(
      "m",
      "/* @sluice\ncolumns: {x: {checks: [not_null, {range: {min: 0}}, {sql: x < 100}, {accepted_values: [1]}]}}\n" +
        "checks: [{row_count: {min: 1}}, {expression: x >= y}, {change: {max: 1%}}, {column: x, unique: true}]\n*/ SELECT 1",
    ));
    const measured = await measureChecks(counting, checks);
    assert.deepEqual([...measured.values()].map(({ failures }) => failures), [0, 0, 0, 99, 0, 0, 0, 0]);
    assert.equal(asked.length, 2, "one pass, and one for unique");
  });
});
