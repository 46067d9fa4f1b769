import assert from "node:assert/strict";
import { parse } from "yaml";
import type { KnownColumn } from "../../../../../engine/definitions/dbt/context/rendering.ts";
import { planImport, type PlannedImport } from "../../../../../engine/definitions/dbt/plan_import.ts";
import { withDbtProject } from "../../../../support/dbt_project.ts";

const PROJECT = "name: shop\nvars: { first_day: '2024-01-01', schema_name: x }\n";

/** Plans the import of a project of these files; `dbt_project.yml` is there where it is not given. */
async function plan(
  files: Readonly<Record<string, string>>,
  vars: Readonly<Record<string, unknown>> = {},
  found?: ReadonlyMap<string, readonly KnownColumn[]>,
  targetSchema?: string,
): Promise<PlannedImport> {
  return await withDbtProject(
    { "dbt_project.yml": PROJECT, ...files },
    (project, outDir) =>
      planImport(project, {
        pipeline: undefined,
        vars,
        outDir,
        now: 0,
        targetSchema,
        ...(found === undefined ? {} : { found }),
      }),
  );
}

function contentOf({ files }: PlannedImport, path: string): string {
  const file = files.find((one) => one.path === path);
  assert.ok(file !== undefined, `${path} is not among ${files.map((one) => one.path).join(", ")}`);
  return file.content;
}

const headerOf = (planned: PlannedImport, name: string): unknown =>
  parse(/^\/\* @sluice\n([\s\S]*?)\*\//.exec(contentOf(planned, `transforms/shop/${name}.sql`))?.[1] ?? "");

const sqlOf = (planned: PlannedImport, name: string): string =>
  contentOf(planned, `transforms/shop/${name}.sql`).replace(/^\/\*[\s\S]*?\*\/\n/, "").trim();

const hands = ({ findings }: PlannedImport): string[] =>
  findings.filter(({ kind }) => kind === "hand").map(({ file, message }) => `${file}: ${message}`);

Deno.test("a source's schema and identifier may be templates", async () => {
  const planned = await plan({
    "models/sources.yml": "sources:\n- name: crm\n  schema: \"{{ var('crm_schema', 'sales') }}\"\n" +
      "  tables: [{ name: orders, identifier: \"{{ var('orders_identifier', 'order_data') }}\" }]\n",
    "models/a.sql": "select * from {{ source('crm', 'orders') }}",
  });
  assert.deepStrictEqual(parse(contentOf(planned, "pipelines/shop.yaml")).extract, {
    orders: { connector: "source", stream: "sales.order_data" },
  });
});

const SOURCE = "sources:\n- name: crm\n  tables: [{ name: orders }]\n";

Deno.test("ref and source become names of tables, with the schema where a WITH hides them", async () => {
  const planned = await plan({
    "models/sources.yml": SOURCE,
    "models/staging/stg.sql": "select * from {{ source('crm', 'orders') }};\n",
    "models/a.sql": "with stg as (select * from {{ ref('stg') }}) select * from stg",
    "models/b.sql": "select * from {{ ref('shop', 'stg') }}",
  });
  assert.strictEqual(sqlOf(planned, "staging/stg"), "select * from raw.orders");
  assert.strictEqual(sqlOf(planned, "a"), "with stg as (select * from main.stg) select * from stg");
  assert.strictEqual(sqlOf(planned, "b"), "select * from stg");
  assert.deepStrictEqual(parse(contentOf(planned, "pipelines/shop.yaml")).extract, {
    orders: { connector: "source", stream: "crm.orders" },
  });
});

Deno.test("the last condition of is_incremental() becomes one on the cursor", async () => {
  const planned = await plan({
    "models/events.sql":
      "{{ config(materialized='incremental', unique_key='id') }}\nselect * from range(3)\n" +
      "{% if is_incremental() %}\n where at > (select max(at) from {{ this }})\n{% endif %}",
    "models/late.sql": "{{ config(materialized='incremental') }}\nselect 1 as day where true\n" +
      "{% if is_incremental() %} and day >= (select coalesce(max(day), 0) - 3 from {{ this }}) {% endif %}",
    "models/summed.sql":
      "{{ config(materialized='incremental') }}\nselect max(at) as seen_at from t group by id\n" +
      "{% if is_incremental() %} having max(at)::date > (select max(t.seen_at::date) from {{ this }} as t) {% endif %}",
    "models/other.sql": "{{ config(materialized='incremental') }}\nselect 1 as id\n" +
      "{% if is_incremental() %} where id not in (select id from {{ this }}) {% endif %}",
  });
  assert.deepStrictEqual(headerOf(planned, "events"), {
    materialized: "incremental",
    primary_key: ["id"],
    update_key: "at",
  });
  assert.match(
    sqlOf(planned, "events"),
    /where \(getvariable\('cursor'\) IS NULL OR \(at > getvariable\('cursor'\)\)\)$/,
  );
  assert.deepStrictEqual(headerOf(planned, "late"), {
    materialized: "incremental",
    strategy: "append",
    update_key: "day",
  });
  assert.match(sqlOf(planned, "late"), /OR \(day >= \(coalesce\(getvariable\('cursor'\), 0\) - 3\)\)\)$/);
  assert.deepStrictEqual(headerOf(planned, "summed"), {
    materialized: "incremental",
    strategy: "append",
    update_key: "seen_at",
  });
  assert.match(
    sqlOf(planned, "summed"),
    /having \(getvariable\('cursor'\) IS NULL OR \(max\(at\)::date > cast\(getvariable\('cursor'\) as date\)\)\)$/,
  );
  assert.deepStrictEqual(headerOf(planned, "other"), { materialized: "table" });
  assert.strictEqual(hands(planned).length, 1);
  assert.match(hands(planned)[0] ?? "", /^models\/other\.sql: what is_incremental\(\) adds is no condition/);
});

