import assert from "node:assert/strict";
import { buildGraph } from "../../../../sql/language/graph/analyze_graph.ts";
import { parseMacros } from "../../../../sql/language/macros/parse_macros.ts";
import { columns, compileModels, faultsOf, models, withSession } from "../fixtures.ts";

const macrosOf = (files: Readonly<Record<string, string>>) =>
  Object.entries(files).flatMap(([name, content]) =>
    parseMacros({ path: `macros/${name}.sql`, content }).statements.map(({ macro }) => macro)
  );

const compileWith = (
  macros: Readonly<Record<string, string>>,
  sqls: Readonly<Record<string, string>>,
  more: Parameters<typeof compileModels>[1] = {},
) => compileModels(sqls, { macros: macrosOf(macros), ...more });

const STREAMS = { orders: columns("id INTEGER, amount DECIMAL(9,2), day DATE") };

Deno.test("models and checks call macros: scalar ones, tables, with defaults, overloaded, through others", async () => {
  const { texts, columns: found, graph } = await compileWith({
    money: `CREATE MACRO net(gross, rate := 0.2) AS round(gross / factor(rate), 2);
CREATE MACRO factor(rate) AS 1 + rate;
CREATE MACRO label(a) AS upper(a), (a, b) AS upper(a) || b;`,
    days: `CREATE MACRO since(first) AS TABLE SELECT * FROM raw.orders WHERE day >= first;
CREATE MACRO latest() AS (SELECT max(day) FROM daily);`,
  }, {
    daily:
      "SELECT day, sum(net(amount)) AS net, label('a', 'b') AS l FROM since(DATE '2024-01-01') GROUP BY day",
    report: `/* @sluice
checks:
  - { name: late, sql: SELECT * FROM report WHERE day > latest() }
columns:
  net: { checks: [{ sql: factor(net) > 0 }] }
*/
SELECT day, net FROM daily WHERE day = latest()`,
  }, { streams: STREAMS });
  assert.deepEqual(texts, []);
  assert.deepEqual(found["daily"]?.map(({ type }) => type).slice(0, 2), ["DATE", "DOUBLE"]);
  assert.deepEqual(graph.nodes.get("model:daily")?.depends, ["extract:orders"]);
  assert.deepEqual(graph.nodes.get("model:report")?.depends, ["model:daily"]);
  const called = Object.fromEntries(
    [...graph.macros].map(([step, list]) => [step, list.map(({ name }) => name)]),
  );
  assert.deepEqual(called, {
    "model:daily": ["factor", "label", "net", "since"],
    "model:report": ["latest"],
    "check:report.late": ["latest"],
    "check:report.sql_net": ["factor"],
  });
  assert.deepEqual(graph.checkDepends.get("check:report.late"), ["model:daily", "model:report"]);
});

Deno.test("what is wrong in a macro stands at its place in its file, once", async () => {
  const { texts } = await compileWith({
    a: "CREATE MACRO misspelt(a) AS\n  uper(a);\nCREATE MACRO missing() AS TABLE SELECT *\nFROM nowhere;",
    b: "CREATE MACRO col() AS TABLE\n  SELECT amuont FROM raw.orders;\nCREATE MACRO bad(a) AS a +;",
    c: "CREATE MACRO abs(a) AS a; CREATE MACRO coalesce(a) AS a; CREATE MACRO values(a) AS a;",
    d: "CREATE MACRO one(a) AS two(a);\nCREATE MACRO two(a) AS one(a);\nCREATE MACRO three(a) AS two(a);",
    e: "CREATE MACRO var() AS getvariable('no_such');",
  }, {
    m1: "SELECT misspelt('a') AS a, abs(1) AS b",
    m2: "SELECT misspelt('a') AS a, coalesce(1, 2) AS c",
    m3: "SELECT * FROM missing()",
    m4: 'SELECT *, "values"(1) AS v FROM missing()',
    m5: "SELECT * FROM col()",
    m6: "SELECT bad(1) AS x, three(1) AS y, var() AS z",
    reader: "SELECT * FROM m1 JOIN m3 ON true",
  }, { streams: STREAMS });
  assert.deepEqual(texts.map((text) => text.replace(/ \(did you mean.*\)$/, "")), [
    "a.sql:2:3 function uper does not exist",
    "a.sql:4:6 table nowhere does not exist",
    'b.sql:2:10 column "amuont" does not exist',
    'b.sql:3:27 syntax error at or near ")"',
    "c.sql:1:14 abs is a function or a word of DuckDB's own: give the macro another name",
    "c.sql:1:40 coalesce is a function or a word of DuckDB's own: give the macro another name",
    "c.sql:1:71 values is a function or a word of DuckDB's own: give the macro another name",
    "d.sql:2:14 macros call each other in a circle: one → two → one",
    "e.sql:1:23 there is no variable or param no_such",
  ]);
});

