import { deepEqual, equal } from "node:assert/strict";
import { placeIn } from "../../../../sql/editing/place.ts";
import {
  calledBy,
  ctesAt,
  readScopes,
  relationNamed,
  relationsAt,
  tableNamesIn,
} from "../../../../sql/editing/read_scopes.ts";

/** The text without the mark ▮, and where it stood. */
function at(text: string): { readonly sql: string; readonly offset: number } {
  const offset = text.indexOf("▮");
  return { sql: text.replace("▮", ""), offset };
}

function seen(text: string): string[] {
  const { sql, offset } = at(text);
  return relationsAt(readScopes(sql), offset).map((relation) => calledBy(relation) ?? "?");
}

Deno.test("relationsAt() sees the tables of a query that is only half written", () => {
  deepEqual(seen("SELECT ▮ FROM a"), ["a"]);
  deepEqual(seen("SELECT ▮ FROM raw.orders AS o LEFT JOIN b USING (id) WHERE"), ["o", "b"]);
  deepEqual(seen("SELECT * FROM a, b AS c WHERE ▮"), ["a", "c"]);
  deepEqual(seen("FROM a SELECT ▮"), ["a"]);
  deepEqual(seen("SELECT ▮ FROM (SELECT x FROM inner_one) AS q"), ["q"]);
  deepEqual(seen('SELECT ▮ FROM "Odd ""one""" o2'), ["o2"]);
  deepEqual(seen("SELECT ▮ FROM (a JOIN b ON a.x = b.x)"), ["a", "b"]);
  deepEqual(seen("SELECT ▮ FROM range(3) AS r(i)"), ["r"]);
  deepEqual(seen("SELECT x FROM a JOIN b ON a.id = b.▮"), ["a", "b"]);
  deepEqual(seen("SELECT (▮"), []);
  deepEqual(seen("▮"), []);
});

Deno.test("relationsAt() keeps to its part of a UNION, and sees out of a subquery but not out of a WITH", () => {
  deepEqual(seen("SELECT x FROM a UNION ALL SELECT ▮ FROM b"), ["b"]);
  deepEqual(seen("SELECT ▮ FROM a UNION ALL SELECT y FROM b"), ["a"]);
  deepEqual(seen("SELECT * FROM a WHERE EXISTS (SELECT ▮ FROM b WHERE"), ["b", "a"]);
  deepEqual(seen("WITH c AS (SELECT ▮ FROM a) SELECT * FROM c JOIN d USING (x)"), ["a"]);
  deepEqual(seen("WITH c AS (SELECT x FROM a) SELECT ▮ FROM c"), ["c"]);
});

Deno.test("ctesAt() knows those before a place, and itself where it is recursive", () => {
  const names = (text: string) => {
    const { sql, offset } = at(text);
    return ctesAt(readScopes(sql), offset).map(({ name }) => name.parts[0]);
  };
  const two = "WITH a AS (SELECT 1 AS x), b (y) AS NOT MATERIALIZED (SELECT ";
  deepEqual(names(`${two}▮`), ["a"]);
  deepEqual(names(`${two} x FROM a) SELECT ▮`), ["b", "a"]);
  deepEqual(names("WITH a AS (SELECT ▮) SELECT 1"), []);
  deepEqual(names("WITH RECURSIVE a AS (SELECT 1 UNION ALL SELECT ▮) SELECT 1"), ["a"]);
  deepEqual(names("WITH a AS (WITH inner_one AS (SELECT 1) SELECT 2) SELECT ▮"), ["a"]);
});

Deno.test("relationNamed() finds a table by its alias, or by its name where it has none", () => {
  const { sql, offset } = at("SELECT ▮ FROM raw.orders, main.daily AS d");
  const relations = relationsAt(readScopes(sql), offset);
  equal(relationNamed(relations, ["ORDERS"])?.name?.parts[1], "orders");
  equal(relationNamed(relations, ["raw", "orders"])?.name?.parts[1], "orders");
  equal(relationNamed(relations, ["d"])?.name?.parts[1], "daily");
  equal(relationNamed(relations, ["daily"]), undefined);
});

Deno.test("tableNamesIn() finds tables at any depth, and no common table expression or function", () => {
  const sql =
    "WITH c AS (FROM raw.x) SELECT (SELECT max(y) FROM z) FROM c, unnest([1]) AS u JOIN deep ON true";
  deepEqual(tableNamesIn(sql).map(({ parts }) => parts.join(".")).sort(), ["deep", "raw.x", "z"]);
});

Deno.test("placeIn() says what may stand at a place", () => {
  const wants = (text: string) => {
    const { sql, offset } = at(text);
    const { wants: what, qualifier, word } = placeIn(sql, offset);
    return [what, qualifier.join("."), word.text];
  };
  deepEqual(wants("SELECT * FROM ▮"), ["table", "", ""]);
  deepEqual(wants("SELECT * FROM a, ▮"), ["table", "", ""]);
  deepEqual(wants("SELECT a, ▮"), ["value", "", ""]);
  deepEqual(wants("SELECT * FROM a JOIN raw.or▮"), ["table", "raw", "or"]);
  deepEqual(wants("SELECT o.am▮ount FROM o"), ["value", "o", "amount"]);
  deepEqual(wants("SELECT extract(day FROM ▮"), ["value", "", ""]);
  deepEqual(wants("SELECT a IS DISTINCT FROM ▮"), ["value", "", ""]);
  deepEqual(wants("SELECT f(a, ▮"), ["value", "", ""]);
  deepEqual(wants("SELECT 'tex▮t'"), ["nothing", "", ""]);
  deepEqual(wants("SELECT 'open ▮"), ["nothing", "", ""]);
  deepEqual(wants("SELECT 1 -- note▮"), ["nothing", "", ""]);
  deepEqual(wants("/* no▮te */ SELECT 1"), ["nothing", "", ""]);
  deepEqual(wants("SELECT '🦆' AS d, ▮ FROM a"), ["value", "", ""]);
});

Deno.test("what reads half-written SQL never throws and ends for any piece of a text", () => {
  const sql = `WITH RECURSIVE c(a) AS (SELECT "q""x" FROM raw.t t1, LATERAL (SELECT 'it''s') AS l(z)
    UNION ALL SELECT a + 1 FROM c WHERE a < 3), d AS MATERIALIZED (TABLE c) SELECT $$x$$, d.*, (((1))) FROM d
    ASOF JOIN e ON d.t >= e.t PIVOT (sum(x) FOR y IN ('a')); -- end`;
  for (let end = 0; end <= sql.length; end += 1) {
    for (const text of [sql.slice(0, end), sql.slice(end)]) {
      const scopes = readScopes(text);
      for (const offset of [0, text.length >> 1, text.length]) {
        relationsAt(scopes, offset);
        ctesAt(scopes, offset);
        placeIn(text, offset);
      }
    }
  }
});