Deno.test("a variable in quotes is read at the run, another one is written out", async () => {
  const planned = await plan(
    {
      "models/a.sql":
        "select '{{ var('first_day') }}'::date as a, {{ var('n', 3) }} as b, '{{ var('who') }}' as c",
    },
    { who: "me" },
  );
  assert.strictEqual(
    sqlOf(planned, "a"),
    "select getvariable('first_day')::date as a, 3 as b, getvariable('who') as c",
  );
  assert.deepStrictEqual(parse(contentOf(planned, "project.yaml")).variables, {
    first_day: { type: "date", default: "2024-01-01" },
    who: { type: "string", default: "me" },
  });
});

Deno.test("tests become checks, with their severity, thresholds and conditions", async () => {
  const planned = await plan({
    "models/a.sql": "select 1 as id",
    "models/b.sql": "select 1 as id",
    "models/a.yml": `
models:
- name: a
  description: "{{ doc('a') }}"
  data_tests:
  - dbt_utils.unique_combination_of_columns: { combination_of_columns: [id, day] }
  - dbt_utils.equal_rowcount: { compare_model: ref('b') }
  - own_test: { least: 3 }
  - nobody.knows: {}
  columns:
  - name: id
    tests:
    - not_null
    - unique: { severity: warn }
    - relationships: { arguments: { to: ref('b'), field: id }, config: { where: id > 0, error_if: ">10" } }
    - accepted_values: { values: [1, 2] }
    - dbt_utils.accepted_range: { min_value: 0, inclusive: false }
    - dbt_utils.expression_is_true: { expression: "> 0" }
`,
    "models/docs.md": "{% docs a %}\nWhat it\nholds.\n{% enddocs %}",
    "macros/own.sql":
      "{% test own_test(model, least) %}select * from {{ model }} where id < {{ least }}{% endtest %}",
    "tests/no_bad.sql": "select * from {{ ref('a') }} where id > 5",
  });
  const header = headerOf(planned, "a");
  assert.deepStrictEqual(header, {
    description: "What it holds.",
    columns: {
      id: {
        checks: [
          "not_null",
          { unique: true, severity: "warn" },
          { relationships: { to: "b", column: "id" }, where: "id > 0", error_if: ">10" },
          { accepted_values: [1, 2] },
          { range: { min: 0, exclusive: true } },
          { sql: "id > 0" },
        ],
      },
    },
    checks: [
      { unique: ["id", "day"] },
      { row_count: { equal_to: "b" } },
      { sql: "select * from a where id < 3" },
      { name: "no_bad", sql: "select * from a where id > 5" },
    ],
  });
  assert.deepStrictEqual(hands(planned), [
    "models/a.yml: the test nobody.knows has no check that is the same: write it as SQL",
  ]);
});

