import assert from "node:assert/strict";
import type { Answer } from "../../../../../engine/definitions/dbt/context/rendering.ts";
import type { Finding } from "../../../../../engine/definitions/dbt/findings.ts";
import { importMarkdown } from "../../../../../engine/definitions/dbt/import_report.ts";
import type { PlannedFile } from "../../../../../engine/definitions/dbt/planned_file.ts";
import {
  type Gate,
  planInRounds,
  type SettledImport,
} from "../../../../../engine/definitions/dbt/rounds/plan_in_rounds.ts";
import { withDbtProject } from "../../../../support/dbt_project.ts";

/** Plans a project of these files; `check` stands for the compile gate. */
async function settle(
  files: Readonly<Record<string, string>>,
  check: (files: ReadonlyMap<string, string>) => Partial<Gate>,
  ask: (sql: string) => Answer | undefined = () => undefined,
): Promise<SettledImport> {
  return await withDbtProject(
    { "dbt_project.yml": "name: shop\n", ...files },
    (project, outDir) =>
      planInRounds({
        project,
        request: { pipeline: undefined, vars: {}, outDir, now: 0 },
        check: (files) => Promise.resolve({ faults: [], columns: new Map(), ...check(textsOf(files)) }),
        ask: (_, sql) => Promise.resolve(ask(sql)),
        note: () => {},
      }),
  );
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
    "models/joined.sql":
      "select b.x, {{ dbt_utils.star(ref('two'), except=['gone'], suffix='_of') }} from {{ ref('b') }} as b join {{ ref('two') }} on true",
    "models/two.sql": "select 1 as id, 2 as day",
    "models/star.sql": "select {{ dbt_utils.star(ref('a'), except=['ID', 'gone']) }} from {{ ref('a') }}",
    "models/c.sql":
      "select {% for c in adapter.get_columns_in_relation(ref('b')) %}{{ c.name }}{% endfor %} as y",
  }, (files) => ({
    columns: new Map(
      [["a", "id"], ["b", "x"], ["c", "y"], ["two", "id"]].flatMap(([model = "", name = ""]) =>
        files.get(`transforms/shop/${model}.sql`)?.includes("enabled: false") === true
          ? []
          : [[model, [{ name, type: "INTEGER" }]]]
      ),
    ),
  }));
  assert.deepStrictEqual(planned.off, []);
  assert.strictEqual(textsOf(planned.files).get("transforms/shop/c.sql"), "select x as y\n");
  // Beside another table, `*` would be the columns of both.
  assert.strictEqual(
    textsOf(planned.files).get("transforms/shop/joined.sql"),
    "select b.x, id as id_of from b as b join two on true\n",
  );
  // dbt leaves out nothing by a name that is not there.
  assert.strictEqual(
    textsOf(planned.files).get("transforms/shop/star.sql"),
    "select * exclude (ID) from a\n",
  );
});

Deno.test("the rows of queries over seeds are asked, and written out", async () => {
  const asked: string[] = [];
  const { planned } = await settle(
    {
      "models/base.sql": "select 1 as id",
      "models/pivot.sql":
        "select {{ dbt_utils.pivot('kind', dbt_utils.get_column_values(ref('base'), 'kind', where='id > 1')) }} from {{ ref('base') }}",
      "models/loop.sql":
        "{% set found = run_query('select n, day, share from ' ~ ref('base')) %}{% set days = found.columns['day'].values() %}" +
        "select {% for row in found %}{{ row.n + 1 }} as x_{{ row[0] }}_{{ row['day'].strftime('%Y') }}, {{ row.share }}, {% endfor %}" +
        "{{ days | length }} as n, '{{ found.columns[1][0] }}' as first",
      "models/late.sql": "select {{ run_query('select max(id) from base')[0][0] }} as id",
      "models/kept.sql": "{% for row in run_query('select * from raw.orders') %}{{ row }}{% endfor %}",
    },
    () => ({}),
    (sql) => {
      asked.push(sql.replace(/\s+/g, " "));
      if (sql.includes("raw.")) return undefined;
      if (sql.includes("kind")) {
        return {
          columns: [{ name: "value", type: "VARCHAR" }],
          rows: [["a"], ["it's"]],
        };
      }
      const columns = [["n", "BIGINT"], ["day", "DATE"], ["share", "DECIMAL(3,2)"]].map((
        [name = "", type = ""],
      ) => ({
        name,
        type,
      }));
      return { columns, rows: [["1", "2024-02-01", "0.50"], ["2", "2025-03-04", null]] };
    },
  );
  assert.deepStrictEqual(asked.toSorted(), [
    "select * from raw.orders",
    "select kind as value from base where id > 1 group by kind order by count(*) desc",
    "select n, day, share from base",
  ]);
  const sqlOf = (name: string) =>
    textsOf(planned.files).get(`transforms/shop/${name}.sql`)?.trim().replace(/\s+/g, " ");
  assert.strictEqual(
    sqlOf("pivot"),
    "select sum(case when kind = 'a' then 1 else 0 end) as \"a\", " +
      "sum(case when kind = 'it''s' then 1 else 0 end) as \"it's\" from base",
  );
  assert.strictEqual(
    sqlOf("loop"),
    "select 2 as x_1_2024, 0.50, 3 as x_2_2025, None, 2 as n, '2024-02-01' as first",
  );
  // One value is asked when the model runs, as before.
  assert.strictEqual(sqlOf("late"), "select (select max(id) from base) as id");
  assert.deepStrictEqual(planned.off.map(({ name }) => name), ["kept"]);
});
