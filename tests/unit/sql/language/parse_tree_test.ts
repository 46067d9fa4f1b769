import assert from "node:assert/strict";
import { SqlError } from "../../../../contract/sql.ts";
import { parseSelect, parseSelects, tablesOf } from "../../../../sql/language/parse_tree.ts";
import { withSession } from "../fixtures.ts";

const QUERIES: Readonly<Record<string, readonly [sql: string, tables: string]>> = {
  "plain, qualified and quoted names": [
    'SELECT * FROM a, main.b, RAW."Or ders" AS o, "x.y"."c""d", db.s.t',
    'RAW.Or ders a db.s.t main.b x.y.c"d',
  ],
  "FROM first, TABLE and VALUES": ["FROM a UNION ALL (TABLE b) UNION ALL (VALUES (1))", "a b"],
  "every kind of join": [
    "FROM a JOIN b USING (x) LEFT JOIN c ON true ASOF JOIN d ON a.x >= d.x SEMI JOIN e USING (x) POSITIONAL JOIN f",
    "a b c d e f",
  ],
  "subqueries wherever they stand": [
    `SELECT (SELECT max(x) FROM a), list_transform([1], lambda x: x + (SELECT 1 FROM b))
     FROM (SELECT * FROM c) AS s, LATERAL (SELECT * FROM d WHERE d.x = s.x)
     WHERE EXISTS (FROM e) AND x IN (FROM f) AND y = ANY (FROM g)
     GROUP BY (SELECT 1 FROM h) HAVING count(*) > (SELECT 1 FROM i)
     QUALIFY row_number() OVER (PARTITION BY (SELECT 1 FROM j) ORDER BY (SELECT 1 FROM k)) = 1
     ORDER BY (SELECT 1 FROM l) LIMIT (SELECT 1 FROM m) OFFSET (SELECT 1 FROM n)`,
    "a b c d e f g h i j k l m n",
  ],
  "filters, replacements and join conditions": [
    `SELECT * REPLACE ((SELECT 1 FROM a) AS x), count(*) FILTER (EXISTS (FROM b))
     FROM c JOIN d ON c.x = (SELECT 1 FROM e)`,
    "a b c d e",
  ],
  "PIVOT and UNPIVOT": [
    "FROM (PIVOT a ON y IN (1, 2) USING sum(z)) JOIN (UNPIVOT (FROM b) ON p, q INTO NAME n VALUE v) ON true",
    "a b",
  ],
  "set operations": ["(FROM a) EXCEPT (FROM b) INTERSECT (FROM c) UNION BY NAME (FROM d)", "a b c d"],
  "a common table expression": ["WITH t AS (FROM a) FROM t JOIN b ON true", "a b"],
  "a common table expression that hides a table of its name": ["WITH a AS (FROM a) FROM a", "a"],
  "names of common table expressions in any case": ['WITH Tmp AS (FROM a) FROM tMP, "TMP"', "a"],
  "a qualified name, which is never a common table expression": [
    "WITH t AS (FROM a) FROM main.t, raw.t",
    "a main.t raw.t",
  ],
  "a later common table expression, which is not in reach yet": [
    "WITH a AS (FROM b), b AS (FROM c) FROM a, b",
    "b c",
  ],
  "an earlier common table expression": ["WITH a AS (FROM x), b AS (FROM a) FROM b", "x"],
  "a nested one, which is in reach inside alone": [
    "SELECT * FROM (WITH t AS (FROM a) FROM t), t",
    "a t",
  ],
  "a nested one that hides an outer one": [
    "WITH t AS (FROM a) SELECT * FROM (WITH t AS (SELECT * FROM b, t) FROM t), t",
    "a b",
  ],
  "an outer one used in subqueries and set operations": [
    "WITH t AS (FROM a) (FROM t) UNION (SELECT (SELECT 1 FROM t)) ORDER BY (SELECT 1 FROM t)",
    "a",
  ],
  "a recursive one": [
    "WITH RECURSIVE t AS (SELECT 1 AS n FROM a UNION ALL SELECT n + 1 FROM t, b WHERE n < 3) FROM t",
    "a b",
  ],
  "a recursive one's first part, which is bound before its name": [
    "WITH RECURSIVE t AS (SELECT x FROM t UNION ALL SELECT x FROM t) FROM t",
    "t",
  ],
  "RECURSIVE without recursion": ["WITH RECURSIVE t AS (FROM t) FROM t", "t"],
  "USING KEY": ["WITH RECURSIVE t(n) USING KEY (n) AS (SELECT 1 UNION SELECT n FROM t, a) FROM t", "a"],
  "a materialized one in the middle of a tree": [
    "SELECT * FROM a WHERE x IN (WITH u AS MATERIALIZED (FROM b) SELECT 1 FROM u WHERE EXISTS (FROM u, c))",
    "a b c",
  ],
  "names that are the same by Unicode alone": [
    'WITH ar\u212A AS (FROM a), "\u00C4" AS (FROM b) FROM ark, "\u00E4"',
    "a ark b \u00E4",
  ],
  "tables named in texts, with quotes anywhere, as DuckDB reads them": [
    `FROM query_table(['"ra"w.b', 'c""', '"d.e"""', ' f', 'g.'])`,
    " f c d.e g raw.b",
  ],
  "tables named in texts": [
    "FROM query_table('a') JOIN query_table(['raw.b', '\"c.d\"']) ON true",
    "a c.d raw.b",
  ],
  "names in strings, comments and columns, which are none": [
    "SELECT 'FROM x', b.y AS z /* FROM c */ FROM b -- FROM d",
    "b",
  ],
  "keywords and other writings": ['FROM "select", "größe", "日本"', "größe select 日本"],
  "a file": ["FROM 'data/a.csv'", "data/a.csv"],
  "no table": ["SELECT 1;", ""],
};

