import assert from "node:assert/strict";
import { AppError } from "../../../../../contract/errors.ts";
import { downstreamOf } from "../../../../../sql/language/graph.ts";
import { buildGraph } from "../../../../../sql/language/graph/analyze_graph.ts";
import { faultsOf, model, models, withSession } from "../../fixtures.ts";

const graphOf = (sqls: Readonly<Record<string, string>>, streams: readonly string[] = []) =>
  withSession((session) => buildGraph(session, { models: models(sqls), streams }));

Deno.test("buildGraph() reads edges from the SQL and orders streams before models", async () => {
  const graph = await graphOf({
    a_report: "FROM daily JOIN Stg USING (id)",
    daily: "WITH stg AS (FROM main.STG) FROM stg",
    stg: 'FROM raw."Orders" JOIN RAW.items USING (id)',
  }, ["items", "orders", "unused"]);
  assert.deepEqual(graph.order, [
    "extract:items",
    "extract:orders",
    "extract:unused",
    "model:stg",
    "model:daily",
    "model:a_report",
  ]);
  const edges = Object.fromEntries([...graph.nodes].map(([name, node]) => [name, node.depends]));
  assert.deepEqual(edges, {
    "extract:items": [],
    "extract:orders": [],
    "extract:unused": [],
    "model:stg": ["extract:items", "extract:orders"],
    "model:daily": ["model:stg"],
    "model:a_report": ["model:daily", "model:stg"],
  });
  assert.deepEqual(graph.nodes.get("model:stg")?.dependents, ["model:a_report", "model:daily"]);
  assert.deepEqual([...downstreamOf(graph, "extract:items")].sort(), [
    "model:a_report",
    "model:daily",
    "model:stg",
  ]);
});

Deno.test("buildGraph() keeps tags, and adds what a header says a model needs", async () => {
  const graph = await withSession((session) =>
    buildGraph(session, {
      models: models({
        a: "/* @sluice\ntags: [x]\ndepends: [raw.orders, b]\n*/ SELECT 1 AS id",
        b: "SELECT 1 AS id",
      }),
      streams: [{ name: "orders", tags: ["shop"] }],
    })
  );
  assert.deepEqual(graph.nodes.get("model:a")?.depends, ["extract:orders", "model:b"]);
  assert.deepEqual(graph.nodes.get("model:a")?.tags, ["x"]);
  assert.deepEqual(graph.nodes.get("extract:orders")?.tags, ["shop"]);
});

Deno.test("buildGraph() tells what each check reads", async () => {
  const graph = await graphOf({
    a: `/* @sluice
columns:
  id: {checks: [not_null, {relationships: {to: raw.orders, column: id}}, {sql: "id IN (SELECT id FROM b)"}]}
checks:
  - {name: whole, sql: "WITH x AS (FROM b) SELECT * FROM x, nothing WHERE false;"}
*/ SELECT 1 AS id`,
    b: "SELECT 1 AS id",
  }, ["orders"]);
  assert.deepEqual(Object.fromEntries(graph.checkDepends), {
    "check:a.not_null_id": ["model:a"],
    "check:a.relationships_id": ["extract:orders", "model:a"],
    "check:a.sql_id": ["model:a", "model:b"],
    "check:a.whole": ["model:a", "model:b"],
  });
});

