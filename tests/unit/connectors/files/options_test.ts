import { deepStrictEqual, strictEqual } from "node:assert/strict";
import * as v from "valibot";
import { loadSchema, streamSchema } from "../../../../connectors/files/options.ts";
import { isTypeText } from "../../../../connectors/files/type_text.ts";
import { FileBench } from "./file_bench.ts";

const accepts = (schema: v.GenericSchema, options: unknown) =>
  v.safeParse(schema, { path: "a.csv", options }).success;

Deno.test("isTypeText() takes one type and nothing beside it", () => {
  for (
    const type of [
      "BIGINT",
      "DECIMAL(18,2)",
      "TIMESTAMP WITH TIME ZONE",
      'STRUCT(a INTEGER, "b, c)" VARCHAR)[]',
      "ENUM('a', 'it''s; --')",
      "MAP(VARCHAR, INTEGER[3])",
    ]
  ) strictEqual(isTypeText(type), true, type);
  for (
    const type of [
      "BIGINT) AS a, (SELECT 1",
      "BIGINT, x: VARCHAR",
      "BIGINT; DROP TABLE t",
      "BIGINT -- x",
      "BIGINT /* x",
      "DECIMAL(18,2",
      "INTEGER]",
      "ENUM('a",
      'STRUCT("a INTEGER)',
      "STRUCT(a INTEGER]",
    ]
  ) strictEqual(isTypeText(type), false, type);
});

Deno.test("a type that would be more than a type is a fault of the pipeline", () => {
  strictEqual(accepts(streamSchema, { columns: { a: "DECIMAL(18,2)" } }), true);
  strictEqual(accepts(streamSchema, { columns: { a: "BIGINT) AS a, (SELECT 1" } }), false);
});

Deno.test("a format of dates without % is a fault of the pipeline", () => {
  strictEqual(accepts(streamSchema, { date_format: "%d/%m/%Y", timestamp_format: "%d/%m/%Y %H:%M" }), true);
  strictEqual(accepts(streamSchema, { date_format: "dd/mm/yyyy" }), false);
  strictEqual(accepts(streamSchema, { timestamp_format: "dd/mm/yyyy" }), false);
});

Deno.test("a load writes with any delimiter that is one ASCII character, and takes no other", async () => {
  for (const delimiter of ["||", "§", ""]) strictEqual(accepts(loadSchema, { delimiter }), false, delimiter);
  await using bench = await FileBench.create();
  for (const delimiter of [";", "|", "\t"]) {
    await bench.load("a.csv", "(1, 'a;b')", { options: { delimiter } });
    deepStrictEqual((await bench.read("a.csv", { delimiter })).rows, [[1, "a;b"]]);
  }
});
