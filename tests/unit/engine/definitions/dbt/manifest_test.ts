import assert from "node:assert/strict";
import { planImport, type PlannedImport } from "../../../../../engine/definitions/dbt/plan_import.ts";
import { withDbtProject } from "../../../../support/dbt_project.ts";

const model = (name: string, packageName: string, compiled: string | undefined, others: object = {}) => ({
  resource_type: "model",
  name,
  package_name: packageName,
  original_file_path: `models/${name}.sql`,
  relation_name: `"prod"."main"."${name}"`,
  raw_code: "select {{ their_macro() }}",
  config: { materialized: "table" },
  ...(compiled === undefined ? {} : { compiled_code: compiled }),
  ...others,
});

const MANIFEST = {
  metadata: { generated_at: "2024-05-06T07:08:09Z" },
  nodes: {
    "model.shop.base": model("base", "shop", undefined),
    "model.shop.hard": model(
      "hard",
      "shop",
      'with base as (select * from "prod"."main"."base"), s as (select * from "crm"."public"."orders") select * from base, s',
      { depends_on: { nodes: ["model.shop.base", "source.shop.crm.orders", "macro.shop.x"] } },
    ),
    "model.shop.grown": model("grown", "shop", "select 1 as id", { config: { materialized: "incremental" } }),
    "model.theirs.dim": model("dim", "theirs", 'select * from "prod"."main"."base"', {
      original_file_path: "models/core/dim.sql",
      depends_on: { nodes: ["model.shop.base"] },
    }),
    "model.theirs.lost": model("lost", "theirs", 'select * from "prod"."x"."y"', {
      depends_on: { nodes: ["source.theirs.x.y"] },
    }),
  },
  sources: {
    "source.shop.crm.orders": {
      source_name: "crm",
      name: "orders",
      relation_name: '"crm"."public"."orders"',
    },
    "source.theirs.x.y": { source_name: "x", name: "y", relation_name: '"prod"."x"."y"' },
  },
};

const FILES = {
  "dbt_project.yml": "name: shop\n",
  "models/sources.yml": "sources: [{ name: crm, tables: [{ name: orders }] }]\n",
  "models/base.sql": "select 1 as id",
  "models/hard.sql": "{{ config(materialized='table') }} {% for x in unknown() %}{{ x }}{% endfor %}",
  "models/grown.sql": "{{ unknown() }}",
  "models/reads.sql": "select * from {{ ref('dim') }}",
};

const plan = (files: Readonly<Record<string, string>>): Promise<PlannedImport> =>
  withDbtProject(
    files,
    (project, outDir) => planImport(project, { pipeline: undefined, vars: {}, outDir, now: 0 }),
  );

Deno.test("what a template cannot be worked out to is taken from the manifest, as dbt compiled it", async () => {
  const planned = await plan({ ...FILES, "target/manifest.json": JSON.stringify(MANIFEST) });
  const textOf = (name: string) =>
    planned.files.find(({ path }) => path === `transforms/shop/${name}.sql`)?.content;
  assert.strictEqual(
    textOf("hard"),
    "/* @sluice\nmaterialized: table\n*/\n" +
      "with base as (select * from main.base), s as (select * from raw.orders) select * from base, s\n",
  );
  // Of a package that is not there all of it is from there.
  assert.strictEqual(textOf("theirs/core/dim"), "/* @sluice\nmaterialized: table\n*/\nselect * from base\n");
  assert.strictEqual(textOf("reads"), "select * from dim\n");
  assert.strictEqual(textOf("grown"), "/* @sluice\nmaterialized: table\n*/\nselect 1 as id\n");
  assert.deepStrictEqual(planned.off.map(({ name }) => name), ["lost"]);
  assert.deepStrictEqual(
    planned.findings.filter(({ file }) => file === "models/hard.sql").map((
      { kind, message },
    ) => [kind, message]),
    [[
      "note",
      "is taken from target/manifest.json as dbt compiled it on 2024-05-06: the macro unknown is not known",
    ]],
  );
  const hands = planned.findings.filter(({ kind }) => kind === "hand").map(({ file }) => file);
  assert.deepStrictEqual(hands.toSorted(), [
    "connectors.yaml",
    "dbt_packages/theirs/models/lost.sql",
    "models/grown.sql",
  ]);
});

Deno.test("a manifest that is none, or of another project, changes nothing", async () => {
  const { "models/reads.sql": _, ...files } = FILES;
  for (
    const manifest of [
      "[1]",
      "{",
      JSON.stringify({ nodes: { a: 1, "model.b.c": { resource_type: "model" } } }),
    ]
  ) {
    const planned = await plan({ ...files, "target/manifest.json": manifest });
    assert.deepStrictEqual(
      planned.off.map(({ name }) => name).filter((name) => ["grown", "hard"].includes(name)),
      ["grown", "hard"],
    );
  }
});
