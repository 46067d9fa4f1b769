import assert from "node:assert/strict";
import fc from "fast-check";
import { nearNames } from "../../../../connectors/postgres/read/near_names.ts";
import { parseTableName, quoteTable } from "../../../../connectors/postgres/table_name.ts";

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

Deno.test("parseTableName() reads back what quoteTable() writes", () => {
  const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 }).filter((text) =>
    !text.includes("\0") && new TextEncoder().encode(text).length <= 63
  );
  fc.assert(fc.property(name, name, (schema, table) => {
    assert.deepEqual(parseTableName(quoteTable({ schema, table }), "public"), { schema, table });
  }));
});

Deno.test("nearNames() gives what one may have meant, nearest first, and nothing else", () => {
  assert.deepEqual(nearNames("ordrs", ["customers", "orders", "order", "Orders"]), [
    "Orders",
    "orders",
    "order",
  ]);
  assert.deepEqual(nearNames("orders", ["payments", "x"]), []);
});
