import { equal } from "node:assert/strict";
import { findColumn, isSameName, quoteIdentifier, quoteLiteral } from "../../../contract/sql.ts";
import { openDatabase } from "../../../engine/duckdb/database.ts";

const NAMES = ["id", "ID", "iD", "id ", "ä", "Ä", "straße", "STRASSE", "ı", "I", "i", "K", "k", 'a"b', 'A"B'];

Deno.test("isSameName() agrees with DuckDB about every pair of names", async () => {
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [] });
  await using session = await database.session();
  for (const one of NAMES) {
    for (const other of NAMES) {
      const columns = [one, other].map((name) => `${quoteIdentifier(name)} INTEGER`).join(", ");
      const isRefused = await session.run(`CREATE OR REPLACE TEMP TABLE pair (${columns})`)
        .then(() => false, () => true);
      equal(isSameName(one, other), isRefused, `${one} and ${other}`);
    }
  }
});

Deno.test("findColumn() finds what DuckDB finds by the name", () => {
  const columns = [{ name: "Id", type: "INTEGER" }, { name: "Ä", type: "DATE" }];
  equal(findColumn(columns, "ID")?.type, "INTEGER");
  equal(findColumn(columns, "Ä")?.type, "DATE");
  equal(findColumn(columns, "ä"), undefined);
});

Deno.test("quoted names and texts come back as they were", async () => {
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [] });
  await using session = await database.session();
  for (const text of ["plain", `it's`, 'a "quoted" word', "\\", "two\nlines", "", "--", "$$"]) {
    const name = text === "" ? "x" : text;
    const [row] = await session.rows(`SELECT ${quoteLiteral(text)} AS ${quoteIdentifier(name)}`);
    equal(row?.[name], text);
  }
});
