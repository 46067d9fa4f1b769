import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import type { Finding } from "../../../../../engine/definitions/dbt/findings.ts";
import { importMarkdown } from "../../../../../engine/definitions/dbt/import_report.ts";
import type { PlannedFile } from "../../../../../engine/definitions/dbt/planned_file.ts";
import { readDbtProject } from "../../../../../engine/definitions/dbt/project/read_project.ts";
import {
  type Gate,
  planInRounds,
  type SettledImport,
} from "../../../../../engine/definitions/dbt/rounds/plan_in_rounds.ts";

/** Plans a project of these files; `check` stands for the compile gate. */
async function settle(
  files: Readonly<Record<string, string>>,
  check: (files: ReadonlyMap<string, string>) => Partial<Gate>,
): Promise<SettledImport> {
  const dir = await Deno.makeTempDir({ prefix: "sluice_dbt_" });
  try {
    for (const [path, text] of Object.entries({ "dbt_project.yml": "name: shop\n", ...files })) {
      await Deno.mkdir(join(dir, dirname(path)), { recursive: true });
      await Deno.writeTextFile(join(dir, path), text);
    }
    return await planInRounds({
      project: await readDbtProject(dir),
      request: { pipeline: undefined, vars: {}, outDir: join(dir, "out"), now: 0 },
      check: (files) => Promise.resolve({ faults: [], columns: new Map(), ...check(textsOf(files)) }),
      note: () => {},
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const textsOf = (files: readonly PlannedFile[]) => new Map(files.map(({ path, content }) => [path, content]));

/** A fault at the line of a file in which a text stands, as long as it is switched on. */
function faultAt(files: ReadonlyMap<string, string>, file: string, text: string): Finding[] {
  const content = files.get(file) ?? "";
  const line = content.split("\n").findIndex((one) => one.includes(text)) + 1;
  if (line === 0 || content.includes("enabled: false")) return [];
  return [{ kind: "hand", file, line, message: `${text} is wrong` }];
}

Deno.test("a template that needs a hand and what reads it are switched off, and the rest is as it was", async () => {
  const { planned, faults } = await settle({
    "models/a.sql": "select 1 as id",
    "models/t.sql": "{{ config(materialized='table') }}select {{ nothing() }} from {{ ref('a') }}",
    "models/b.sql": "select * from {{ ref('t') }} join {{ ref('a') }} using (id)",
    "models/c.sql": "select * from {{ ref('b') }}",
    "models/p.py": "def model(dbt, session): return None",
    "models/q.sql": "select * from {{ ref('p') }}",
    "models/schema.yml": `
models:
- name: a
  columns:
  - { name: id, tests: [unique, { relationships: { to: ref('c'), field: id } }] }
  tests: [{ dbt_utils.equal_rowcount: { compare_model: ref('a') } }]
unit_tests:
- { name: one, model: c, given: [], expect: { rows: [{ id: 1 }] } }
`,
    "tests/singular.sql": "select * from {{ ref('a') }} where id not in (select id from {{ ref('q') }})",
  }, () => ({}));
  assert.deepStrictEqual(planned.off.map(({ name, why }) => [name, why]), [
    ["b", "reads t"],
    ["c", "reads b"],
    ["q", "reads p"],
    ["t", "its text is a template still"],
  ]);
  const files = textsOf(planned.files);
  assert.strictEqual(
    files.get("transforms/shop/t.sql"),
    "/* @sluice\nenabled: false\n*/\n{{ config(materialized='table') }}select {{ nothing() }} from {{ ref('a') }}\n",
  );
  assert.match(
    files.get("transforms/shop/b.sql") ?? "",
    /^\/\* @sluice\nenabled: false\n\*\/\nselect \* from t join a/,
  );
  // What it tests of tables that are off is told, and left out.
  assert.match(files.get("transforms/shop/a.sql") ?? "", /checks:\n {6}- unique\nchecks:/);
  assert.deepStrictEqual([...files.keys()].filter((path) => path.startsWith("tests/")), []);
  const told = planned.findings.map(({ message }) => message).filter((message) =>
    message.includes("is left out")
  );
  assert.deepStrictEqual(told.map((message) => /it reads (\w+)/.exec(message)?.[1]), [undefined, "c"]);
  assert.deepStrictEqual([...planned.whole], ["transforms/shop/a.sql"]);
  assert.match(
    importMarkdown(planned, faults, "shop"),
    /## Switched off\n[\s\S]*- transforms\/shop\/c\.sql: reads b\n/,
  );
});

Deno.test("a model that the gate finds not to work is switched off, at the line of its fault", async () => {
  const rounds: number[] = [];
  const { planned, faults } = await settle({
    "models/bad.sql": "{{ config(materialized='table') }}\nselect\n  parse_json('1') as x",
    "models/reads.sql": "select * from {{ ref('bad') }}",
    "seeds/numbers.csv": "n\n1\n",
    "seeds/schema.yml": "seeds: [{ name: numbers, config: { column_types: { n: integer } } }]",
    "models/sums.sql": "select sum(n) as n from {{ ref('numbers') }}",
  }, (files) => {
    rounds.push(files.size);
    return {
      faults: [
        ...faultAt(files, "transforms/shop/bad.sql", "parse_json"),
        ...faultAt(files, "seeds/numbers.yaml", "integer"),
      ],
    };
  });
  assert.strictEqual(rounds.length, 2);
  assert.deepStrictEqual(planned.off.map(({ name, why }) => [name, why]), [
    ["bad", "parse_json is wrong"],
    ["reads", "reads bad"],
    ["sums", "reads numbers"],
  ]);
  const files = textsOf(planned.files);
  assert.match(files.get("seeds/numbers.yaml") ?? "", /^enabled: false\n/);
  const bad = files.get("transforms/shop/bad.sql")?.split("\n") ?? [];
  const fault = faults.find(({ file }) => file === "transforms/shop/bad.sql");
  assert.match(bad[(fault?.line ?? 0) - 1] ?? "", /parse_json/);
});

Deno.test("a check that does not work is taken out, and a column that is only described", async () => {
  const { planned, faults } = await settle({
    "models/a.sql": "select 1 as id",
    "models/schema.yml": `
models:
- name: a
  columns:
  - { name: id, tests: [unique, { accepted_values: { values: [oops] } }] }
  - { name: gone, description: dbt does not mind }
  - { name: lost, tests: [not_null] }
`,
  }, (files) => ({
    faults: ["oops", "gone:", "lost:"].flatMap((text) => faultAt(files, "transforms/shop/a.sql", text)),
  }));
  assert.deepStrictEqual(planned.off, []);
  assert.strictEqual(
    textsOf(planned.files).get("transforms/shop/a.sql"),
    "/* @sluice\ncolumns:\n  id:\n    checks:\n      - unique\n*/\nselect 1 as id\n",
  );
  assert.deepStrictEqual(faults.map(({ kind, message }) => [kind, message.slice(0, 46)]), [
    ["hand", 'the check {"accepted_values":["oops"]} is left'],
    ["note", "a YAML file describes the column gone, which t"],
    ["hand", "a YAML file describes the column lost, which t"],
  ]);
});

Deno.test("columns that the gate finds bring a template further, and so do those of what it becomes", async () => {
  const { planned } = await settle({
    "models/a.sql": "select 1 as id",
    "models/b.sql":
      "select {% for c in adapter.get_columns_in_relation(ref('a')) %}{{ c.name }}{% endfor %} as x",
    "models/c.sql":
      "select {% for c in adapter.get_columns_in_relation(ref('b')) %}{{ c.name }}{% endfor %} as y",
  }, (files) => ({
    columns: new Map(
      [["a", "id"], ["b", "x"], ["c", "y"]].flatMap(([model = "", name = ""]) =>
        files.get(`transforms/shop/${model}.sql`)?.includes("enabled: false") === true
          ? []
          : [[model, [{ name, type: "INTEGER" }]]]
      ),
    ),
  }));
  assert.deepStrictEqual(planned.off, []);
  assert.strictEqual(textsOf(planned.files).get("transforms/shop/c.sql"), "select x as y\n");
});
