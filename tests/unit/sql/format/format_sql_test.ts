import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { formatSql } from "../../../../sql/format/format_sql.ts";
import { withSession } from "../fixtures.ts";

async function formatted(sql: string): Promise<string> {
  let text = "";
  await withSession(async (session) => {
    const outcome = await formatSql(session, sql);
    ok("text" in outcome, JSON.stringify(outcome));
    text = outcome.text;
    deepStrictEqual(await formatSql(session, text), { text }, "what is formatted stays so");
  });
  return text;
}

async function kept(sql: string): Promise<string> {
  let reason = "";
  await withSession(async (session) => {
    const outcome = await formatSql(session, sql);
    ok("kept" in outcome, JSON.stringify(outcome));
    reason = outcome.kept;
  });
  return reason;
}

Deno.test("the header and what stands before the SQL stay byte for byte, all else is set out", async () => {
  const header = "-- by   hand\n/* @sluice\ncolumns:\n    day:   { checks: [not_null] }   \n*/\n";
  strictEqual(
    await formatted(
      `${header}\n\nselect ordered_at::date as day,   sum(amount) as revenue from raw.orders group by day`,
    ),
    `${header}\nSELECT\n  ordered_at::date AS day,\n  sum(amount) AS revenue\nFROM\n  raw.orders\nGROUP BY\n  day\n`
      .replace("*/\n\n", "*/\n"),
  );
});

Deno.test("comments keep their places, and brackets their blanks", async () => {
  const text = await formatted(
    "select a, -- the first\n /* two */ my_macro(b) as b, count(*) filter (where c), [1,2][1], getvariable('x') from t -- end",
  );
  match(text, /a, -- the first\n/);
  match(text, /\/\* two \*\/\s+my_macro\(b\) AS b/);
  match(text, /filter \(/);
  match(text, /\[1, 2\]\[1\]/);
  match(text, /getvariable\('x'\)/);
  match(text, /t -- end\n$/);
});

Deno.test("a column that is called as a keyword keeps its case: it is another name in upper case", async () => {
  match(await formatted("select date, year from t"), /date,\s+year/);
});

Deno.test("line breaks stay those of the file, and texts with line breaks stay as they are", async () => {
  const text = await formatted("-- one\r\nselect 1 as a,\r\n 'b\r\nc' as b\r\n");
  ok(!/[^\r]\n/.test(text));
  match(text, /'b\r\nc'/);
});

Deno.test("DuckDB's own syntax is known", async () => {
  for (
    const sql of [
      "FROM orders SELECT * EXCLUDE (a) REPLACE (b + 1 AS b)",
      "SELECT COLUMNS('x.*') FROM t",
      "PIVOT t ON y IN (2020, 2021) USING sum(v)",
      "SELECT {'a': 1}.a, MAP {'k': 2}, x -> x + 1, s['k'], $$ it's $$, 1_000 FROM t",
      "SELECT * FROM a ASOF JOIN b USING (k, ts) QUALIFY row_number() OVER (PARTITION BY k ORDER BY ts) = 1",
      "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT * FROM t GROUP BY ALL",
      "SELECT x // 2, x ** 2, a IS NOT DISTINCT FROM b FROM t TABLESAMPLE 10%",
    ]
  ) await formatted(sql);
});

Deno.test("operators and columns by their numbers are known, and words of set operations stay together", async () => {
  const text = await formatted(
    "select #1, @ x, l && m, l <@ m, l @> m from t union all by name select 2 order by #2",
  );
  match(text, /#1,\s+@ x,\s+l && m,\s+l <@ m,\s+l @> m/);
  match(text, /UNION ALL BY NAME/);
});

Deno.test("a text with line breaks of another kind than its file's keeps its value", async () => {
  match(await kept("select 'a\nb' as x,\r\n 1 as y\r\n"), /line breaks of another kind/);
  match(await kept("select 'a\rb' as x"), /would change/);
  match(await kept("select 'a\0b'"), /NUL/);
});

Deno.test("a column of a macro keeps its name's case, too", async () => {
  match(await formatted("create macro m() as table select a as lateral from t"), /lateral/);
  match(await formatted("insert into x select a as lateral from t"), /lateral/);
});

Deno.test("macros are formatted by their words", async () => {
  match(
    await formatted("create macro plus(a, b := 2) as a + b;"),
    /CREATE MACRO plus\(a, b := 2\) AS a \+ b;/i,
  );
});

Deno.test("what is no SQL, or none that the formatter knows, stays as it is", async () => {
  match(await kept("/* @sluice\n*/\n"), /no SQL/);
  match(await kept("select {{ ref('x') }} from t"), /does not parse/);
  match(await kept("select 'open"), /does not know/);
});
