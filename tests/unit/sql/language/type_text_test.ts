import { deepStrictEqual, match } from "node:assert/strict";
import { isTypeText } from "../../../../sql/language/type_text.ts";
import { faultsOf, model } from "../fixtures.ts";

Deno.test("isTypeText() takes the types of DuckDB", () => {
  const types = [
    "INTEGER",
    "decimal(18, 2)",
    "TIMESTAMP WITH TIME ZONE",
    "VARCHAR[]",
    "INTEGER[3][]",
    'STRUCT(a INTEGER, "b ) c" STRUCT(d DATE[]))',
    "MAP(VARCHAR, DECIMAL(10,2))",
    "UNION(num INTEGER, str VARCHAR)",
    "ENUM('a', 'it''s )', ';')",
    'main."my type"',
    "INTEGER NOT NULL",
  ];
  deepStrictEqual(types.filter((type) => !isTypeText(type)), []);
});

const NO_TYPES = [
  "DATE); COPY (SELECT 1 AS x) TO 'out.csv'; SELECT (1",
  "DATE; DROP TABLE t",
  "DATE) IS NULL AND (true",
  "DATE, b INTEGER",
  "DATE DEFAULT (getenv('HOME'))",
  "DATE CHECK (value > current_date)",
  "INTEGER GENERATED ALWAYS AS (1)",
  "INTEGER AS (1)",
  "DATE -- rest",
  "DATE /* rest",
  "VARCHAR 'x",
  "VARCHAR $$",
  "DECIMAL(18,2",
  "DECIMAL)18(",
  "INTEGER[)",
  "INTEGER || 1",
  "DECIMAL(1 + 1, 0)",
];

Deno.test("isTypeText() takes nothing beside a type: it stands in statements as it is written", () => {
  deepStrictEqual(NO_TYPES.filter(isTypeText), []);
});

Deno.test("a header whose type brings a statement along is refused before anything is run", async () => {
  const header = `materialized: incremental\nstrategy: append\nupdate_key: d\ncolumns: {d: {type: ${
    JSON.stringify(NO_TYPES[0])
  }}}`;
  const faults = await faultsOf(() => model("m", `/* @sluice\n${header}\n*/ SELECT DATE '2020-01-01' AS d`));
  match(faults.join("\n"), /^m\.sql:5:21 columns\.d\.type: expected a type of DuckDB and nothing else/);
});
