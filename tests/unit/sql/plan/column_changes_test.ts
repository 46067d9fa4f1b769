import { deepEqual, equal } from "node:assert/strict";
import { columnChanges, isWider } from "../../../../sql/plan/column_changes.ts";
import { columns } from "../fixtures.ts";

const CHANGES: Readonly<Record<string, readonly [before: string, after: string, found: readonly string[]]>> =
  {
    "nothing": ["id INTEGER, day DATE", "id INTEGER, day DATE", []],
    "another order": ["id INTEGER, day DATE", "day DATE, id INTEGER", []],
    "another case of letters": ["id INTEGER", "ID INTEGER", []],
    "a new column": ["id INTEGER", "id INTEGER, day DATE", ["added day DATE"]],
    "a column that is gone": ["id INTEGER, day DATE", "id INTEGER", ["! removed day DATE"]],
    "another name": ["id INTEGER, day DATE, n INTEGER", "id INTEGER, date DATE, n INTEGER", [
      "! renamed day day → date",
    ]],
    "one gone and another type new": ["id INTEGER, day DATE", "id INTEGER, day_text VARCHAR", [
      "added day_text VARCHAR",
      "! removed day DATE",
    ]],
    "a wider type": ["id INTEGER", "id BIGINT", ["type id INTEGER → BIGINT"]],
    "a narrower type": ["id BIGINT", "id INTEGER", ["! type id BIGINT → INTEGER"]],
    "another kind of type": ["id INTEGER", "id VARCHAR", ["! type id INTEGER → VARCHAR"]],
  };

for (const [what, [before, after, found]] of Object.entries(CHANGES)) {
  Deno.test(`columnChanges() finds ${what}`, () => {
    const texts = columnChanges(columns(before), columns(after)).map((column) => {
      const types = [column.before, column.after].filter((type) => type !== null).join(" → ");
      return `${column.breaking ? "! " : ""}${column.change} ${column.name} ${types}`;
    });
    deepEqual(texts, found);
  });
}

Deno.test("isWider() is for types that take every value of the other, as the same kind of value", () => {
  const wider = [
    ["TINYINT", "HUGEINT"],
    ["UINTEGER", "BIGINT"],
    ["UTINYINT", "INTEGER"],
    ["FLOAT", "DOUBLE"],
    ["TIMESTAMP_S", "TIMESTAMP"],
    ["DECIMAL(9,2)", "DECIMAL(18,4)"],
    ["INTEGER", "DECIMAL(12,2)"],
  ] as const;
  for (const [before, after] of wider) {
    equal(isWider(before, after), true, `${before} → ${after}`);
    equal(isWider(after, before), false, `${after} → ${before}`);
  }
  const others = [
    ["INTEGER", "DOUBLE"],
    ["BIGINT", "UBIGINT"],
    ["DECIMAL(9,2)", "DECIMAL(9,4)"],
    ["BIGINT", "DECIMAL(18,2)"],
    ["INTEGER", "VARCHAR"],
    ["DATE", "TIMESTAMP"],
    ["INTEGER[]", "BIGINT[]"],
  ] as const;
  for (const [before, after] of others) equal(isWider(before, after), false, `${before} → ${after}`);
});
