import assert from "node:assert/strict";
import { AppError } from "../../../../../contract/errors.ts";
import { bounded } from "../../../../../engine/definitions/dbt/jinja/bounded.ts";
import { createJinja, returnValue, scopeOf } from "../../../../../engine/definitions/dbt/jinja/evaluate.ts";
import { parseTemplate } from "../../../../../engine/definitions/dbt/jinja/parser.ts";
import { type JinjaObject, type Value, valueOf } from "../../../../../engine/definitions/dbt/jinja/values.ts";

function render(template: string, names: Readonly<Record<string, unknown>> = {}): string {
  const entries = Object.entries(names).map(([name, value]) => [name, valueOf(value)] as const);
  const scope = scopeOf(scopeOf(undefined, [...entries, ["return", returnValue] as const]));
  return createJinja().render(parseTemplate(template), scope);
}

/** As Jinja2 3.1 renders them. */
const CASES: Readonly<Record<string, string>> = {
  "a {{ 1 + 2 * 3 }} b": "a 7 b",
  "{{ 'a' ~ 1 ~ none ~ true }}": "a1NoneTrue",
  "{{ [1, 'b', {'c': none}] }}": "[1, 'b', {'c': None}]",
  "x  {%- if true %} y {% endif -%}  z": "x y z",
  "{# gone #}a{#- gone -#} b": "ab",
  "{% raw %}{{ x }}{% endraw %}": "{{ x }}",
  "{% for x in [1, 2, 3] %}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}": "1, 2, 3",
  "{% for x in [1, 2, 3] if x is odd %}{{ loop.index }}:{{ x }} {% else %}none{% endfor %}": "1:1 2:3 ",
  "{% for x in [] %}{{ x }}{% else %}none{% endfor %}": "none",
  "{% for x in [1, 2, 3] %}{% if x == 2 %}-{% continue %}{% endif %}{{ x }}{% endfor %}": "1-3",
  "{% for x in [1, 2, 3] %}{% for y in [1, 2] %}{{ y }}{% break %}{% endfor %}{% if x == 2 %}.{% break %}{% endif %},{% endfor %}":
    "1,1.",
  "{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }};{% endfor %}": "a=1;b=2;",
  "{% set x = 1 %}{% for i in [1] %}{% set x = 2 %}{% endfor %}{{ x }}": "1",
  "{% set l = [] %}{% for i in [0, 1, 2] %}{% do l.append(i * 2) %}{% endfor %}{{ l }}": "[0, 2, 4]",
  "{% set a, b = 1, 2 %}{{ a }}{{ b }}": "12",
  "{% set x %}a{{ 1 }}{% endset %}{{ x | upper }}": "A1",
  "{% macro m(a, b=2) %}{{ a }}-{{ b }}{% endmacro %}{{ m(1) }} {{ m(b=3, a=4) }}": "1-2 4-3",
  "{% macro m() %}{{ return([1, 2]) }}{% endmacro %}{{ m()[1] + 1 }}": "3",
  "{% macro m() %}[{{ caller(1) }}]{% endmacro %}{% call(x) m() %}in {{ x }}{% endcall %}": "[in 1]",
  "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, k=3) }}": "[1, 2]{'k': 3}",
  "{{ 'yes' if 1 > 2 else 'no' }}{{ 'x' if false }}": "no",
  "{{ missing is defined }} {{ missing | default('d') }}": "False d",
  "{{ 5 // 2 }} {{ -5 % 3 }} {{ 2 ** 3 }}": "2 1 8",
  "{{ 'a' in 'abc' and 2 not in [1] }}": "True",
  "{{ 'a,b'.split(',') | join('|') }} {{ ' x '.strip() }}": "a|b x",
  "{{ '%s-%02d' % ('a', 7) }} {{ '{}+{}'.format(1, 2) }}": "a-07 1+2",
  "{{ ['b', 'a'] | sort | map('upper') | list }}": "['A', 'B']",
  "{{ [{'n': 1}, {'n': 2}] | map(attribute='n') | sum }}": "3",
  "{{ [{'n': 1}, {'n': 2}] | selectattr('n', 'gt', 1) | list }}": "[{'n': 2}]",
  "{{ 'abc'[1:] }}{{ [1, 2, 3][-1] }}": "bc3",
  "{{ none is none }} {{ 1 is not none }} {{ [] or 'e' }}": "True True e",
  "{{ {'a': {'b': 1}}.a.b }}": "1",
  "{% filter upper %}abc{% endfilter %}": "ABC",
  "{% if a %}1{% elif b %}2{% else %}3{% endif %}": "2",
};