Deno.test("settings of folders, YAML and the model go before each other in this order", async () => {
  const planned = await plan({
    "dbt_project.yml":
      "name: shop\nmodels:\n  shop:\n    +tags: all\n    marts: { +materialized: table }\n    off: { +enabled: false }\n",
    "models/marts/a.sql": "select 1 as a",
    "models/marts/b.sql": "{{ config(materialized='view', tags=['own']) }}select 1 as a",
    "models/c.sql": "select 1 as a",
    "models/off/d.sql": "select {{ unknown_macro() }}",
  });
  assert.deepStrictEqual(headerOf(planned, "marts/a"), { tags: ["all"], materialized: "table" });
  assert.deepStrictEqual(headerOf(planned, "marts/b"), { tags: ["all", "own"] });
  assert.deepStrictEqual(headerOf(planned, "c"), { tags: ["all"] });
  assert.deepStrictEqual(parse(contentOf(planned, "transforms/shop/_defaults.yaml")), {
    materialized: "view",
  });
  assert.deepStrictEqual(hands(planned), []);
});

Deno.test("macros of dbt_utils are SQL of DuckDB", async () => {
  const planned = await plan({
    "models/a.sql": "select {{ dbt_utils.generate_surrogate_key(['a', 'b']) }} as k, " +
      "{{ dbt_utils.star(ref('b'), except=['x']) }} from {{ ref('b') }} {{ dbt_utils.group_by(2) }}",
    "models/b.sql": "select 1 as a",
    "models/c.sql": "{{ dbt_utils.union_relations([ref('a'), ref('b')]) }}",
    "models/d.sql": "select {{ dbt_utils.get_column_values(ref('b'), 'a') }}",
  });
  assert.strictEqual(
    sqlOf(planned, "a"),
    "select md5(cast(coalesce(cast(a as varchar), '_dbt_utils_surrogate_key_null_') || '-' || " +
      "coalesce(cast(b as varchar), '_dbt_utils_surrogate_key_null_') as varchar)) as k, " +
      "* exclude (x) from b group by 1,2",
  );
  assert.match(
    sqlOf(planned, "c"),
    /from a\nunion all by name\nselect 'b' as _dbt_source_relation, \*\nfrom b$/,
  );
  assert.match(
    hands(planned)[0] ?? "",
    /^models\/d\.sql: a query asks the database for rows/,
  );
});