for (const [what, [sql, expected]] of Object.entries(QUERIES)) {
  Deno.test(`tablesOf() finds ${what}`, async () => {
    await withSession(async (session) => {
      const tables = await tablesOf(session, sql);
      const names = tables.map(({ catalog, schema, name }) =>
        [catalog, schema, name].filter((part) => part).join(".")
      );
      assert.equal([...new Set(names)].sort().join(" "), expected);
    });
  });
}

Deno.test("tablesOf() agrees with DuckDB about what hides a table", async () => {
  await withSession(async (session) => {
    await session.run("CREATE TABLE t AS SELECT 'table' AS x; CREATE TABLE b AS SELECT 'table' AS x");
    // Each reads the real table exactly where tablesOf says so.
    const queries = {
      "WITH t AS (SELECT x || '!' AS x FROM t) SELECT x FROM t": "table!",
      "WITH a AS (FROM b), b AS (SELECT 'cte' AS x) SELECT x FROM a": "table",
      "WITH b AS (SELECT 'cte' AS x), a AS (FROM b) SELECT x FROM a": "cte",
      "WITH t AS (SELECT 'cte' AS x) SELECT x FROM main.t": "table",
      "WITH T AS (SELECT 'cte' AS x) SELECT x FROM \"t\"": "cte",
      "WITH t AS (SELECT 'cte' AS x) SELECT (WITH t AS (FROM t) SELECT x FROM t) AS x": "cte",
      "WITH RECURSIVE t AS (SELECT x, 1 AS n FROM t UNION ALL SELECT x, 2 FROM t WHERE n < 2) SELECT max(x) AS x FROM t":
        "table",
    };
    for (const [sql, value] of Object.entries(queries)) {
      const [row] = await session.rows(sql);
      assert.equal(row?.["x"], value, sql);
      const isTable = (await tablesOf(session, sql)).length > 0;
      assert.equal(isTable, value.startsWith("table"), sql);
    }
  });
});

