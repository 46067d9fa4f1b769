import assert from "node:assert/strict";
import { headerSlip } from "../../../../sql/language/header_slip.ts";
import { faultsOf, model } from "../fixtures.ts";

const KEYS = "\nmaterialized: incremental\nprimary_key: [id]\n";

Deno.test("headerSlip() finds comments that were meant as a header", () => {
  for (
    const comment of [
      "/** @sluice */",
      `/** @sluice${KEYS}*/`,
      `/* @Sluice${KEYS}*/`,
      `/* @sluce${KEYS}*/`,
      `/* @slucie ${KEYS}*/`,
      `/*@ sluice${KEYS}*/`,
      `/* @sluice:${KEYS}*/`,
      `/*! @sluice${KEYS}*/`,
      `/* @sluice_header${KEYS}*/`,
      `/* sluice${KEYS}*/`,
      `/* @bruin${KEYS}*/`,
      `/* #sluice${KEYS}*/`,
      `/* config${KEYS}*/`,
      `/* Orders by day.\n${KEYS}*/`,
      `/*${KEYS}*/`,
      "/* materialized: view */",
      "/*\n * @sluice\n * materialized: view\n */",
      "-- @sluice",
      "--@Sluice materialized: view",
      "-- @sluce",
    ]
  ) assert.notEqual(headerSlip(comment, true), undefined, comment);
});

Deno.test("headerSlip() leaves comments alone", () => {
  for (
    const comment of [
      "/* Daily revenue by region; see @sluice in the manual */",
      "/* TODO: make this materialized: incremental */",
      "/* @author me */",
      "/* The columns: day, amount */",
      "-- sluice builds this",
      "-- materialized: see the header",
      "/* @param since\nwhere columns: all */",
      "/**/",
    ]
  ) assert.equal(headerSlip(comment, true), undefined, comment);
  assert.equal(headerSlip(`/* ${KEYS} */`, false), undefined);
});

Deno.test("parseModel() refuses a model whose header has a slip, wherever it stands", async () => {
  assert.deepEqual(await faultsOf(() => model("m", `-- first\n/* @Sluice${KEYS}*/\nSELECT 1 AS id`)), [
    "m.sql:2:1 a header begins with /* @sluice, in these letters",
  ]);
  assert.deepEqual(await faultsOf(() => model("m", `SELECT 1 AS id\n/** @sluice${KEYS}*/`)), [
    "m.sql:2:1 a header begins with /* @sluice, in these letters",
  ]);
});