Deno.test("a snapshot is a history, a seed keeps its types, and a password is not copied", async () => {
  const planned = await plan({
    "dbt_project.yml":
      "name: shop\nprofile: p\nseeds: { shop: { codes: { +column_types: { code: varchar } } } }\n",
    "profiles.yml":
      "p: { target: d, outputs: { d: { type: postgres, host: \"{{ env_var('H') }}\", user: u, password: geheim, dbname: d } } }",
    "models/sources.yml": SOURCE,
    "seeds/codes.csv": "code\n01\n",
    "snapshots/s.sql": "{% snapshot orders_history %}{{ config(unique_key='id', strategy='timestamp', " +
      "updated_at='at', invalidate_hard_deletes=true) }}select * from {{ source('crm', 'orders') }}{% endsnapshot %}",
  });
  assert.deepStrictEqual(headerOf(planned, "snapshots/orders_history"), {
    materialized: "scd2",
    primary_key: ["id"],
    update_key: "at",
    deletes: "soft",
    scd2: { valid_from: "dbt_valid_from", valid_to: "dbt_valid_to" },
  });
  assert.strictEqual(contentOf(planned, "seeds/codes.csv"), "code\n01\n");
  assert.deepStrictEqual(parse(contentOf(planned, "seeds/codes.yaml")), {
    columns: { code: { type: "varchar" } },
  });
  assert.deepStrictEqual(parse(contentOf(planned, "connectors.yaml")), {
    postgres: {
      type: "postgres",
      host: "${env:H}",
      user: "u",
      database: "d",
      password: "${secret:POSTGRES_PASSWORD}",
    },
  });
  assert.ok(!planned.files.some(({ content }) => content.includes("geheim")));
});

Deno.test("names of others lead to no file outside of the new project", async () => {
  const planned = await plan({
    "models/a.sql": "select 1 as id",
    "models/a.yml": `
unit_tests:
- name: ../../escaped
  model: a
  given: []
  expect: { format: csv, rows: "id\\n1" }
snapshots:
- { name: ../../out_of_it, relation: ref('a'), config: { unique_key: id, strategy: check, check_cols: all } }
`,
    "dbt_packages/evil/dbt_project.yml": "name: ../../evil\n",
    "dbt_packages/evil/models/b.sql": "select 1 as id",
  });
  const paths = planned.files.map(({ path }) => path);
  assert.deepStrictEqual(paths.filter((path) => path.includes("..")), []);
  assert.ok(paths.includes("transforms/shop/_evil/b.sql"));
  assert.ok(paths.includes("tests/_escaped_expect.csv"));
});

Deno.test("macros of packages see their own before others of the name, and dispatch finds those for DuckDB", async () => {
  const package_ = (name: string) => ({
    [`dbt_packages/${name}/dbt_project.yml`]: `name: ${name}\n`,
    [`dbt_packages/${name}/macros/m.sql`]:
      `{% macro who() %}'${name}'{% endmacro %}{% macro outer() %}{{ who() }}{% endmacro %}` +
      `{% macro kind() %}{{ return(adapter.dispatch('kind', '${name}')()) }}{% endmacro %}` +
      `{% macro default__kind() %}'any of ${name}'{% endmacro %}` +
      (name === "one" ? "{% macro duckdb__kind() %}'duckdb'{% endmacro %}" : ""),
  });
  const planned = await plan({
    ...package_("one"),
    ...package_("two"),
    "models/a.sql": "select {{ one.outer() }}, {{ two.outer() }}, {{ one.kind() }}, {{ two.kind() }}",
  });
  assert.strictEqual(sqlOf(planned, "a"), "select 'one', 'two', 'duckdb', 'any of two'");
});

Deno.test("a fault in a macro is told at the call, with the macro's own place", async () => {
  const planned = await plan({
    "macros/m.sql":
      "{% macro outer() %}{{ inner() }}{% endmacro %}\n\n{% macro inner() %}\n{{ nothing() }}{% endmacro %}",
    "models/a.sql": "select\n{{ outer() }}",
  });
  assert.deepStrictEqual(
    planned.findings.map(({ file, line, message }) => ({ file, line, message })),
    [{
      file: "models/a.sql",
      line: 2,
      message: "in the macro inner (macros/m.sql:4): the macro nothing is not known",
    }],
  );
});

