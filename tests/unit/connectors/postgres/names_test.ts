import assert from "node:assert/strict";
import fc from "fast-check";
import { withoutEnd } from "../../../../connectors/postgres/read/one_statement.ts";
import { parseTableName, quoteTable, writeTableName } from "../../../../connectors/postgres/table_name.ts";

Deno.test("parseTableName() reads a table, a schema before it, and quoted parts as they are", () => {
  assert.deepEqual(parseTableName("orders", "public"), { schema: "public", table: "orders" });
  assert.deepEqual(parseTableName("Sales.Order lines", "public"), { schema: "Sales", table: "Order lines" });
  assert.deepEqual(parseTableName(`"a.b"."c""d"`, "public"), { schema: "a.b", table: 'c"d' });
});

Deno.test("parseTableName() refuses what is no name", () => {
  for (const text of ["", ".", "a.", ".a", "a.b.c", `"a`, `a"b`, `""`, `"a"b`, "é".repeat(32), "a\0b"]) {
    assert.throws(() => parseTableName(text, "public"), { code: "invalid" }, text);
  }
});

Deno.test("parseTableName() reads back what quoteTable() and writeTableName() write", () => {
  const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 }).filter((text) =>
    !text.includes("\0") && new TextEncoder().encode(text).length <= 63
  );
  fc.assert(fc.property(name, name, (schema, table) => {
    assert.deepEqual(parseTableName(quoteTable({ schema, table }), "public"), { schema, table });
    assert.deepEqual(parseTableName(writeTableName({ schema, table }), "public"), { schema, table });
  }));
});

Deno.test("withoutEnd() cuts what stands behind a query, and nothing within it", () => {
  assert.equal(withoutEnd("SELECT 1"), "SELECT 1");
  assert.equal(withoutEnd("SELECT 1 ; -- the; end\n;/* ; */ ;\n"), "SELECT 1 ");
  for (
    const whole of [
      "SELECT ';' AS a",
      "SELECT 'it''s;' -- ; comment",
      `SELECT 1 AS ";"`,
      "SELECT E'\\';', 1",
      "SELECT $$;$$, $t$ $$; $t$",
      "SELECT 1 /* ; */ + 1",
      "SELECT 1; DELETE FROM t",
      "SELECT 'a -- b'",
    ]
  ) {
    assert.equal(withoutEnd(whole), whole);
    if (!whole.includes("DELETE")) assert.equal(withoutEnd(`${whole}\n;`), `${whole}\n`);
  }
});
