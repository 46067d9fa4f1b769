import { strictEqual } from "node:assert/strict";
import type { Column, SqlSession } from "../../../../contract/sql.ts";
import { parseSelect } from "../../../../sql/language/parse_tree.ts";
import { tableNames } from "../../../../sql/language/resolve_table.ts";
import { queryLineage } from "../../../../sql/lineage/model_lineage.ts";
import { lineageText } from "../../../support/lineage_text.ts";
import { columns, withSession } from "../fixtures.ts";

/** Columns of one name in several tables, so that what is taken for another table's is seen. */
const TABLES: Readonly<Record<string, Column[]>> = {
  "model:t": [
    ...columns("a INTEGER, b INTEGER, x INTEGER, w VARCHAR"),
    { name: "s", type: "STRUCT(p INTEGER, q INTEGER)" },
    ...columns("l INTEGER[], j JSON"),
  ],
  "model:u": columns("a INTEGER, b INTEGER, z INTEGER"),
  "model:v": columns("k INTEGER, y INTEGER"),
  "extract:people": columns("id INTEGER, Email VARCHAR"),
};

const MACROS = `CREATE MACRO plus(one, other := 2) AS one + other, (one, two, three) AS one * two * three;
CREATE MACRO rate(c) AS sum(c) / count(*);
CREATE MACRO most(c) AS plus(c, (SELECT max(z) FROM u));
CREATE MACRO largest(c) AS max(c);
CREATE MACRO items(c) AS unnest(c);
CREATE MACRO top(n) AS TABLE SELECT a AS aa, b FROM t WHERE b > n`;

