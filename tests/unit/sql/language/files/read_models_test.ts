import assert from "node:assert/strict";
import { readModels, requireModels } from "../../../../../sql/language/files/read_models.ts";
import { seedText } from "../../../../../sql/language/files/seeds.ts";
import { buildGraph } from "../../../../../sql/language/graph/analyze_graph.ts";
import { formatFault } from "../../../../../text/fault.ts";
import { compileModels, faultsOf, withSession } from "../../fixtures.ts";

const read = (files: Readonly<Record<string, string>>) => {
  const set = readModels(Object.entries(files).map(([path, content]) => ({ path, content })), seedText);
  return {
    ...set,
    texts: set.faults.map(formatFault),
    model: (name: string) => set.models.find((one) => one.name === name),
  };
};

Deno.test("readModels() fills headers with what the folders above say, the deepest first", () => {
  const { model, texts } = read({
    "transforms/_defaults.yaml": "tags: [all]\nmaterialized: view\non_change: append\n",
    "transforms/shop/_defaults.yaml": "tags: [shop]\non_change: full_refresh\n",
    "transforms/shop/staging/_defaults.yaml": "materialized: table\ntags: [staging, all]\n",
    "transforms/shop/staging/stg.sql": "/* @sluice\ntags: [own]\n*/ SELECT 1",
    "transforms/shop/mart.sql": "/* @sluice on_change: fail */ SELECT 1",
    "transforms/shop/staging_other.sql": "SELECT 1",
    "transforms/shop/staging/deep/stg2.sql": "SELECT 1",
  });
  assert.deepEqual(texts, []);
  const shown = (name: string) => {
    const { materialized, tags, onChange } = model(name) ?? {};
    return { materialized, tags, onChange };
  };
  assert.deepEqual(shown("stg"), {
    materialized: "table",
    tags: ["all", "shop", "staging", "own"],
    onChange: "full_refresh",
  });
  assert.deepEqual(shown("stg2").tags, ["all", "shop", "staging"]);
  assert.deepEqual(shown("mart"), { materialized: "view", tags: ["all", "shop"], onChange: "fail" });
  assert.deepEqual(shown("staging_other").materialized, "view");
});

Deno.test("readModels() leaves out what a folder says for models of another kind", () => {
  const { model, texts } = read({
    "transforms/shop/_defaults.yaml": "materialized: incremental\nprimary_key: [id]\nupdate_key: at\n",
    "transforms/shop/facts.sql": "SELECT 1 AS id, now() AS at",
    "transforms/shop/plain.sql": "/* @sluice materialized: table */ SELECT 1 AS id",
  });
  assert.deepEqual(texts, []);
  assert.equal(model("facts")?.updateKey, "at");
  assert.equal(model("plain")?.updateKey, undefined);
});

Deno.test("readModels() says which file a wrong header has its key from", () => {
  const { texts, unreadable } = read({
    "transforms/shop/_defaults.yaml": "materialized: incremental\n",
    "transforms/shop/facts.sql": "SELECT 1 AS id",
    "transforms/shop/more.sql": "/* @sluice\nprimary_key: 5\n*/ SELECT 1 AS id",
  });
  assert.deepEqual(texts, [
    "transforms/shop/facts.sql:1:1: materialized: materialized: incremental needs primary_key, or a strategy " +
    "that needs none: append, delete_insert, insert_overwrite " +
    "(materialized is from transforms/shop/_defaults.yaml)",
    "transforms/shop/more.sql:2:14: primary_key: expected a list but got 5: write [5]",
  ]);
  assert.deepEqual(unreadable, ["facts", "more"]);
});

Deno.test("readModels() keeps the SQL of a model whose header alone is wrong, where it needs none", () => {
  const { headless } = read({
    "transforms/shop/typo.sql": "/* @sluice\r\nmaterialised: view\r\n*/\r\nSELECT 1 AS id",
    "transforms/shop/merged.sql":
      "/* @sluice\nmaterialized: incremental\nprimary_key: id\n*/\nSELECT 1 AS id",
    "transforms/shop/cursor.sql":
      "/* @sluice\nmaterialized: incrementl\n*/\nSELECT getvariable('cursor') AS id",
    "transforms/shop/open.sql": "/* @sluice\nmaterialized: view\nSELECT 1 AS id",
    "transforms/shop/right.sql": "SELECT 1 AS id",
  });
  assert.deepEqual(headless.map(({ name, sql }) => [name, sql]), [
    ["typo", "          \r\n                  \r\n  \r\nSELECT 1 AS id"],
  ]);
});

Deno.test("a fault of _defaults.yaml stands there once, and the rest of it counts", () => {
  const { texts, model } = read({
    "transforms/shop/_defaults.yaml": "materialized: veiw\ncolumns: {}\ntags: [a]\n",
    "transforms/shop/one.sql": "SELECT 1 AS id",
    "transforms/shop/two.sql": "SELECT 1 AS id",
    "transforms/shop/sub/_defaults.yaml": "tags: [\n",
  });
  assert.equal(texts.length, 3);
  assert.match(texts[0] ?? "", /^transforms\/shop\/_defaults\.yaml:1:15: materialized: .*did you mean view/);
  assert.match(texts[1] ?? "", /_defaults\.yaml:2:1: columns: unknown key/);
  assert.match(texts[2] ?? "", /^transforms\/shop\/sub\/_defaults\.yaml:2:1: not valid YAML/);
  assert.deepEqual(model("two")?.tags, ["a"]);
});

const OFF = {
  "transforms/shop/_defaults.yaml": "enabled: false\n",
  "transforms/shop/off.sql": "SELECT 1 AS id",
  "transforms/shop/on.sql": "/* @sluice enabled: true */ SELECT 1 AS id",
};

Deno.test("a model with enabled: false is none, and says which file switches it off", async () => {
  const { disabled, models } = read(OFF);
  assert.deepEqual([...disabled], [["off", "transforms/shop/_defaults.yaml"]]);
  assert.deepEqual(models.map(({ name }) => name), ["on"]);
  const files = Object.entries({
    ...OFF,
    "transforms/shop/reader.sql": "/* @sluice enabled: true */\nSELECT * FROM main.OFF",
  }).map(([path, content]) => ({ path, content }));
  const set = requireModels(files, seedText);
  const faults = await faultsOf(() => withSession((session) => buildGraph(session, { ...set, streams: [] })));
  assert.deepEqual(faults, [
    "reader.sql:2:15 the model off is switched off: enabled is false in transforms/shop/_defaults.yaml",
  ]);
});

Deno.test("checks and loads of a model that is switched off are faults", async () => {
  const { texts } = await compileModels({
    reader: `/* @sluice
columns:
  id: { checks: [{ relationships: { to: off, column: id } }] }
checks:
  - { name: own, sql: SELECT * FROM off }
*/
SELECT 1 AS id`,
  }, {
    disabled: new Map([["off", "transforms/shop/off.sql"]]),
    loads: [{ path: ["load", "off"], name: "off" }],
  });
  assert.deepEqual(
    texts,
    [
      "reader.sql:3:35 relationships(id): the model off is switched off: enabled is false in transforms/shop/off.sql",
      "reader.sql:5:37 own: the model off is switched off: enabled is false in transforms/shop/off.sql",
      "load.off: the model off is switched off (enabled is false in transforms/shop/off.sql): there is nothing to load",
    ].map((text) => text),
  );
});
