import assert from "node:assert/strict";
import { SqlError } from "../../../../contract/sql.ts";
import { checksOf } from "../../../../sql/language/checks.ts";
import { checkMessage, runCheck } from "../../../../sql/build/run_check.ts";
import { model, withSession } from "../fixtures.ts";

/** Runs the checks of `checks: [...]` of column `x` over the values. */
async function outcomes(checks: string, values: string, set = "") {
  return await withSession(async (session) => {
    await session.run(`CREATE TABLE m AS SELECT x FROM (VALUES ${values}) AS t(x); ${set}`);
    const found = checksOf(model("m", `/* @sluice\ncolumns: {x: {checks: [${checks}]}}\n*/ SELECT 1 AS x`));
    const texts: string[] = [];
    for (const check of found) texts.push(checkMessage(check, await runCheck(session, check)));
    return texts;
  });
}

Deno.test("not_null counts the rows without a value", async () => {
  assert.deepEqual(await outcomes("not_null", "(1), (NULL), (NULL)"), [
    "not_null(x): 2 of 3 rows, for example x = NULL",
  ]);
  assert.deepEqual(await outcomes("not_null", "(1)"), ["not_null(x): no failures in 1 row"]);
});

Deno.test("unique counts values that come again and leaves NULL out", async () => {
  assert.deepEqual(await outcomes("unique", "(1), (2), (2), (2), (NULL), (NULL)"), [
    "unique(x): 1 value more than once in 6 rows, for example x = 2, rows = 3",
  ]);
  assert.deepEqual(await outcomes("unique", "('a'), ('A'), (NULL), (NULL)"), [
    "unique(x): no failures in 4 rows",
  ]);
});

Deno.test("accepted_values compares in the column's own type and leaves NULL out", async () => {
  assert.deepEqual(await outcomes('{accepted_values: [a, "it\'s"]}', "('a'), ('it''s'), ('b'), (NULL)"), [
    'accepted_values(x): 1 of 4 rows, for example x = "b"',
  ]);
  assert.deepEqual(await outcomes("{accepted_values: [1, 2.5]}", "(1), (2.5), (3)"), [
    'accepted_values(x): 1 of 3 rows, for example x = "3.0"',
  ]);
  assert.deepEqual(
    await outcomes("{accepted_values: [2024-01-01]}", "(DATE '2024-01-01'), (DATE '2024-01-02')"),
    [
      'accepted_values(x): 1 of 2 rows, for example x = "2024-01-02"',
    ],
  );
  assert.deepEqual(await outcomes("{accepted_values: [1]}", "('1'), ('01')"), [
    'accepted_values(x): 1 of 2 rows, for example x = "01"',
  ], "a number in the header is a text for a text column");
  assert.deepEqual(await outcomes("{accepted_values: [true]}", "(true), (false)"), [
    "accepted_values(x): 1 of 2 rows, for example x = false",
  ]);
});

Deno.test("relationships counts rows without a partner and leaves NULL out", async () => {
  const set = 'CREATE SCHEMA raw; CREATE TABLE raw.parents AS SELECT unnest([1, 2, NULL]) AS "a b"';
  assert.deepEqual(
    await outcomes('{relationships: {to: raw.parents, column: "a b"}}', "(1), (3), (NULL)", set),
    ["relationships(x): 1 of 3 rows, for example x = 3"],
  );
});

Deno.test("sql counts rows for which it is false; NULL passes as in a CHECK of SQL", async () => {
  assert.deepEqual(await outcomes("{sql: x >= 0 -- or so}", "(1), (-1), (NULL)"), [
    "sql(x >= 0 -- or so): 1 of 3 rows, for example x = -1",
  ]);
  assert.deepEqual(await outcomes("{sql: x > 1 OR x < 0, name: far}", "(1), (-1)"), [
    "far: 1 of 2 rows, for example x = 1",
  ]);
});

Deno.test("checksOf() gives each check its own name, severity and place", () => {
  const checks = checksOf(model(
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
  assert.deepEqual(checks[2]?.headerPath, ["columns", "day", "checks", 2]);
  assert.deepEqual(checks[9]?.headerPath, ["checks", 1]);
});

Deno.test("runCheck() answers at most five rows of a query's failures", async () => {
  await withSession(async (session) => {
    await session.run("CREATE TABLE m AS SELECT range AS n, repeat('x', 100) AS t FROM range(10)");
    const [check] = checksOf(model(
      "m",
      "/* @sluice\nchecks:\n  - name: small\n    sql: |\n      -- all but\n      SELECT * FROM m WHERE n > 1; -- two\n*/ SELECT 1",
    ));
    assert.ok(check !== undefined);
    const result = await runCheck(session, check);
    assert.equal(result.failures, 8);
    assert.equal(result.total, 10);
    assert.equal(result.sample.length, 5);
    assert.equal(checkMessage(check, result), `small: 8 rows, for example n = 2, t = "${"x".repeat(59)}…`);
  });
});

Deno.test("runCheck() takes names of every kind", async () => {
  await withSession(async (session) => {
    await session.run('CREATE TABLE "select" AS SELECT 1 AS "a""b", NULL AS "_child"');
    const checks = checksOf(model(
      "select",
      '/* @sluice\ncolumns:\n  "a\\"b": {checks: [not_null, unique, {relationships: {to: select, column: "a\\"b"}}]}\n' +
        "  _child: {checks: [unique, {relationships: {to: select, column: _child}}]}\n*/ SELECT 1",
    ));
    for (const check of checks) assert.equal((await runCheck(session, check)).failures, 0, check.name);
  });
});

Deno.test("runCheck() throws where a check cannot run", async () => {
  await withSession(async (session) => {
    await session.run("CREATE TABLE m AS SELECT 'a' AS x");
    const [check] = checksOf(
      model("m", "/* @sluice\ncolumns: {x: {checks: [{sql: x::INTEGER > 1}]}}\n*/ SELECT 1"),
    );
    assert.ok(check !== undefined);
    await assert.rejects(runCheck(session, check), SqlError);
  });
});
