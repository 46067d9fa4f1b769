import assert from "node:assert/strict";
import { foreignSyntax } from "../../../../../sql/language/foreign/syntax.ts";

const found = (sql: string) => foreignSyntax(sql).map(({ message, position }) => `${position} ${message}`);

Deno.test("foreignSyntax() says what takes the place of dbt's calls", () => {
  assert.deepEqual(
    found(`{{ config(materialized='table') }}
SELECT * FROM {{ ref('stg_orders') }} JOIN {{ ref("other", "dim") }} USING (id)
JOIN {{source('shop', 'orders')}} USING (id) WHERE day > {{ var('since') }}
{% if is_incremental() %} AND day > (SELECT max(day) FROM {{ this }}) {% endif %} {# note #}`),
    [
      "0 {{ config(materialized='table') }} is Jinja: write a header, as /* @sluice materialized: incremental */",
      "49 {{ ref('stg_orders') }} is Jinja: write the model's name alone, stg_orders",
      '78 {{ ref("other", "dim") }} is Jinja: write the model\'s name alone, dim',
      "120 {{source('shop', 'orders')}} is Jinja: write the stream, raw.orders",
      "172 {{ var('since') }} is Jinja: write getvariable('since'), and give the pipeline a param of that name",
      "191 {% if is_incremental() %} is Jinja: write a condition that holds in the first run too, as getvariable('cursor') IS NULL OR …",
      "249 {{ this }} is Jinja: write the model's own name",
      "261 {% endif %} is Jinja: a model is plain SQL, without templates",
      "273 {# note #} is Jinja: a model is plain SQL, without templates",
    ],
  );
  assert.deepEqual(found("SELECT {{ unfinished"), ["7 Jinja is not understood here: a model is plain SQL"]);
});

Deno.test("foreignSyntax() finds backticks and placeholders", () => {
  assert.deepEqual(found("SELECT `a`, `b c` FROM `t` WHERE ` = 1"), [
    '7 names stand in double quotes, not in backticks: write a, or "a"',
    '12 names stand in double quotes, not in backticks: write "b c"',
    '23 names stand in double quotes, not in backticks: write t, or "t"',
    "33 a backtick is no SQL: names stand in double quotes",
  ]);
  assert.deepEqual(found("SELECT ?, $since, $1"), [
    "7 ? is a placeholder, and nothing fills it: write getvariable('name')",
    "10 $since is a placeholder, and nothing fills it: write getvariable('since')",
    "18 $1 is a placeholder, and nothing fills it: write getvariable('name')",
  ]);
});

Deno.test("foreignSyntax() leaves SQL alone, and what stands in texts and comments", () => {
  for (
    const sql of [
      "SELECT '{{ ref() }} ` ? $a', \"`?\", $$ ? `{{ $$ -- ` ? {{\n /* ` ? {{ $x */",
      "SELECT {'a': {'b': 1}} AS s, x -> '$.a', [1][1], a$b FROM t",
      "SELECT MAP {'a': 1}, $tag$ ? $tag$",
    ]
  ) assert.deepEqual(found(sql), []);
});
