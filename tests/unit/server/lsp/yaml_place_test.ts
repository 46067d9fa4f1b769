import { deepEqual, equal } from "node:assert/strict";
import { yamlPlace } from "../../../../server/lsp/yaml/yaml_place.ts";

/** Kind, path and what is written at the mark ▮. */
function at(text: string): string | undefined {
  const place = yamlPlace(text.replace("▮", ""), text.indexOf("▮"));
  return place && `${place.kind} ${place.path.join(".")} [${place.written}]`;
}

Deno.test("yamlPlace() knows keys and values of block style", () => {
  equal(at("▮"), "key  []");
  equal(at("ext▮"), "key  [ext]");
  equal(at("extract:\n  ▮"), "key extract []");
  equal(at("extract:\n  orders:\n    connector: lo▮"), "value extract.orders.connector [lo]");
  equal(at("extract:\n  orders:\n    connector: local\n  ▮"), "key extract []");
  equal(at("extract:\n  orders:\n    connector: local\n▮"), "key  []");
  equal(at('extract:\n  "odd name":\n    mode: ▮'), "value extract.odd name.mode []");
  equal(at("a:\r\n  b: ▮\r\n"), "value a.b []");
});

Deno.test("yamlPlace() knows lists, also where they stand as far left as their key", () => {
  equal(at("tags:\n  - ▮"), "item tags.0 []");
  equal(at("tags:\n- one\n- tw▮"), "item tags.1 [tw]");
  equal(at("load:\n  daily:\n    - connector: ▮"), "value load.daily.0.connector []");
  equal(at("load:\n  daily:\n    - connector: local\n      mo▮"), "key load.daily.0 [mo]");
  equal(at("checks:\n  - not_null\n  - accepted_values:\n      ▮"), "key checks.1.accepted_values []");
});

Deno.test("yamlPlace() knows flow style, on one line and on several", () => {
  equal(at("orders: { ▮"), "key orders []");
  equal(at("orders: { connector: ▮"), "value orders.connector []");
  equal(at("orders: { connector: local, pa▮ }"), "key orders [pa]");
  equal(at("key: [a, ▮]"), "item key.1 []");
  equal(at("columns:\n  id: { checks: [not_null, { range: { m▮"), "key columns.id.checks.1.range [m]");
  equal(at("a: {\n  b: 1,\n  ▮"), "key a []");
  equal(at("a: { b: 1 }\n▮"), "key  []");
});

Deno.test("yamlPlace() lists the keys that stand there already, and knows no place in comments and long texts", () => {
  deepEqual(yamlPlace("a: 1\nb:\n  c: 2\n", 15)?.siblings, ["a", "b"]);
  equal(at("a: 1 # no▮te"), undefined);
  equal(at("# no▮te"), undefined);
  equal(at("query: |\n  SELECT ▮"), undefined);
  equal(at("query: |\n  SELECT 1\nnext: ▮"), "value next []");
});

Deno.test("yamlPlace() never throws, whatever is written", () => {
  const text = "a: &x {b: [1, 'two', {c: \"d\"}]}\n? odd\n- - - x: y\n\t tab: 1\n<<: *x\n|\n}]: {";
  for (let offset = 0; offset <= text.length; offset += 1) {
    yamlPlace(text, offset);
    yamlPlace(text.slice(offset), 0);
  }
});
