import assert from "node:assert/strict";
import { materialize } from "../../../../sql/build/materialize.ts";
import { compileModels, faultsOf, model, withSession } from "../fixtures.ts";

const header = (columns: string, more = "") =>
  `/* @sluice\ncontract: true\n${more}columns: {${columns}}\n*/\n`;

Deno.test("a contract lists all columns with their types, and no others, at check", async () => {
  const { texts } = await compileModels({
    right: `${header("a: {type: int}, B: {type: 'decimal(4, 1)'}")}SELECT 1.5 AS b, 1 AS a`.replace(
      "1.5",
      "1.5::DECIMAL(4,1)",
    ),
    more: `${header("a: {type: int}")}SELECT 1 AS a, 2 AS b, 3 AS c`,
    fewer: `${header("a: {type: int}, b: {type: int}")}SELECT 1 AS a`,
    untyped: `${header("a: {}")}SELECT 1 AS a`,
    other: `${header("a: {type: text}")}SELECT 1 AS a`,
    none: "/* @sluice\ncontract: true\n*/\nSELECT 1 AS a",
  });
  assert.deepEqual(texts, [
    "fewer.sql:3:27 the query has no column b",
    "more.sql:2:1 the query has the column b, which the contract does not list",
    "more.sql:2:1 the query has the column c, which the contract does not list",
    "none.sql:2:1 the query has the column a, which the contract does not list",
    "other.sql:3:21 column a is INTEGER in the query, but the header says VARCHAR",
    "untyped.sql:3:11 the contract needs the type of the column a",
  ]);
});

Deno.test("a contract is looked at before the table is touched, whatever the model is", async () => {
  const kinds = ["", "materialized: view\n", "materialized: incremental\nprimary_key: [a]\nupdate_key: a\n"];
  for (const kind of kinds) {
    await withSession(async (session) => {
      await session.run("CREATE SCHEMA raw; CREATE TABLE raw.s AS SELECT 1 AS a, 'x' AS b");
      const m = model("m", `${header("a: {type: int}, b: {type: text}", kind)}SELECT * FROM raw.s`);
      await materialize(session, m, { fullRefresh: false });
      await session.run("ALTER TABLE raw.s ADD COLUMN c INTEGER");
      assert.deepEqual(await faultsOf(() => materialize(session, m, { fullRefresh: false })), [
        "m.sql:2:11 the query has columns beyond the contract: c",
      ], kind);
      await session.run("ALTER TABLE raw.s DROP COLUMN c; ALTER TABLE raw.s ALTER a TYPE BIGINT");
      const [fault = ""] = await faultsOf(() => materialize(session, m, { fullRefresh: false }));
      assert.match(fault, /the contract has the column a as INTEGER, and it is BIGINT in the query/, kind);
      await session.run("ALTER TABLE raw.s DROP COLUMN a; ALTER TABLE raw.s ADD COLUMN z INTEGER");
    });
  }
});
