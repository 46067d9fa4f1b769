import assert from "node:assert/strict";
import * as v from "valibot";
import { tableCheckSchema } from "../../../../contract/checks/schema.ts";
import { streamChecks } from "../../../../sql/language/checks/check.ts";
import { columns, compileModels } from "../fixtures.ts";

Deno.test("compile() takes every kind of check that is right", async () => {
  const { texts } = await compileModels({
    m: `/* @sluice
columns:
  id: {checks: [not_null, unique, {range: {min: 0, max: 10, exclusive: true}}, {relationships: {to: raw.o, column: id}, where: id > 0}]}
  day: {checks: [{recency: 1d}, {range: {min: 2024-01-01}}, {not_accepted_values: [2024-01-02]}]}
  name: {checks: [{pattern: "^a"}, {length: 3}, {length: {max: 9}}, {accepted_values: [a], where: "name <> ''"}]}
  list: {checks: [{length: {min: 1}}]}
checks:
  - {unique: [id, day], where: id > 0}
  - {row_count: {min: 1, equal_to: raw.o}}
  - {freshness: {column: day, warn_after: 1d, error_after: 2d}, where: id > 0}
  - {expression: "id > 0 OR name IS NULL", error_if: "> 1%"}
  - {change: {metric: "sum(id) / count(*)", max: 50%}, where: id > 0}
  - {change: {z_score: 3}, severity: warn}
  - {column: id, sql: id > 0}
*/
SELECT 1 AS id, DATE '2024-01-01' AS day, 'a' AS name, [1] AS list`,
  }, { streams: { o: columns("id INTEGER") } });
  assert.deepEqual(texts, []);
});

Deno.test("compile() finds what is wrong in checks of every kind, at its place", async () => {
  const { texts } = await compileModels({
    m: `/* @sluice
columns:
  id:
    checks:
      - {range: {min: a}}
      - {not_null: true, where: idd > 0}
      - {recency: 1d}
      - {length: 3}
      - {not_null: true, where: id + 1}
  name:
    checks:
      - {range: {min: 5}}
      - {pattern: "["}
checks:
  - {unique: [id, nmae]}
  - {row_count: {equal_to: raw.oo}}
  - {freshness: {column: daay, error_after: 1d}}
  - {column: namme, not_null: true}
  - {expression: id + 1}
  - {change: {metric: id, max: 50%}}
  - {change: {metric: "max(name || nme)", max: 50%}}
  - {row_count: {min: 1}, where: "getenv('HOME') = name"}
  - {expression: id < getvariable('limt')}
  - {expression: name = '', where: id = DATE '2024-01-01'}
*/
SELECT 1 AS id, 'a' AS name`,
  }, { streams: { o: columns("id INTEGER") } });
  assert.deepEqual(texts.map((text) => text.replace(/: Unimpl.*|\(candidates.*|missing ]: \[.*/, "…")), [
    "m.sql:5:17 range(id): a cannot be a value of type INTEGER",
    'm.sql:6:33 not_null(id): column "idd" does not exist (did you mean id?)',
    "m.sql:7:19 recency(id): expected a date or a timestamp, but id is INTEGER",
    "m.sql:8:18 length(id): length takes no (INTEGER): it takes (VARCHAR), (BIT) or (ANY[])",
    "m.sql:9:33 not_null(id): where: expected a condition that is true or false, but it is INTEGER",
    "m.sql:12:17 range(name): name is a text: write min and max in quotes, or cast the column",
    "m.sql:13:19 pattern(name): …",
    "m.sql:15:19 m has no column nmae (did you mean name?)",
    "m.sql:16:17 row_count: table raw.oo does not exist: no stream of that name (did you mean raw.o?)",
    "m.sql:17:26 m has no column daay",
    "m.sql:18:14 m has no column namme (did you mean name?)",
    "m.sql:19:18 expression(id + 1): expected an expression that is true or false, but it is INTEGER",
    'm.sql:20:23 change(id): column "id" must appear in the GROUP BY clause or must be part of an aggregate function. Either add it to the GROUP BY list, or use "ANY_VALUE(id)" if the exact value of "id" is not important.',
    'm.sql:21:36 change(max(name || nme)): column "nme" does not exist (did you mean name?)',
    "m.sql:22:35 row_count: getenv() cannot be called here: it reads the server's environment",
    "m.sql:23:23 expression(id < getvariable('limt')): there is no variable or param limt",
    "m.sql:24:36 expression(name = ''): a value of type INTEGER can never be one of type DATE: the first row would fail here",
  ]);
});

Deno.test("compile() checks the checks of streams, in the pipeline's definition", async () => {
  const checks = v.parse(v.array(tableCheckSchema), [
    { column: "id", not_null: true },
    { column: "idd", unique: true },
    { freshness: { column: "at", error_after: "1d" } },
    { sql: "SELECT * FROM raw.orders WHERE nope" },
    { expression: "id > getvariable('nope')" },
    { column: "id", relationships: { to: "daily", column: "id" } },
    { sql: "SELECT * FROM 'x.csv'" },
  ]);
  const { texts, graph } = await compileModels({ daily: "SELECT id FROM raw.orders" }, {
    streams: { orders: columns("id INTEGER, at VARCHAR"), far: undefined },
    streamChecks: { orders: streamChecks("orders", { checks }), far: streamChecks("far", { checks }) },
  });
  const ofOrders = texts.filter((text) => text.startsWith("extract.orders"));
  assert.deepEqual(ofOrders, [
    'extract.orders.checks.6.sql: check_7: "x.csv" is no table: files are read by a stream of the pipeline',
    "extract.orders.checks.4.expression: expression(id > getvariable('nope')): there is no variable or param nope",
    "extract.orders.checks.1.column: raw.orders has no column idd (did you mean id?)",
    "extract.orders.checks.2.freshness: freshness(at): expected a date or a timestamp, but at is VARCHAR",
    'extract.orders.checks.3.sql: check_4: column "nope" does not exist (candidates: at)',
  ]);
  assert.deepEqual(graph.checkDepends.get("check:raw.orders.relationships_id"), [
    "extract:orders",
    "model:daily",
  ]);
});