/** SQL, and for each output column its sources: `=` a copy, `~` an expression, `+` an aggregate, `#` hidden. */
const QUERIES: Readonly<Record<string, readonly (readonly [sql: string, ...lines: string[]])[]>> = {
  "copies, expressions and aggregates": [
    [
      "SELECT a, B AS c, a + b AS d, a::VARCHAR AS e, 1 AS f FROM T",
      "a: =t.a",
      "c: =t.b",
      "d: ~t.a ~t.b",
      "e: ~t.a",
      "f:",
      "|",
    ],
    [
      "SELECT sum(x) AS s, count(*) AS n, count(DISTINCT b) AS c, max(w) AS m FROM t WHERE a > 1 GROUP BY b",
      "s: +t.x",
      "n:",
      "c: #t.b",
      "m: +t.w",
      "| filter t.a; group t.b",
    ],
    [
      "SELECT sum(x) FILTER (a > 1) AS s, list(b ORDER BY a) AS l FROM t",
      "s: +t.x | filter t.a",
      "l: +t.b | order t.a",
      "|",
    ],
    [
      "SELECT CASE WHEN a > 1 THEN w ELSE 'x' END AS c, coalesce(b, x) AS d, a IS NULL AS n, a BETWEEN b AND x AS e FROM t",
      "c: ~t.a ~t.w",
      "d: ~t.b ~t.x",
      "n: #t.a",
      "e: ~t.a ~t.b ~t.x",
      "|",
    ],
    [
      "SELECT Email, count(email) OVER () AS n FROM raw.people",
      "Email: =raw.people.Email",
      "n: #raw.people.Email",
      "|",
    ],
    [
      "SELECT getvariable('q') AS q, current_date AS d, rowid AS r, random() AS n FROM t",
      "q:",
      "d:",
      "r:",
      "n:",
      "|",
    ],
  ],
  "names: aliases, qualified names, structs, whole rows": [
    ["SELECT a AS k, k + 1 AS n FROM t", "k: =t.a", "n: ~t.a", "|"],
    ["SELECT b AS a, a AS c FROM t", "a: =t.b", "c: =t.a", "|"],
    ["SELECT a AS b FROM t WHERE b > 1 ORDER BY b", "b: =t.a", "| filter t.b; order t.a"],
    ["SELECT main.t.a, t.a AS c, a.b FROM t, u AS a", "a: =t.a", "c: =t.a", "b: =u.b", "|"],
    [
      "SELECT s.p, t.s.q, s['p'] AS r, (s).q AS o FROM t",
      "p: ~t.s",
      "q: ~t.s",
      "r: ~t.s",
      "o: ~t.s",
      "|",
    ],
    ["SELECT u FROM u", "u: ~u.a ~u.b ~u.z", "|"],
    ["SELECT m FROM (SELECT max(b) AS m FROM t) AS q", "m: +t.b", "|"],
    ['SELECT "max(b)" + 1 AS m FROM (SELECT max(b) FROM t)', "m: +t.b", "|"],
    ["SELECT #2 AS c FROM u", "c: =u.b", "|"],
  ],
  "stars": [
    ["FROM u", "a: =u.a", "b: =u.b", "z: =u.z", "|"],
    ["SELECT u.*, v.y FROM u, v", "a: =u.a", "b: =u.b", "z: =u.z", "y: =v.y", "|"],
    [
      "SELECT * EXCLUDE (z) REPLACE (a + b AS a) FROM u",
      "a: ~u.a ~u.b",
      "b: =u.b",
      "|",
    ],
    ["SELECT * EXCLUDE (u.z) RENAME (b AS c) FROM u", "a: =u.a", "c: =u.b", "|"],
    ["SELECT COLUMNS('^(a|b)$') + 1 FROM t", "a: ~t.a", "b: ~t.b", "|"],
    ["SELECT COLUMNS(c -> c LIKE 'z%') FROM u", "z: =u.z", "|"],
    ["SELECT COLUMNS(['z', 'a']) FROM u", "a: =u.a", "z: =u.z", "|"],
    ["SELECT COLUMNS(* EXCLUDE z) FROM u", "a: =u.a", "b: =u.b", "|"],
    ["SELECT * LIKE 'z%' FROM u", "z: =u.z", "|"],
    ["SELECT greatest(*COLUMNS('a|b')) AS g FROM u", "g: ~u.a ~u.b", "|"],
    ["SELECT k FROM v WHERE COLUMNS(*) > 1", "k: =v.k", "| filter v.k v.y"],
    ["SELECT s.*, a FROM t", "p: ~t.s", "q: ~t.s", "a: =t.a", "|"],
    ["SELECT unnest(s), a FROM t", "p: ~t.s", "q: ~t.s", "a: =t.a", "| filter t.s"],
    ["SELECT s.* REPLACE (w AS p), a FROM t", "p: ~t.s =t.w", "q: ~t.s =t.w", "a: =t.a", "|"],
    ["SELECT q + 1 AS n FROM (SELECT s.*, a FROM t)", "n: ~t.s", "|"],
  ],
  "joins": [
    ["SELECT t.a, z FROM t JOIN u ON t.a = u.a", "a: =t.a", "z: =u.z", "| join t.a u.a"],
    ["SELECT a, z FROM t JOIN u USING (a)", "a: =t.a", "z: =u.z", "| join t.a u.a"],
    ["SELECT a, z FROM t RIGHT JOIN u USING (a)", "a: =u.a", "z: =u.z", "| join t.a u.a"],
    ["SELECT a, z FROM t FULL JOIN u USING (a)", "a: ~t.a ~u.a", "z: =u.z", "| join t.a u.a"],
    [
      "SELECT * FROM v JOIN (SELECT a AS k, b FROM u) AS q USING (k)",
      "k: =v.k",
      "y: =v.y",
      "b: =u.b",
      "| join u.a v.k",
    ],
    ["SELECT a, z FROM u NATURAL JOIN (SELECT a, b FROM t)", "a: =u.a", "z: =u.z", "| join t.a t.b u.a u.b"],
    ["SELECT * FROM v SEMI JOIN u ON k = a", "k: =v.k", "y: =v.y", "| join u.a v.k"],
    ["SELECT * FROM v ANTI JOIN (SELECT a AS k FROM u) USING (k)", "k: =v.k", "y: =v.y", "| join u.a v.k"],
    ["SELECT k, z FROM v ASOF JOIN u ON k >= a", "k: =v.k", "z: =u.z", "| join u.a v.k"],
    ["SELECT k, z FROM v POSITIONAL JOIN u", "k: =v.k", "z: =u.z", "|"],
    ["SELECT k, z FROM v, u WHERE k = a", "k: =v.k", "z: =u.z", "| filter u.a v.k"],
    ["SELECT p.a, q.b FROM u AS p JOIN u AS q ON p.a = q.z", "a: =u.a", "b: =u.b", "| join u.a u.z"],
  ],
  "subqueries": [
    [
      "SELECT (SELECT max(z) FROM u WHERE u.a = t.a) AS m FROM t",
      "m: +u.z | filter t.a u.a",
      "|",
    ],
    ["SELECT EXISTS (SELECT * FROM v WHERE k = t.b) AS e FROM t", "e:  | filter t.b v.k", "|"],
    ["SELECT a IN (SELECT k FROM v) AS i FROM u", "i: ~u.a ~v.k", "|"],
    [
      "SELECT a FROM u WHERE (a, b) IN (SELECT k, y FROM v) AND z > ALL (SELECT k FROM v)",
      "a: =u.a",
      "| filter u.a u.b u.z v.k v.y",
    ],
    [
      "SELECT q.* FROM u, LATERAL (SELECT u.a + k AS n FROM v WHERE y = u.b) AS q",
      "n: ~u.a ~v.k",
      "| filter u.b v.y",
    ],
    ["SELECT a FROM (SELECT a, b FROM u ORDER BY z LIMIT 3)", "a: =u.a", "| order u.z"],
    ["SELECT ARRAY(SELECT k FROM v) AS l", "l: +v.k", "|"],
    ["SELECT a FROM u LIMIT (SELECT max(k) FROM v)", "a: =u.a", "| filter v.k"],
    ["SELECT a FROM u WHERE a = (SELECT min(a) FROM t AS u)", "a: =u.a", "| filter t.a u.a"],
  ],
  "functions that are called behind a column": [
    ["SELECT w.upper() AS c, w.concat(a, b) AS d FROM t", "c: ~t.w", "d: ~t.a ~t.b ~t.w", "|"],
    ["SELECT t.w.upper().lower() AS c, s.struct_extract('p') AS d FROM t", "c: ~t.w", "d: ~t.s", "|"],
    ["SELECT a AS c, c.plus(b) AS d, u.a.plus() AS e FROM u", "c: =u.a", "d: ~u.a ~u.b", "e: ~u.a", "|"],
    ["SELECT l.list_transform(lambda e: e.plus(x)) AS c FROM t", "c: ~t.l ~t.x", "|"],
    ["SELECT main.upper(w) AS c, system.main.lower(w) AS d FROM t", "c: ~t.w", "d: ~t.w", "|"],
    ["SELECT k FROM v WHERE k.plus(y) > 1", "k: =v.k", "| filter v.k v.y"],
  ],
  "common table expressions": [
    [
      "WITH c AS (SELECT a AS q, count(*) AS n FROM t GROUP BY a) SELECT q, n, z FROM c JOIN u ON q = b",
      "q: =t.a",
      "n:",
      "z: =u.z",
      "| join t.a u.b; group t.a",
    ],
    ["WITH u AS (SELECT a AS z FROM t) SELECT z FROM u", "z: =t.a", "|"],
    [
      "WITH one AS (SELECT * FROM u), u AS (SELECT k AS z FROM v) SELECT one.z, u.z AS y FROM one, u",
      "z: =u.z",
      "y: =v.k",
      "|",
    ],
    [
      "WITH c(p, q) AS MATERIALIZED (SELECT a, b FROM u) SELECT q FROM (WITH c AS (SELECT q FROM c) FROM c)",
      "q: =u.b",
      "|",
    ],
    ["WITH unused AS (SELECT z FROM u) SELECT k FROM v", "k: =v.k", "|"],
    [
      "WITH RECURSIVE c(n, m) AS (SELECT a, b FROM u UNION ALL SELECT n + k, n FROM c JOIN v ON m = y) SELECT * FROM c",
      "n: =u.a ~v.k",
      "m: =u.a =u.b ~v.k",
      "| join u.a u.b v.k v.y",
    ],
    [
      "WITH RECURSIVE c(n, m) USING KEY (n) AS (SELECT a, b FROM u UNION SELECT c.n, r.m FROM c JOIN recurring.c AS r ON c.n = r.n) SELECT m FROM c",
      "m: =u.b",
      "| join u.a; group u.a u.b",
    ],
  ],
  "set operations": [
    ["SELECT a FROM t UNION ALL SELECT z + 1 FROM u", "a: =t.a ~u.z", "|"],
    ["SELECT a FROM t UNION SELECT a FROM u", "a: =t.a =u.a", "| group t.a u.a"],
    [
      "SELECT a, b FROM t UNION ALL BY NAME SELECT z AS c, a AS b FROM u",
      "a: =t.a",
      "b: =t.b =u.a",
      "c: =u.z",
      "|",
    ],
    ["SELECT max(a) FROM t UNION ALL BY NAME SELECT max(a) FROM u", "max(a): +t.a +u.a", "|"],
    ["SELECT a FROM t EXCEPT ALL SELECT z FROM u", "a: =t.a", "| filter u.z"],
    ["SELECT a FROM t INTERSECT ALL SELECT z FROM u", "a: =t.a =u.z", "|"],
    [
      "(SELECT a, b FROM t UNION ALL SELECT a, z FROM u) ORDER BY b LIMIT 1",
      "a: =t.a =u.a",
      "b: =t.b =u.z",
      "| order t.b u.z",
    ],
  ],
  "windows, groups and orders": [
    [
      "SELECT sum(x) OVER (PARTITION BY a ORDER BY b) AS s, lag(x, 1, a) OVER (ORDER BY b) AS l, row_number() OVER (ORDER BY b) AS n FROM t",
      "s: +t.x | window t.a t.b",
      "l: ~t.a ~t.x | window t.b",
      "n:  | window t.b",
      "|",
    ],
    ["SELECT sum(sum(a)) OVER (ORDER BY b) AS s FROM u GROUP BY b", "s: +u.a | window u.b", "| group u.b"],
    [
      "SELECT a FROM u WINDOW w AS (PARTITION BY b ORDER BY z) QUALIFY row_number() OVER w = 1",
      "a: =u.a",
      "| window u.b u.z",
    ],
    [
      "SELECT a + b AS c, sum(z) AS s FROM u GROUP BY ALL ORDER BY ALL",
      "c: ~u.a ~u.b",
      "s: +u.z",
      "| group u.a u.b; order u.a u.b u.z",
    ],
    [
      "SELECT a, sum(z) AS s FROM u GROUP BY 1 HAVING max(b) > 1 ORDER BY 2",
      "a: =u.a",
      "s: +u.z",
      "| filter u.b; group u.a; order u.z",
    ],
    [
      "SELECT a, GROUPING(a) AS g FROM u GROUP BY CUBE (a, b)",
      "a: =u.a",
      "g:  | group u.a",
      "| group u.a u.b",
    ],
    ["SELECT DISTINCT ON (a) b FROM u ORDER BY z", "b: =u.b", "| group u.a; order u.z"],
    ["SELECT b FROM (SELECT DISTINCT a, b FROM u)", "b: =u.b", "| group u.a u.b"],
  ],
  "PIVOT and UNPIVOT": [
    [
      "PIVOT u ON b IN (1, 2 AS two) USING sum(z) AS s",
      "a: =u.a",
      "1_s: +u.z | filter u.b",
      "two_s: +u.z | filter u.b",
      "| group u.a",
    ],
    [
      'SELECT "1" + 1 AS one FROM (PIVOT u ON b IN (1) USING max(z) GROUP BY a)',
      "one: +u.z | filter u.b",
      "| group u.a",
    ],
    [
      "FROM u PIVOT (count(*), sum(z) AS s FOR b IN (1) a IN ('x', 'y'))",
      "1_x_count_star():  | filter u.a u.b",
      "1_x_s: +u.z | filter u.a u.b",
      "1_y_count_star():  | filter u.a u.b",
      "1_y_s: +u.z | filter u.a u.b",
      "|",
    ],
    ["UNPIVOT u ON z, b INTO NAME n VALUE v", "a: =u.a", "n:", "v: =u.b =u.z", "| filter u.b u.z"],
    ["FROM u UNPIVOT INCLUDE NULLS (v FOR n IN (z, b))", "a: =u.a", "n:", "v: =u.b =u.z", "|"],
    ["UNPIVOT u ON COLUMNS(* EXCLUDE a)", "a: =u.a", "name:", "value: =u.b =u.z", "| filter u.b u.z"],
    [
      "UNPIVOT u ON (a, b) AS one, (b, z) AS two INTO NAME n VALUE v, w",
      "n:",
      "v: =u.a =u.b",
      "w: =u.b =u.z",
      "| filter u.a u.b u.z",
    ],
  ],
  "lists, lambdas and functions in FROM": [
    [
      "SELECT list_transform(l, e -> e + x) AS m, [e * b FOR e IN l IF e > a] AS n FROM t",
      "m: ~t.l ~t.x",
      "n: ~t.a ~t.b ~t.l",
      "|",
    ],
    [
      "SELECT list_reduce(l, lambda x, y: x + y) AS r, list_filter(l, lambda a: a > 1) AS f FROM t",
      "r: ~t.l",
      "f: ~t.l",
      "|",
    ],
    [
      "SELECT j -> 'a' AS p, j ->> '$.b' AS q, struct_pack(k := a).k AS r, {'k': b} AS o FROM t",
      "p: ~t.j",
      "q: ~t.j",
      "r: ~t.a",
      "o: ~t.b",
      "|",
    ],
    ["SELECT e, a FROM t, unnest(t.l) AS q(e)", "e: ~t.l", "a: =t.a", "| filter t.l"],
    ["SELECT unnest(l) AS e, a FROM t", "e: ~t.l", "a: =t.a", "| filter t.l"],
    ["SELECT count(*) AS n FROM (SELECT items(l) FROM t)", "n:", "| filter t.l"],
    ["SELECT key, value FROM t, json_each(t.j)", "key: ~t.j", "value: ~t.j", "| filter t.j"],
    // DuckDB takes a column in place of the param there.
    ["SELECT [{'k': x} FOR x IN l] AS m, [x FOR x IN l] AS n FROM t", "m: ~t.l ~t.x", "n: ~t.l", "|"],
    ["SELECT [x FOR x IN l IF x > 1] AS n FROM t", "n: ~t.l ~t.x", "|"],
    ["SELECT range AS n FROM range(3)", "n:", "|"],
    ["SELECT p, q FROM (VALUES (1, 2), ((SELECT max(k) FROM v), 4)) AS w(p, q)", "p: +v.k", "q:", "|"],
    ["FROM query_table('u')", "a: =u.a", "b: =u.b", "z: =u.z", "|"],
    ["FROM query_table('main.\"u\"')", "a: =u.a", "b: =u.b", "z: =u.z", "|"],
    ["WITH u AS (SELECT k AS z FROM v) FROM query_table('u')", "z: =v.k", "|"],
    ["FROM u TABLESAMPLE 10%", "a: =u.a", "b: =u.b", "z: =u.z", "|"],
    [
      "SELECT table_name FROM duckdb_tables() UNION ALL SELECT table_name FROM information_schema.tables",
      "table_name:",
      "|",
    ],
  ],
  "macros": [
    [
      "SELECT plus(a) AS p, plus(other := a, one := b) AS q, plus(a, b, z) AS r FROM u",
      "p: ~u.a",
      "q: ~u.a ~u.b",
      "r: ~u.a ~u.b ~u.z",
      "|",
    ],
    ["SELECT rate(z) AS r, b FROM u GROUP BY b", "r: +u.z", "b: =u.b", "| group u.b"],
    ["SELECT most(k) AS m FROM v", "m: +u.z ~v.k", "|"],
    ["SELECT aa FROM top((SELECT max(k) FROM v))", "aa: =t.a", "| filter t.b v.k"],
    // What a macro reads by its name may be a common table expression where it is called.
    ["WITH t AS (SELECT k AS a, y AS b FROM v) SELECT aa FROM top(1)", "aa: =v.k", "| filter v.y"],
    ["SELECT largest(z) OVER (PARTITION BY a) AS m FROM u", "m: +u.z | window u.a", "|"],
  ],
};