Deno.test("columns that dbt looks up come from seeds, the catalogue, YAML and an earlier plan", async () => {
  const columns = (of: string) =>
    `select {% for c in adapter.get_columns_in_relation(${of}) %}{{ c.name }}:{{ c.dtype }} {% endfor %}`;
  const files = {
    "models/sources.yml":
      "sources:\n- { name: crm, tables: [{ name: orders, columns: [{ name: id, data_type: int }] }, { name: lines }] }\n" +
      "- { name: own, schema: main, tables: [{ name: codes }] }\n",
    "profiles.yml": "shop: { target: d, outputs: { d: { type: duckdb, path: x.duckdb } } }\n",
    "seeds/codes.csv": 'code,"a name"\n1,2\n',
    "target/catalog.json": JSON.stringify({
      nodes: {},
      sources: { "source.shop.crm.lines": { columns: { N: { name: "N", type: "INT", index: 1 } } } },
    }),
    "models/a.sql": columns("source('crm', 'orders')"),
    "models/b.sql": columns("source('crm', 'lines')"),
    "models/c.sql": columns("source('own', 'codes')"),
    "models/d.sql": columns("ref('a')"),
  };
  const planned = await plan(files);
  assert.strictEqual(sqlOf(planned, "a"), "select id:int");
  assert.strictEqual(sqlOf(planned, "b"), "select N:INT");
  assert.strictEqual(sqlOf(planned, "c"), "select code:varchar a name:varchar");
  assert.deepStrictEqual([...planned.wanted], ["a"]);
  assert.match(
    hands(planned)[0] ?? "",
    /^models\/d\.sql: adapter\.get_columns_in_relation\(\) asks for the columns of a/,
  );
  const next = await plan(files, {}, new Map([["a", [{ name: "x", type: "DATE" }]]]));
  assert.strictEqual(sqlOf(next, "d"), "select x:DATE");
  assert.deepStrictEqual(hands(next), []);
});

Deno.test("a source in the schema that dbt builds into is the seed of its name", async () => {
  const files = {
    "models/sources.yml":
      "sources: [{ name: crm, schema: \"{{ var('crm_schema', 'crm') }}\", tables: [{ name: orders }] }]",
    "seeds/orders.csv": "id\n1\n",
    "models/a.sql": "select * from {{ source('crm', 'orders') }} -- {{ source('crm', 'orders').schema }}",
  };
  assert.strictEqual(sqlOf(await plan(files), "a"), "select * from raw.orders -- crm");
  const built = await plan(files, { crm_schema: "dev" }, undefined, "dev");
  assert.strictEqual(sqlOf(built, "a"), "select * from orders -- dev");
  assert.strictEqual(parse(contentOf(built, "pipelines/shop.yaml")).extract, undefined);
});

Deno.test("the run's time is asked by the model, and not at the import", async () => {
  const planned = await plan({
    "dbt_project.yml":
      "name: shop\nvars: { last_run: \"{{ run_started_at.astimezone(modules.pytz.timezone('UTC')) }}\" }\n",
    "models/a.sql":
      "-- it's\nselect '{{ run_started_at }}'::timestamp, {{ run_started_at.strftime('%Y') }} - 1,\n" +
      "'{{ run_started_at.strftime(\"%Y-%m\") }}-01'::date, '{{ var('last_run') }}'",
    "models/b.sql": "{% set day = modules.datetime.datetime.now().strftime('%d') %}select {{ day }}",
  });
  assert.strictEqual(
    sqlOf(planned, "a"),
    "-- it's\nselect getvariable('run_start')::timestamp, strftime(getvariable('run_start'), '%Y')::BIGINT - 1,\n" +
      "(strftime(getvariable('run_start'), '%Y-%m') || '-01')::date, getvariable('run_start')",
  );
  assert.deepStrictEqual(hands(planned), [
    "models/b.sql: what the template makes of the present time is that of the import: ask now() in SQL",
  ]);
});