for (const [template, expected] of Object.entries(CASES)) {
  Deno.test(`a template renders as Jinja2 does: ${template}`, () => {
    assert.strictEqual(render(template, { b: true }), expected);
  });
}

const FAULTS: Readonly<Record<string, RegExp>> = {
  "a\n{% break %}": /^line 2: {% break %} stands in no loop$/,
  "a\n{% if x %}b": /^line 2: {% if %} is not closed$/,
  "\n\n{{ nothing() }}": /^line 3: the macro nothing is not known$/,
  "{{ a.b.c() }}": /^line 1: a is not known$/,
  "{{ 1 | nothing }}": /^line 1: the filter nothing is not known$/,
  "{% nothing %}": /^line 1: {% nothing %} is not known$/,
  "{{ 'x": /is no Jinja$/,
  "{{ (1 }}": /^line 1: /,
};

for (const [template, expected] of Object.entries(FAULTS)) {
  Deno.test(`a template that is wrong is told with its line: ${JSON.stringify(template)}`, () => {
    assert.throws(() => render(template), (error: Error) => expected.test(error.message));
  });
}

/** Templates that would take all of the time or the memory of the machine. */
const HOSTILE: Readonly<Record<string, RegExp>> = {
  "{% for a in many %}{% for b in many %}{{ a }}{% endfor %}{% endfor %}": /does not come to an end/,
  "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}": /macros call each other more than 100 deep/,
  "{% macro m(n) %}{{ m(n) }}{{ m(n) }}{% endmacro %}{{ m(1) }}": /more than 100 deep/,
  "{% set ns = namespace(x='ab') %}{% for a in many %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}":
    /text of more than 20000000 letters/,
  "{{ 'a' * 1000000000 }}": /more than 20000000 letters/,
  "{{ '%2000000000d' % 1 }}{{ 'x'.zfill(2000000000) }}{{ 'x'.zfill(2000000000) }}":
    /more than 20000000 letters/,
  "{% set l = [1] %}{% for a in many %}{% do l.extend(l) %}{% endfor %}": /more than 1000000 items/,
  "{% set l = [1] %}{% do l.append(l) %}{{ l }}": /has itself inside/,
  "{% set ns = namespace(x=[1]) %}{% for a in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}":
    /has itself inside, or too much/,
  "{% set l = range(100000) %}{% for a in many %}{{ l | sort | length }}{% endfor %}":
    /does not come to an end/,
  [`{{ ${"(".repeat(20_000)}1${")".repeat(20_000)} }}`]: /brackets are nested more than 100 deep/,
  [`{{ ${"- ".repeat(50_000)}1 }}`]: /goes too deep/,
  [`{{ 1${" + 1".repeat(50_000)} }}`]: /goes too deep/,
  ["{% if true %}".repeat(5_000)]: /tags are nested more than 100 deep/,
};

for (const [template, expected] of Object.entries(HOSTILE)) {
  Deno.test(`a hostile template is stopped: ${template.slice(0, 90)}`, () => {
    const many: Value = Array.from({ length: 2_000 }, (_, at) => at);
    const scope = scopeOf(undefined, [
      ["many", many],
      ["range", ([count]) => Array.from({ length: Number(count) }, (_, at) => at)],
      ["namespace", (_, kwargs) => namespaceOf(kwargs)],
    ]);
    assert.throws(
      () => bounded(() => createJinja().render(parseTemplate(template), scope)),
      (error: Error) => error instanceof AppError && expected.test(error.message),
    );
  });
}

function namespaceOf(kwargs: ReadonlyMap<string, Value>): Value {
  const values = new Map(kwargs);
  const namespace: JinjaObject = {
    get: (name) => values.get(name),
    set: (name, value) => {
      values.set(name, value);
    },
    text: () => "",
  };
  return namespace;
}
