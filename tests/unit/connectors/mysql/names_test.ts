import assert from "node:assert/strict";
import { withoutEnd } from "../../../../connectors/mysql/read/one_statement.ts";
import {
  checkName,
  parseTableName,
  quoteTable,
  textLiteral,
  writeTableName,
} from "../../../../connectors/mysql/table_name.ts";

Deno.test("a table's name is read as it is written, in any quotes", () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ["orders", "shop", "orders"],
    ["Shop.Orders", "Shop", "Orders"],
    ["`my.db`.`a ``b```", "my.db", "a `b`"],
    ['"my.db"."a ""b"""', "my.db", 'a "b"'],
    ["a b.select", "a b", "select"],
  ];
  for (const [text, database, table] of cases) {
    const name = parseTableName(text, "shop");
    assert.deepEqual(name, { database, table });
    assert.deepEqual(parseTableName(writeTableName(name), "other"), name);
  }
  assert.equal(quoteTable({ database: "a`b", table: 'c"d' }), '`a``b`.`c"d`');
  for (const text of ["", "a.b.c", "`a", "a`b", ".a", "a."]) {
    assert.throws(() => parseTableName(text, "shop"), /Cannot read the table name|empty/, text);
  }
});

Deno.test("a name that neither server can have is refused", () => {
  for (const name of ["", "a\0b", "🦆", "a ", "x".repeat(65)]) {
    assert.throws(() => checkName("column", name), /which MySQL does not allow/);
  }
  for (const name of ["ü漢字", " a", "x".repeat(64), "漢".repeat(64)]) checkName("column", name);
});

Deno.test("a text's literal has no character that sql_mode gives another meaning", () => {
  assert.equal(textLiteral(""), "''");
  assert.match(textLiteral(`'"\\é`), /^_utf8mb4 X'[0-9a-f]+'$/);
});

Deno.test("withoutEnd() takes the semicolon at the end away, and comments behind it", () => {
  const cases = [
    ["SELECT 1", "SELECT 1"],
    ["SELECT 1;", "SELECT 1"],
    ["SELECT 1 ; ; -- x ;\n # y\n /* z */", "SELECT 1 "],
    ["SELECT ';' ;", "SELECT ';' "],
    ["SELECT ';\\'' ;", "SELECT ';\\'' "],
    ['SELECT "a;\\"" ;', 'SELECT "a;\\"" '],
    ["SELECT `a;b` FROM t;", "SELECT `a;b` FROM t"],
    ["SELECT 1 --;\n+1;", "SELECT 1 --"],
    ["SELECT 1 -- ;\n+1;", "SELECT 1 -- ;\n+1"],
    ["SELECT /* ; */ 1", "SELECT /* ; */ 1"],
    ["SELECT 1; SELECT 2", "SELECT 1; SELECT 2"],
    ["SELECT 1; /*! DROP TABLE t */", "SELECT 1; /*! DROP TABLE t */"],
  ] as const;
  for (const [query, expected] of cases) {
    // After `--` without a space behind it comes a minus: that is a second statement of its own.
    if (query === "SELECT 1 --;\n+1;") assert.equal(withoutEnd(query, ""), query);
    else assert.equal(withoutEnd(query, ""), expected, query);
  }
  assert.equal(withoutEnd("SELECT '\\';", "ANSI,NO_BACKSLASH_ESCAPES"), "SELECT '\\'");
});
