import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import type { Finding } from "../../../engine/definitions/dbt/findings.ts";
import { sluiceArgs } from "../../support/sluice_server.ts";

/** A shop as dbt's projects are: seeds, staging views, marts, an incremental model, a snapshot, tests, a unit test. */
const SHOP: Readonly<Record<string, string>> = {
  "dbt_project.yml": `
name: shop
profile: shop
vars: { min_amount: "1" }
models: { shop: { marts: { +materialized: table } } }
`,
  "seeds/raw_customers.csv": "id,name\n1,Ada\n2,Bob\n3,Eve\n",
  "seeds/raw_orders.csv":
    "id,customer_id,ordered_on,cents\n1,1,2024-01-01,1250\n2,1,2024-01-03,300\n3,2,2024-01-02,999\n",
  "macros/money.sql":
    "{% macro dollars(column) -%}{{ return(adapter.dispatch('dollars')(column)) }}{%- endmacro %}\n" +
    "{% macro default__dollars(column) -%}({{ column }} / 100)::decimal(16, 2){%- endmacro %}\n",
  "models/staging/stg_orders.sql": `with source as (
    select * from {{ ref('raw_orders') }}
)

select id as order_id, customer_id, ordered_on, {{ dollars('cents') }} as amount
from source
where {{ dollars('cents') }} >= '{{ var("min_amount") }}'::decimal
`,
  "models/marts/customers.sql": `{% set months = ['01', '02'] %}
with stg_orders as (select * from {{ ref('stg_orders') }})
select
    {{ dbt_utils.generate_surrogate_key(['c.id', 'c.name']) }} as key,
    c.name,
    {% for month in months -%}
    coalesce(sum(amount) filter (strftime(ordered_on, '%m') = '{{ month }}'), 0) as month_{{ month }}{{ "," if not loop.last }}
    {% endfor %}
from {{ ref('raw_customers') }} as c
left join stg_orders as o on o.customer_id = c.id
{{ dbt_utils.group_by(2) }}
`,
  "models/marts/days.sql": `{{ config(materialized='incremental', unique_key='day') }}
select ordered_on as day, sum(amount) as amount from {{ ref('stg_orders') }}
{% if is_incremental() %} where ordered_on >= (select max(day) from {{ this }}) {% endif %}
group by 1
`,
  // dbt asks its database for these columns, and for the value.
  "models/marts/greatest.sql":
    `{% set last = dbt_utils.get_single_value("select max(ordered_on) from " ~ ref('stg_orders')) %}
select {% for column in adapter.get_columns_in_relation(ref('stg_orders')) %}max({{ column.name }}) as {{ column.name }}, {% endfor %}
    '{{ last }}'::date as last
from {{ ref('stg_orders') }}
`,
  "snapshots/names.sql":
    "{% snapshot names %}{{ config(unique_key='id', strategy='check', check_cols='all') }}" +
    "select * from {{ ref('raw_customers') }}{% endsnapshot %}\n",
  "models/schema.yml": `
models:
- name: customers
  description: Everybody
  columns:
  - name: key
    tests: [unique, not_null]
  - name: gone
    description: dbt does not mind
- name: stg_orders
  columns:
  - name: order_id
    data_tests:
    - relationships: { to: ref('raw_orders'), field: id }
    - dbt_utils.accepted_range: { min_value: 1 }
unit_tests:
- name: dollars are cents by 100
  model: stg_orders
  given: [{ input: ref('raw_orders'), rows: [{ id: 7, cents: 250 }, { id: 8, cents: 99 }] }]
  expect: { rows: [{ order_id: 7, amount: 2.5 }] }
`,
  // And for the rows that become columns: it is asked of the seeds.
  "models/marts/by_customer.sql":
    "select {{ dbt_utils.pivot('customer_id', dbt_utils.get_column_values(ref('stg_orders'), 'customer_id', order_by='1'), " +
    "prefix='of_') }} from {{ ref('stg_orders') }}\n",
  // Nobody says what these are: they and what reads them wait, and the rest runs.
  "models/marts/later.sql":
    "select {{ env_var('REGION') }} as region, parse_json('1') as x from {{ ref('stg_orders') }}\n",
  "models/marts/other_sql.sql": "select parse_json('1') as x from {{ ref('stg_orders') }}\n",
  "models/marts/after.sql": "select * from {{ ref('later') }}, {{ ref('other_sql') }}\n",
  "tests/no_negative.sql": "select * from {{ ref('days') }} where amount < 0\n",
};