for (const [subject, queries] of Object.entries(QUERIES)) {
  Deno.test(`queryLineage() follows ${subject}`, async (t) => {
    await withSession(async (session) => {
      await createTables(session);
      await session.run(MACROS);
      for (const [sql, ...lines] of queries) {
        await t.step(sql, async () => strictEqual(await lineageOf(session, sql), lines.join("\n")));
      }
    });
  });
}

Deno.test("queryLineage() says unknown, with the reason, where it cannot tell", async () => {
  await withSession(async (session) => {
    await createTables(session);
    const reasonOf = (sql: string, known = TABLES) => lineageOf(session, sql, known);
    strictEqual(
      await reasonOf("SELECT a FROM u", { ...TABLES, "model:u": columns("k INTEGER") }),
      "unknown: the column a was not found",
    );
    strictEqual(
      await reasonOf("SELECT * FROM u", { ...TABLES, "model:u": columns("a INTEGER, b INTEGER") }),
      "unknown: 2 columns were found where DuckDB has 3",
    );
    strictEqual(
      await reasonOf("SELECT * FROM u", { ...TABLES, "model:u": columns("a INTEGER, b INTEGER, y INTEGER") }),
      "unknown: the column y was found where DuckDB has z",
    );
    const { "model:u": _, ...without } = TABLES;
    strictEqual(await reasonOf("SELECT a FROM u", without), "unknown: the columns of u are not known");
    strictEqual(
      await reasonOf("FROM memory.main.u"),
      "unknown: table memory.main.u: leave out the name of the database",
    );
    strictEqual(
      await reasonOf("SELECT s.*, unnest(s) FROM t"),
      "unknown: 2 columns were found where DuckDB has 4",
    );
  });
});

async function createTables(session: SqlSession): Promise<void> {
  const tables = Object.entries(TABLES).map(([node, list]) => {
    const table = node.replace("model:", "main.").replace("extract:", "raw.");
    return `CREATE TABLE ${table} (${list.map(({ name, type }) => `${name} ${type}`).join(", ")})`;
  });
  await session.run(["CREATE SCHEMA raw", ...tables].join(";\n"));
}

async function lineageOf(
  session: SqlSession,
  sql: string,
  known: Readonly<Record<string, readonly Column[]>> = TABLES,
): Promise<string> {
  const query = { name: "q", tree: await parseSelect(session, sql), columns: await session.describe(sql) };
  const names = tableNames(["t", "u", "v"], [{ name: "people" }]);
  const found = await queryLineage(session, {
    queries: [query],
    names,
    columns: new Map(Object.entries(known)),
  });
  const lineage = found.get("q");
  if (lineage === undefined) return "missing";
  if (lineage.unknown !== undefined) return `unknown: ${lineage.unknown}`;
  return lineageText(
    lineage,
    query.columns,
    ({ table, column }) => `${table.replace("model:", "").replace("extract:", "raw.")}.${column}`,
  );
}
