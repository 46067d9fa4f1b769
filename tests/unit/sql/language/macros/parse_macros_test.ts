import assert from "node:assert/strict";
import { parseMacros, twinFaults } from "../../../../../sql/language/macros/parse_macros.ts";
import { keptStatements, macrosCalledIn } from "../../../../../sql/language/macros/used_macros.ts";
import { formatFault } from "../../../../../text/fault.ts";

const parse = (content: string, path = "macros/m.sql") => {
  const { statements, faults } = parseMacros({ path, content });
  return { statements, faults: faults.map(formatFault), macros: statements.map(({ macro }) => macro) };
};

Deno.test("parseMacros() reads the forms that DuckDB has", () => {
  const { macros, faults } = parse(`-- money
CREATE MACRO net(gross, rate DECIMAL(4,2) := round(0.2, 1), "by" => 1) AS (gross / (1 + rate));
create or replace temp function main."of"() as 'a, ;' || $$ , $$ /* , ; */;
CREATE MACRO IF NOT EXISTS add(a) AS a, (a, b) AS a + b;
CREATE MACRO recent(days := 7) AS TABLE
  SELECT a, (b) AS c, d FROM t WHERE list_contains([1, 2], a);
CREATE MACRO two(a) AS TABLE (SELECT a, 1), (a, b) AS TABLE (SELECT a, b)`);
  assert.deepEqual(faults, []);
  const shown = macros.map(({ name, isTable, text, parts }) => [
    name,
    isTable,
    ...parts.map(({ kind, start, end }) => `${kind}: ${text.slice(start, end).replace(/\s+/g, " ")}`),
  ]);
  assert.deepEqual(shown, [
    ["net", false, "default: round(0.2, 1)", "default: 1", "expression: (gross / (1 + rate))"],
    ["of", false, "expression: 'a, ;' || $$ , $$"],
    ["add", false, "expression: a", "expression: a + b"],
    [
      "recent",
      true,
      "default: 7",
      "query: SELECT a, (b) AS c, d FROM t WHERE list_contains([1, 2], a)",
    ],
    ["two", true, "query: (SELECT a, 1)", "query: (SELECT a, b)"],
  ]);
});

for (
  const [what, sql, place] of [
    ["a SELECT", "SELECT 1", "1:1: expected CREATE MACRO name"],
    ["a table", "CREATE TABLE t (a INTEGER)", "1:8: expected CREATE MACRO name"],
    ["no parameters", "CREATE MACRO f AS 1", "1:16: expected ( and the macro's parameters"],
    ["no body", "CREATE MACRO f(a) AS", "1:21: expected an expression behind AS; the statement ends here"],
    ["no body of a second form", "CREATE MACRO f(a) AS a, (b)", "1:28: expected CREATE MACRO name"],
    ["an open bracket", "CREATE MACRO f(a) AS (a", "1:22: ( is not closed"],
    ["a bracket too many", "CREATE MACRO f(a) AS a) FROM read_csv('x'", "1:23: ) closes nothing"],
    ["another schema", "CREATE MACRO raw.f(a) AS a", "1:14: leave out the schema"],
    ["a name of ours", "CREATE MACRO _sluice_f(a) AS a", "1:14: _sluice_f cannot be the name of a macro"],
    [
      "a name that is none",
      'CREATE MACRO "a b"(a) AS a',
      "1:14: a b cannot be the name of a macro: expected a letter",
    ],
    ["Jinja", "{% macro f(a) %} a {% endmacro %}", "1:1: {% macro f(a) %} is Jinja"],
    ["nothing but a comment", "-- CREATE MACRO f(a) AS a", "1:1: warning: the file has no CREATE MACRO"],
  ] as const
) {
  Deno.test(`parseMacros() tells the place of ${what}`, () => {
    const { faults, macros } = parse(sql);
    assert(faults[0]?.startsWith(`macros/m.sql:${place}`), faults[0]);
    assert.deepEqual(macros, []);
  });
}

Deno.test("twinFaults() names the file of the first of two macros", () => {
  const one = parse("CREATE MACRO f(a) AS a", "macros/a.sql").macros;
  const other = parse("\nCREATE MACRO F(a, b) AS b; CREATE MACRO g() AS 1", "macros/b.sql").macros;
  const [fault, ...rest] = twinFaults([...one, ...other]).map(formatFault);
  assert.match(
    fault ?? "",
    /^macros\/b\.sql:2:14: the macro F is in macros\/a\.sql:1 already: forms of one macro/,
  );
  assert.deepEqual(rest, []);
});

const FILE = `-- net of gross
CREATE MACRO net(g) AS
  g / rate();

CREATE MACRO unused(a) AS
  a;
CREATE MACRO rate() AS 1.2; CREATE MACRO other() AS 3;  CREATE MACRO last() AS 2;
-- the end`;

Deno.test("macrosCalledIn() follows calls through others, and takes twins of a name", () => {
  const { macros } = parse(FILE);
  const named = (...texts: string[]) => macrosCalledIn(texts, macros).map(({ name }) => name);
  assert.deepEqual(named("SELECT NET (amount)"), ["net", "rate"]);
  assert.deepEqual(named('SELECT "last"()', "SELECT amount.rate()"), ["rate", "last"]);
  assert.deepEqual(named("SELECT net, unused, my_last()"), []);
  const twins = [...macros, ...parse("CREATE MACRO rate() AS 2", "macros/z.sql").macros];
  assert.deepEqual(macrosCalledIn(["rate()"], twins).map(({ path }) => path), [
    "macros/m.sql",
    "macros/z.sql",
  ]);
});

Deno.test("keptStatements() leaves the used ones at their places", () => {
  const { statements, macros } = parse(FILE);
  const keep = (...names: string[]) =>
    keptStatements(
      { path: "macros/m.sql", content: FILE },
      statements,
      new Set(macros.filter(({ name }) => names.includes(name))),
    ).content;
  const places = (content: string) =>
    parse(content).macros.map(({ name, position }) => [
      name,
      content.slice(0, position).split("\n").length,
      position - content.lastIndexOf("\n", position),
    ]);
  const whole = new Map(places(FILE).map((place) => [place[0], place]));
  for (const names of [["net", "rate"], ["last"], ["other", "unused"]]) {
    const kept = places(keep(...names));
    assert.deepEqual(kept.map(([name]) => name).sort(), names.sort());
    for (const place of kept) assert.deepEqual(place, whole.get(place[0]));
  }
  const changed = FILE.replace("  a;", "  a + 12345;").replace("-- the end", "-- it ends");
  const read = parse(changed);
  const net = new Set(read.macros.filter(({ name }) => name === "net"));
  assert.equal(
    keptStatements({ path: "macros/m.sql", content: changed }, read.statements, net).content,
    keep("net"),
  );
});