Deno.test("hooks are told once each, with what there is in their place", async () => {
  const planned = await plan({
    "dbt_project.yml":
      'name: shop\non-run-end: "{{ nothing_here() }}"\nmodels: { +post-hook: ["grant select on {{ this }} to role x", "{{ log_it(\'a\') }}"] }\n',
    "macros/m.sql":
      "{% macro nothing_here() %}{% endmacro %}{% macro log_it(x) %}insert into log values ('{{ x }}'){% endmacro %}",
    "models/a.sql": "select 1 as a",
    "models/b.sql": "select 1 as a",
  });
  const messages = planned.findings.map(({ kind, file, message }) => `${kind} ${file}: ${message}`);
  assert.strictEqual(messages.length, 2);
  assert.match(
    messages[0] ?? "",
    /^note models\/a\.sql: post-hook `grant .*` \(and of 1 others\) is left out: who sees/,
  );
  assert.match(
    messages[1] ?? "",
    /^hand models\/a\.sql: post-hook `.*log_it.*` .*rows change by models alone/,
  );
});

Deno.test("arguments of tests are worked out, and generic tests of packages are known", async () => {
  const planned = await plan({
    "dbt_packages/more/dbt_project.yml": "name: more\n",
    "dbt_packages/more/tests/generic/m.sql":
      "{% test same_as(model, column_name, other) %}select * from {{ model }} where {{ column_name }} not in " +
      "(select {{ column_name }} from {{ other }}){% endtest %}",
    "models/a.sql": "select 1 as id",
    "models/b.sql": "select 1 as id",
    "models/a.yml":
      "models: [{ name: a, columns: [{ name: id, tests: [{ more.same_as: { other: ref('b') } }, " +
      "{ dbt_utils.expression_is_true: { expression: \"< {{ var('n', 3) }}\" } }] }] }]\n",
    "dbt_project.yml":
      "name: shop\nseeds: { shop: { +column_types: { code: \"{{ 'text' if target.type == 'x' else 'varchar' }}\", other: date } } }\n",
    "seeds/s.csv": "code\n1\n",
  });
  assert.deepStrictEqual(headerOf(planned, "a"), {
    columns: { id: { checks: [{ sql: "id < 3" }] } },
    checks: [{ sql: "select * from a where id not in (select id from b)" }],
  });
  assert.deepStrictEqual(parse(contentOf(planned, "seeds/s.yaml")), {
    columns: { code: { type: "varchar" } },
  });
  assert.deepStrictEqual(hands(planned), []);
});

Deno.test("an enforced contract is one here, with its constraints as checks", async () => {
  const planned = await plan({
    "models/a.sql": "select 1 as id, 'x' as name",
    "models/b.sql": "select 1 as id",
    "models/a.yml": `
models:
- name: a
  config: { contract: { enforced: true } }
  constraints:
  - { type: primary_key, columns: [id, name] }
  - { type: check, expression: id < 10 }
  columns:
  - { name: id, data_type: int64, constraints: [{ type: not_null }, { type: check, expression: id > 0 }] }
  - name: name
    data_type: string
    meta: { contains_pii: true }
    constraints: [{ type: foreign_key, to: ref('b'), to_columns: [id] }, { type: custom, expression: x }]
- name: b
  config: { contract: { enforced: true } }
  columns: [{ name: id }]
`,
  });
  assert.deepStrictEqual(headerOf(planned, "a"), {
    columns: {
      id: { type: "BIGINT", checks: ["not_null", { sql: "id > 0" }] },
      name: { type: "VARCHAR", pii: true, checks: [{ relationships: { to: "b", column: "id" } }] },
    },
    checks: [
      { unique: ["id", "name"] },
      { expression: "id is not null" },
      { expression: "name is not null" },
      {
        expression: "id < 10",
      },
    ],
    contract: true,
  });
  assert.deepStrictEqual(headerOf(planned, "b"), { columns: { id: {} } });
  assert.deepStrictEqual(hands(planned), ["models/a.yml: the constraint custom is left out: x"]);
});