Deno.test("parseSelect() tells positions in UTF-16 units", async () => {
  await withSession(async (session) => {
    const sql = "/* é€😀 */ SELECT getvariable('día') FROM read_csv('é.csv'), \"größe\" -- x";
    const { tables, functions, variables } = await parseSelect(session, sql);
    assert.deepEqual(tables, [{ name: "größe", position: sql.indexOf('"größe"') }]);
    assert.deepEqual(functions, [{ name: "read_csv", position: sql.indexOf("read_csv") }]);
    assert.deepEqual(variables, [{ name: "día", position: sql.indexOf("getvariable") }]);
  });
});

const REFUSED: Readonly<Record<string, readonly [sql: string, message: string, position: number]>> = {
  "a statement that writes": ["-- é\nINSERT INTO t VALUES (1)", "expected one SELECT, but this is INSERT", 5],
  "a definition": ["CREATE TABLE t (a INT)", "expected one SELECT, but this is CREATE", 0],
  "two statements": ["SELECT 1; SELECT 2", "expected one SELECT, but there are 2 statements", 10],
  "a SELECT and another": [
    "SELECT 1; DROP TABLE t",
    "expected one SELECT, but there are other statements",
    0,
  ],
  "no statement": ["-- nothing", "expected one SELECT, but there is no statement", 0],
  "a description": ["DESCRIBE t", "expected one SELECT, but this is DESCRIBE", 0],
  "a summary": ["SUMMARIZE t", "expected one SELECT, but this is SUMMARIZE", 0],
  "a list of tables": ["SHOW TABLES", "expected one SELECT, but this is SHOW", 0],
  "a PIVOT whose columns are not known": [
    "FROM (PIVOT t ON year USING sum(x))",
    "the columns of a PIVOT without IN depend on its rows: list them, as PIVOT … ON year IN (2023, 2024)",
    0,
  ],
  "a syntax error": ["SELECT 'é😀' FRM b c", 'syntax error at or near "b"', 17],
  "a text that ends too early": ["SELECT 1 FROM", "syntax error at end of input", 13],
  "a string that is not closed": ["SELECT 'a", "unterminated quoted string", 7],
};

for (const [what, [sql, message, position]] of Object.entries(REFUSED)) {
  Deno.test(`parseSelect() refuses ${what}`, async () => {
    await withSession(async (session) => {
      await assert.rejects(parseSelect(session, sql), (error) => {
        assert.ok(error instanceof SqlError);
        assert.equal(error.code, "invalid");
        assert.ok(error.message.startsWith(message), error.message);
        assert.equal(error.position, position);
        return true;
      });
    });
  });
}

Deno.test("parseSelects() answers many texts in order, with what is wrong beside what is right", async () => {
  await withSession(async (session) => {
    const sqls = Array.from({ length: 130 }, (_, index) => index % 3 === 0 ? "SELEC" : `FROM t${index}`);
    const trees = await parseSelects(session, sqls);
    assert.equal(trees.length, sqls.length);
    for (const [index, tree] of trees.entries()) {
      if (tree instanceof SqlError) assert.equal(index % 3, 0);
      else assert.equal(tree.tables[0]?.name, `t${index}`);
    }
    assert.deepEqual(await parseSelects(session, []), []);
  });
});

Deno.test("parseSelect() copes with a very large and with a very deep query", async () => {
  await withSession(async (session) => {
    const wide = `SELECT ${
      Array.from({ length: 20_000 }, (_, index) => `'${"x".repeat(100)}' AS c${index}`)
    } FROM t`;
    assert.equal((await tablesOf(session, wide)).length, 1);
    const deep = `${"SELECT * FROM (".repeat(150)}FROM t${")".repeat(150)}`;
    assert.equal((await tablesOf(session, deep)).length, 1);
  });
});

Deno.test("parseSelect() reads a constant that is greater than any number, which DuckDB writes as no JSON", async () => {
  await withSession(async (session) => {
    const sql = `SELECT 1e400 AS a, -1e999, 'a "b" \\ Infinity :NaN' AS "Infinity" FROM t`;
    const { tables, statement } = await parseSelect(session, sql);
    assert.deepEqual(tables.map(({ name }) => name), ["t"]);
    assert.ok(JSON.stringify(statement).includes('a \\"b\\" \\\\ Infinity :NaN'));
  });
});
