import { deepEqual } from "node:assert/strict";
import { parseModel } from "../../../../sql/language/model.ts";
import { rowKeys } from "../../../../sql/language/row_keys.ts";

const keysOf = (header: string) =>
  rowKeys(parseModel({ path: "transforms/a/m.sql", content: `/* @sluice\n${header}\n*/\nSELECT 1` }));

Deno.test("what may tell a model's rows apart is its key, then what its checks hold to be unique", () => {
  deepEqual(
    keysOf(`primary_key: [id]
columns:
  id: { checks: [not_null] }
  code: { checks: [not_null, unique] }
  some: { checks: [{ unique: true, where: "some > 1" }] }
checks:
  - unique: [day, shop]
  - { column: mail, unique: true }`),
    [["id"], ["code"], ["day", "shop"], ["mail"]],
  );
  deepEqual(keysOf("description: no key"), []);
});

Deno.test("a key of a history comes once with each time from which it holds", () => {
  deepEqual(keysOf("materialized: scd2\nprimary_key: [id]"), [["id", "valid_from"]]);
});