Deno.test("microbatch replaces a window in batches, and reads only the batch of what has an event_time", async () => {
  const planned = await plan({
    "models/sources.yml":
      "sources: [{ name: crm, tables: [{ name: clicks, config: { event_time: at } }, { name: people }] }]",
    "models/days.sql":
      "{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='day', " +
      "batch_size='day', begin='2024-01-01', lookback=2) }}" +
      "select at::date as day, count(*) as n from {{ source('crm', 'clicks') }} join {{ source('crm', 'people') }} using (id) " +
      "cross join {{ source('crm', 'clicks').render() }} group by 1",
    "models/all.sql":
      "{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='at', " +
      "batch_size='month', begin='2024-01-01') }}select at from {{ source('crm', 'people') }}",
  });
  assert.deepStrictEqual(headerOf(planned, "days"), {
    materialized: "incremental",
    strategy: "delete_insert",
    update_key: "day",
    batch_size: "1d",
    begin: "2024-01-01",
    lookback: 2,
  });
  assert.strictEqual(
    sqlOf(planned, "days"),
    "select at::date as day, count(*) as n from (select * from raw.clicks where at >= getvariable('window_start') " +
      "and at < getvariable('window_end')) join raw.people using (id) cross join raw.clicks group by 1",
  );
  assert.deepStrictEqual(hands(planned).slice(0, 1), [
    "models/all.sql: no table that it reads has an event_time: its SQL has to take the rows from window_start to window_end",
  ]);
});

Deno.test("versions of a model have their own columns, and ref() means the latest", async () => {
  const planned = await plan({
    "models/dim_v1.sql": "select 1 as id, 2 as old",
    "models/dim_second.sql": "select 1 as id",
    "models/a.sql": "select * from {{ ref('dim') }} join {{ ref('dim', v=1) }} using (id)",
    "models/dim.yml":
      "models: [{ name: dim, latest_version: 2, columns: [{ name: id, tests: [unique] }, { name: old, tests: [not_null] }], " +
      "versions: [{ v: 1 }, { v: 2, defined_in: dim_second, columns: [{ include: all, exclude: [old] }] }] }]",
  });
  assert.strictEqual(sqlOf(planned, "a"), "select * from dim_second join dim_v1 using (id)");
  assert.deepStrictEqual(headerOf(planned, "dim_v1"), {
    columns: { id: { checks: ["unique"] }, old: { checks: ["not_null"] } },
  });
  assert.deepStrictEqual(headerOf(planned, "dim_second"), { columns: { id: { checks: ["unique"] } } });
});

Deno.test("a unit test of a later run has the model's own rows, and one of the first run has none", async () => {
  const model = "{{ config(materialized='incremental', unique_key='id') }}select id, at from {{ ref('b') }}" +
    "{% if is_incremental() %} where at > (select max(at) from {{ this }}){% endif %}";
  const test = (name: string, isIncremental: boolean, own: string) =>
    `- { name: ${name}, model: a, overrides: { macros: { is_incremental: ${isIncremental} } }, ` +
    `given: [{ input: this, rows: ${own} }, { input: ref('b'), rows: [{ id: 2, at: 2 }] }], expect: { rows: [{ id: 2 }] } }\n`;
  const planned = await plan({
    "models/a.sql": model,
    "models/b.sql": "select 1 as id, 1 as at",
    "models/a.yml": "unit_tests:\n" + test("first", false, "[{ id: 1, at: 1 }]") +
      test("later", true, "[{ id: 1, at: 1 }]") + test("empty", true, "[]"),
  });
  const tests: unknown = parse(contentOf(planned, "tests/a.yaml"));
  const given = { b: [{ id: 2, at: 2 }] };
  const common = { model: "shop.a", expect: [{ id: 2 }] };
  assert.deepStrictEqual(tests, [
    { name: "first", ...common, given },
    { name: "later", ...common, given: { a: [{ id: 1, at: 1 }], ...given } },
  ]);
  assert.strictEqual(hands(planned).length, 1);
});

