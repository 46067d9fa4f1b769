import { deepEqual, equal, match } from "node:assert/strict";
import * as v from "valibot";
import { childTableFault, childTablesBy, childTablesOf } from "../../../contract/pipeline/child_tables.ts";
import { streamSchema } from "../../../contract/pipeline/stream.ts";

Deno.test("childTablesOf() has each table behind the one that it lies in", () => {
  const tables = childTablesOf("orders", {
    child_tables: ["lines.tax.parts", "customer.addresses", "LINES", '"a.b"."c ""d"""', "lines.", "."],
  });
  deepEqual(tables.map(({ table, inner, within }) => [table, inner, within?.table]), [
    ["orders__LINES", ["LINES"], undefined],
    ["orders__customer__addresses", ["customer", "addresses"], undefined],
    ["orders__a_b__c_d_", ["a.b", 'c "d"'], undefined],
    ["orders__lines__tax__parts", ["tax", "parts"], "orders__LINES"],
  ]);
  deepEqual(childTablesBy({ orders: { child_tables: ["lines"] }, plain: {} }), { orders__lines: "orders" });
});

Deno.test("childTableFault() says what is wrong with a path", () => {
  const fault = (...named: string[]) => childTableFault("orders", named, named.length - 1) ?? "none";
  equal(fault("customer.addresses"), "none");
  match(fault("lines."), /is no path of fields/);
  match(fault("x".repeat(60)), /at most 63 characters/);
  match(fault("a.b", "A__b"), /"a.b" and "A__b" would be the same table, orders__A__b/);
});

Deno.test("child_tables need a key, and go with streams whose rows are stored", () => {
  const messageOf = (more: object) => {
    const stream = { connector: "shop", stream: "orders", child_tables: ["lines"], ...more };
    return v.safeParse(streamSchema, stream).issues?.[0]?.message ?? "none";
  };
  equal(messageOf({ primary_key: ["id"] }), "none");
  match(messageOf({}), /child_tables needs primary_key/);
  for (const more of [{ mode: "cdc" }, { store: false }, { stream: "public.*" }]) {
    match(messageOf({ primary_key: ["id"], ...more }), /of one stream that is stored/);
  }
});