async function sluice(...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: sluiceArgs(...args),
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Each value as a text. */
async function rowsOf(path: string, sql: string): Promise<string[][]> {
  const instance = await DuckDBInstance.create(path, { access_mode: "READ_ONLY" });
  const connection = await instance.connect();
  try {
    const reader = await connection.runAndReadAll(sql);
    return reader.getRows().map((row) => row.map(String));
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

Deno.test("a dbt project runs after its import, and gives the rows that dbt gives", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice_dbt_" });
  try {
    const [dir, out] = [join(folder, "dbt"), join(folder, "out")];
    for (const [path, text] of Object.entries(SHOP)) {
      await Deno.mkdir(dirname(join(dir, path)), { recursive: true });
      await Deno.writeTextFile(join(dir, path), text);
    }
    const imported = await sluice("import", "dbt", dir, out, "--json");
    assert.strictEqual(imported.code, 0, imported.stderr);
    const { counts, findings, switched_off: off } = JSON.parse(imported.stdout);
    assert.deepStrictEqual(counts, {
      models: 8,
      whole: 6,
      seeds: 2,
      snapshots: 1,
      sources: 0,
      checks: 5,
      tests: 1,
      switched_off: 3,
    });
    const hands = findings.filter(({ kind }: Finding) => kind === "hand");
    assert.deepStrictEqual(hands.map(({ file, line }: Finding) => `${file}:${line}`), [
      "models/marts/later.sql:1",
      "transforms/shop/marts/other_sql.sql:5",
    ]);
    assert.deepStrictEqual(off.map(({ name }: { name: string }) => name), ["after", "later", "other_sql"]);
    const checked = await sluice("check", "--project", out);
    assert.strictEqual(checked.code, 0, checked.stdout + checked.stderr);
    const report = await Deno.readTextFile(join(out, "IMPORT.md"));
    assert.match(report, /describes the column gone, which the query does not have/);

    const again = await sluice("import", "dbt", dir, out);
    assert.strictEqual(again.code, 2);
    assert.match(again.stderr, /is not empty/);

    const tests = await sluice("test", "--project", out);
    assert.strictEqual(tests.code, 0, tests.stdout + tests.stderr);
    for (let run = 1; run <= 2; run++) {
      const outcome = await sluice("run", "shop", "--project", out, "--quiet");
      assert.strictEqual(outcome.code, 0, outcome.stdout + outcome.stderr);
    }
    const warehouse = join(out, ".sluice", "warehouse", "shop.duckdb");
    assert.deepStrictEqual(
      await rowsOf(warehouse, "SELECT name, month_01, month_02, key FROM customers ORDER BY name"),
      [
        ["Ada", "15.50", "0.00", "2b4da6c48a9af7670dd9b517c981a668"],
        ["Bob", "9.99", "0.00", "7827bc2972d8a00749dc1a8bc97da652"],
        ["Eve", "0.00", "0.00", "713b8e329895d4f0d7194ae6f0884935"],
      ],
    );
    assert.deepStrictEqual(await rowsOf(warehouse, "SELECT day, amount FROM days ORDER BY day"), [
      ["2024-01-01", "12.50"],
      ["2024-01-02", "9.99"],
      ["2024-01-03", "3.00"],
    ]);
    assert.deepStrictEqual(
      await rowsOf(warehouse, "SELECT order_id, customer_id, ordered_on, amount, last FROM greatest"),
      [["3", "2", "2024-01-03", "12.50", "2024-01-03"]],
    );
    assert.deepStrictEqual(await rowsOf(warehouse, "SELECT of_1, of_2 FROM by_customer"), [["2", "1"]]);
    assert.deepStrictEqual(await rowsOf(warehouse, "SELECT count(*), count(dbt_valid_to) FROM names"), [[
      "3",
      "0",
    ]]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