const FAULTS: Readonly<Record<string, readonly [Readonly<Record<string, string>>, readonly string[]]>> = {
  "a table that does not exist": [
    { daily: "/* @sluice\nmaterialized: view\n*/\nSELECT *\nFROM stg_oders", stg_orders: "SELECT 1" },
    ["daily.sql:5:6 table stg_oders does not exist (did you mean stg_orders?)"],
  ],
  "a table that does not exist behind text that is not ASCII": [
    { daily: "/* é😀 */\nSELECT 'é😀' AS \"ü\" FROM nothing" },
    ["daily.sql:2:26 table nothing does not exist"],
  ],
  "a stream without its schema": [{ daily: "FROM orders" }, [
    "daily.sql:1:6 table orders does not exist (did you mean raw.orders?)",
  ]],
  "a model in the schema of the streams": [{ daily: "FROM raw.stg", stg: "SELECT 1" }, [
    "daily.sql:1:6 table raw.stg does not exist: no stream of that name (did you mean stg?)",
  ]],
  "a misspelt stream": [{ daily: "FROM raw.order" }, [
    "daily.sql:1:6 table raw.order does not exist: no stream of that name (did you mean raw.orders?)",
  ]],
  "an unknown schema": [{ daily: "FROM rwa.orders, _sluice.cursors" }, [
    'daily.sql:1:6 unknown schema "rwa": models are in main, streams in raw (did you mean raw.orders?)',
    'daily.sql:1:18 unknown schema "_sluice": models are in main, streams in raw',
  ]],
  "the name of a database": [{ daily: "FROM warehouse.raw.orders" }, [
    "daily.sql:1:6 table warehouse.raw.orders: leave out the name of the database",
  ]],
  "a file": [{ daily: "FROM 'data/orders.csv'" }, [
    'daily.sql:1:6 "data/orders.csv" is no table: files are read by a stream of the pipeline',
  ]],
  "one table once, however often it is named": [{ daily: "FROM x UNION FROM x" }, [
    "daily.sql:1:6 table x does not exist",
  ]],
  "a circle": [
    { a: "FROM b", b: "SELECT 1\nFROM c", c: "FROM a", d: "FROM a" },
    ["c.sql:1:6 models read each other in a circle: a → b → c → a"],
  ],
  "a model that reads itself": [{ daily: "FROM Daily" }, [
    "daily.sql:1:6 daily reads itself: only an incremental model can",
  ]],
  "names that are the same in SQL": [{ daily: "SELECT 1", Daily: "SELECT 2" }, [
    "Daily.sql:1:1 the model Daily is also in transforms/shop/daily.sql: names are the same in SQL",
  ]],
  "a header that needs what is not there": [{
    daily: "/* @sluice\ndepends: [raw.orders, nothing]\n*/ SELECT 1",
  }, [
    "daily.sql:2:23 table nothing does not exist",
  ]],
  "SQL that is no SELECT": [{ daily: "/* @sluice\n*/\nSELECT 1;\nDELETE FROM x" }, [
    "daily.sql:3:1 expected one SELECT, but there are other statements",
  ]],
  "a syntax error": [{ daily: "SELECT 'é😀'\nFRM b c" }, ['daily.sql:2:5 syntax error at or near "b"']],
};

for (const [what, [sqls, expected]] of Object.entries(FAULTS)) {
  Deno.test(`buildGraph() refuses ${what}`, async () => {
    assert.deepEqual(await faultsOf(() => graphOf(sqls, ["orders"])), expected);
  });
}

Deno.test("buildGraph() lets DuckDB's own tables be read", async () => {
  const graph = await graphOf({
    a: "SELECT count(*) AS n FROM information_schema.tables, pg_catalog.pg_class, duckdb_tables, system.main.duckdb_views",
  });
  assert.deepEqual(graph.nodes.get("model:a")?.depends, []);
});

Deno.test("buildGraph() lets an incremental model read itself without an edge", async () => {
  const graph = await graphOf({
    a: "/* @sluice\nmaterialized: incremental\nprimary_key: [id]\n*/ SELECT 1 AS id FROM a",
  });
  assert.deepEqual(graph.nodes.get("model:a")?.depends, []);
});

Deno.test("buildGraph() throws every fault in one error and names the first", async () => {
  await assert.rejects(graphOf({ a: "FROM x", b: "FROM y" }), (error) => {
    assert.ok(error instanceof AppError);
    assert.equal(error.message, "transforms/shop/a.sql:1:6: table x does not exist (and 1 more)");
    assert.equal(error.faults.length, 2);
    return true;
  });
});

Deno.test("buildGraph() takes models whose names are keywords", async () => {
  const graph = await graphOf({
    select: "SELECT 1 AS id",
    group: 'FROM "select"',
    order: 'FROM "Group", main."select"',
  });
  assert.deepEqual(graph.order, ["model:select", "model:group", "model:order"]);
});

Deno.test("buildGraph() does not report what only an unreadable model lacks", async () => {
  const faults = await withSession((session) =>
    faultsOf(() =>
      buildGraph(session, {
        models: [model("a", "FROM Broken, missing")],
        streams: [],
        unreadable: ["broken"],
      })
    )
  );
  assert.deepEqual(faults, ["a.sql:1:14 table missing does not exist"]);
});
