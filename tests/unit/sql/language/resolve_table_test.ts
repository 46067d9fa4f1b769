import { deepStrictEqual, equal, ok } from "node:assert/strict";
import { parseTableName, resolveTable, tableNames } from "../../../../sql/language/resolve_table.ts";

const NAMES = tableNames(["daily", "Customers"], [{ name: "orders", tables: ["orders__lines"] }, {
  name: "events",
}]);

/** The node's name, `system`, or the message. */
function resolved(name: string): string {
  const table = resolveTable(parseTableName(name), NAMES);
  if ("node" in table) return table.node;
  return table.kind === "system" ? "system" : table.message;
}

Deno.test("resolveTable() takes a plain name for a model and raw.<name> for a stream, whatever the case", () => {
  equal(resolved("daily"), "model:daily");
  equal(resolved("main.DAILY"), "model:daily");
  equal(resolved("customers"), "model:Customers");
  equal(resolved("raw.orders"), "extract:orders");
  equal(resolved("RAW.Orders"), "extract:orders");
});

Deno.test("resolveTable() takes a child table for a table of the stream that makes it", () => {
  deepStrictEqual(resolveTable(parseTableName("raw.Orders__Lines"), NAMES), {
    node: "extract:orders",
    table: "extract:orders__lines",
  });
  equal(resolved("orders__lines"), "table orders__lines does not exist (did you mean raw.orders__lines?)");
});

Deno.test("resolveTable() knows DuckDB's own schemas and database", () => {
  equal(resolved("information_schema.tables"), "system");
  equal(resolved("pg_catalog.pg_class"), "system");
  deepStrictEqual(resolveTable({ catalog: "System", schema: "main", name: "duckdb_tables" }, NAMES), {
    kind: "system",
  });
});

Deno.test("resolveTable() says what was probably meant, also in the other schema", () => {
  equal(resolved("dayly"), "table dayly does not exist (did you mean daily?)");
  equal(resolved("orders"), "table orders does not exist (did you mean raw.orders?)");
  equal(
    resolved("raw.daily"),
    "table raw.daily does not exist: no stream of that name (did you mean daily?)",
  );
  equal(
    resolved("raw.evnts"),
    "table raw.evnts does not exist: no stream of that name (did you mean raw.events?)",
  );
  equal(
    resolved("staging.orders"),
    'unknown schema "staging": models are in main, streams in raw (did you mean raw.orders?)',
  );
});

Deno.test("resolveTable() reads no file and no other database", () => {
  for (const name of ["data/x.csv", "x.parquet", "*", "a\\b"]) {
    const table = resolveTable({ name }, NAMES);
    ok("message" in table && /files are read by a stream/.test(table.message), name);
  }
  const other = resolveTable({ catalog: "lake", schema: "raw", name: "orders" }, NAMES);
  ok("message" in other && /leave out the name of the database/.test(other.message));
});

Deno.test("DuckDB's own views are known by their names alone, or behind the schema that has them", () => {
  equal(resolved("duckdb_tables"), "system");
  equal(resolved("PG_class"), "system");
  for (const name of ["main.duckdb_tables", "raw.duckdb_tables", "tables", "pg_catalog.duckdb_tables"]) {
    ok(/does not exist|unknown schema/.test(resolved(name)), name);
  }
});

Deno.test("a name behind one of DuckDB's schemas that is no view of its own may be a file, and is refused", () => {
  for (
    const table of [
      { schema: "information_schema", name: "csv" },
      { schema: "pg_catalog", name: "parquet" },
      { catalog: "system", schema: "main", name: "csv" },
      { schema: "main", name: "csv" },
      { schema: "raw", name: "parquet" },
    ]
  ) {
    const found = resolveTable(table, NAMES);
    ok("isRefused" in found && found.isRefused, table.name);
  }
});

Deno.test("names are the same as DuckDB takes them: only the letters of ASCII have a case", () => {
  const names = tableNames(["ark"], []);
  ok("node" in resolveTable({ name: "ARK" }, names));
  // The sign of kelvin becomes a k in lower case.
  ok("message" in resolveTable({ name: "ar\u212A" }, names));
});