Deno.test("one value of a query is asked by the model itself, and what is computed from it is a fault", async () => {
  const planned = await plan({
    "models/b.sql": "select 1 as id",
    "models/a.sql":
      "{% set first = dbt_utils.get_single_value(\"select min(at) from \" ~ ref('b'), '2020-01-01') %}" +
      "{% set last = run_query('select max(id) from b;').columns[0].values()[0] %}" +
      "{% call statement('n', fetch_result=True) %}select count(*) from b where x = 'it'{% endcall %}" +
      "select cast('{{ first[0:10] }}' as date), {{ last }}, 'n: {{ load_result('n')['data'][0][0] }}!'" +
      "{% if last is not none and last != none %} -- known{% endif %}",
    "models/c.sql": "{% set n = run_query('select 1')[0][0] %}{% for i in range(n + 1) %}{{ i }}{% endfor %}",
    "models/d.sql": "{% for row in run_query('select 1') %}{{ row }}{% endfor %}",
    "models/e.sql": "{{ run_query('select 1')[0][0] | int }}",
  });
  assert.strictEqual(
    sqlOf(planned, "a"),
    "select cast(cast(substring(cast(coalesce((select min(at) from b), '2020-01-01') as varchar), 1, 10) as varchar) as date), " +
      "(select max(id) from b), ('n: ' || cast((select count(*) from b where x = 'it') as varchar) || '!') -- known",
  );
  const found = hands(planned).map((message) => message.replace(/ which.*| rows.*/, ""));
  assert.deepStrictEqual(found, [
    "models/c.sql: + with what a query gives,",
    "models/d.sql: a query asks the database for",
    "models/e.sql: the filter int of what a query gives,",
  ]);
});

Deno.test("a seed has the rows that dbt reads, and what is switched off need not work", async () => {
  const planned = await plan({
    "seeds/s.csv": 'id,name,empty\n1,"a,b",\n2,null,""\n3\n',
    "seeds/same.csv": 'id,name\r\n1,"x"\r\n',
    "seeds/times.csv":
      "at,day,code,text\n2022-09-19 05:50:07.000,2022-9-1 2:20:51,007,2022-9-1\n,2022-09-02T00:00:01.5Z,,x\n",
    "seeds/semi.csv": "a;b\n1;2\n",
    "dbt_project.yml": "name: shop\nseeds: { shop: { semi: { +delimiter: ';' } } }\n",
    "seeds/mixed.csv": "at\n2024-1-01\n2024-01-02 03:04:05\n",
    "models/a.sql": "{{ config(enabled=var('on', false)) }}{{ nothing() }}",
  });
  assert.strictEqual(contentOf(planned, "seeds/s.csv"), 'id,name,empty\n1,"a,b",\n2,,\n3,,\n');
  assert.deepStrictEqual(parse(contentOf(planned, "seeds/s.yaml")), {
    columns: { empty: { type: "INTEGER" } },
  });
  assert.strictEqual(contentOf(planned, "seeds/same.csv"), 'id,name\r\n1,"x"\r\n');
  assert.deepStrictEqual(parse(contentOf(planned, "seeds/times.yaml")), {
    columns: { at: { type: "VARCHAR" } },
  });
  assert.strictEqual(
    contentOf(planned, "seeds/times.csv"),
    "at,day,code,text\n2022-09-19 05:50:07.000,2022-09-01 02:20:51,007,2022-9-1\n,2022-09-02 00:00:01.5,,x\n",
  );
  assert.match(
    planned.findings.find(({ file }) => file === "seeds/times.csv")?.message ?? "",
    /^code has numbers/,
  );
  assert.deepStrictEqual(parse(contentOf(planned, "seeds/mixed.yaml")), {
    columns: { at: { type: "VARCHAR" } },
  });
  assert.match(contentOf(planned, "seeds/mixed.csv"), /^2024-1-01$/m);
  assert.deepStrictEqual(hands(planned), ['seeds/semi.csv: is separated by ";", and seeds are by commas']);
});