Deno.test("a macro is no way around what SQL may not do", async () => {
  const { texts } = await compileWith({
    out: `CREATE MACRO files(p) AS TABLE SELECT * FROM read_text(p);
CREATE MACRO env(n := getenv('HOME')) AS n;
CREATE MACRO tell(a) AS (SELECT count(*) FROM enable_logging(storage := a));
CREATE MACRO carrier(q) AS TABLE FROM query(q);
CREATE MACRO any_table(t) AS TABLE FROM query_table(t);
CREATE MACRO file() AS TABLE FROM '/etc/passwd';`,
    through: "CREATE MACRO innocent() AS TABLE SELECT * FROM files('/etc/passwd')",
  }, {
    a: "SELECT * FROM innocent()",
    b: "SELECT env() AS e",
    c: "SELECT tell('stdout') AS l",
    d: "SELECT * FROM carrier('SELECT 1')",
    e: "SELECT * FROM any_table('a')",
    f: "SELECT * FROM file()",
    g: "/* @sluice\nchecks: [{ sql: SELECT * FROM innocent() }]\n*/ SELECT 1 AS x",
  });
  assert.deepEqual(texts.map((text) => text.replace(/: .*$/, "")), [
    "out.sql:1:46 read_text() cannot be called here",
    "out.sql:2:23 getenv() cannot be called here",
    "out.sql:3:47 enable_logging() cannot be called here",
    "out.sql:4:39 query() cannot be called here",
    "out.sql:5:41 query_table() cannot be called here",
    'out.sql:6:35 "/etc/passwd" is no table',
  ]);
});

Deno.test("a macro that only checks call reads no file either, and no model that is not there", async () => {
  const { texts } = await compileWith({
    out: `CREATE MACRO peek() AS TABLE FROM '/etc/passwd';
CREATE MACRO gone() AS (SELECT max(a) FROM raw.gone);`,
  }, {
    a: "/* @sluice\nchecks: [{ sql: SELECT * FROM peek() }, { name: g, sql: SELECT gone() AS g }]\n*/ SELECT 1 AS x",
  });
  assert.deepEqual(texts, [
    'out.sql:1:35 "/etc/passwd" is no table: files are read by a stream of the pipeline',
    "out.sql:2:44 table raw.gone does not exist: no stream of that name",
  ]);
});

Deno.test("a fault that only the call brings about stands at the call and names the macro", async () => {
  const { texts } = await compileWith({
    m: "\nCREATE MACRO shout(a) AS upper(a);\nCREATE MACRO rows(a) AS TABLE SELECT 'x' || a AS y;\n",
  }, {
    one: "SELECT 1 AS one,\n  shout([1]) AS two",
    two: "SELECT *\nFROM rows([1])",
    three: "SELECT shout(1, 2) AS x",
    four: "SELECT shot('a') AS x",
  });
  assert.match(texts[0] ?? "", /^four\.sql:1:8 function shot does not exist \(did you mean shout\?\)/);
  assert.match(
    texts[1] ?? "",
    /^one\.sql:2:3 upper takes no \(INTEGER\[\]\).*: in the macro shout \(macros\/m\.sql:2\)$/,
  );
  assert.match(texts[2] ?? "", /^three\.sql:1:8 Macro shout\(\) does not support the supplied arguments/);
  assert.match(
    texts[3] ?? "",
    /^two\.sql:2:6 Cannot concatenate .*: in the macro rows \(macros\/m\.sql:3\)$/,
  );
  assert.equal(texts.length, 4);
});

Deno.test("a default that differs from run to run is a fault", async () => {
  const { texts } = await compileWith(
    {
      m: `CREATE MACRO rate() AS getvariable('rate');
CREATE MACRO a(x, r := getvariable('rate')) AS x * r;
CREATE MACRO b(x, r := 1 + rate()) AS x * r;
CREATE MACRO c(day := current_date) AS day;
CREATE MACRO d(nu := now()) AS nu;
CREATE MACRO e(x, r := round(1.25, 1)) AS x * coalesce(r, getvariable('rate'));`,
    },
    { m: "SELECT a(1), b(1), c(), d(), e(1)" },
    { params: { rate: { type: "number", default: 1 } } },
  );
  assert.deepEqual(texts.map((text) => text.replace(/ differs from run to run.*$/, "")), [
    "m.sql:2:24 a default is computed once, when the macro is made, and getvariable()",
    "m.sql:3:24 a default is computed once, when the macro is made, and getvariable()",
    "m.sql:4:23 a default is computed once, when the macro is made, and current_date()",
    "m.sql:5:22 a default is computed once, when the macro is made, and now()",
  ]);
});

Deno.test("a model that reads itself by a macro is a fault", async () => {
  const faults = await faultsOf(() =>
    withSession((session) =>
      buildGraph(session, {
        models: models({
          m: "/* @sluice\nmaterialized: incremental\nprimary_key: [id]\n*/ SELECT 1 AS id WHERE 1 > newest()",
        }),
        macros: macrosOf({ x: "CREATE MACRO newest() AS (SELECT max(id) FROM m)" }),
        streams: [],
      })
    )
  );
  assert.deepEqual(faults, ["x.sql:1:47 m reads itself by a macro: only its own SQL may name it"]);
});

Deno.test("what can never work in a macro is told once, where it stands there", async () => {
  const { texts } = await compileWith({
    m: "-- two\nCREATE MACRO wrong(x) AS\n  x + year(make_date(2024, 13, 1));\nCREATE MACRO day_of(x) AS x = DATE '2024-01-01';\n",
  }, {
    one: "SELECT wrong(i) AS a FROM range(3) AS t(i)",
    two: "SELECT wrong(1) AS a, wrong(2) AS b",
    three: "SELECT day_of(DATE '2024-01-01') AS a, day_of(i) AS b FROM range(3) AS t(i)",
    four: "SELECT day_of('2024-01-02'::DATE) AS a, 'x'::INTEGER AS b",
  });
  assert.deepEqual(texts, [
    "m.sql:3:22 make_date(2024, 13, 1) can never work: Date out of range: 2024-13-1",
    "four.sql:1:44 'x' can never be a value of type INTEGER: Could not convert string 'x' to INT32",
    "three.sql:1:47 a value of type BIGINT can never be one of type DATE: the first row would fail here",
  ]);
});
