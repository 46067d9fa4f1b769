import assert from "node:assert/strict";
import { join } from "node:path";
import { parse } from "yaml";
import { METRICS } from "../../../../../engine/runs/seeing/metric_table.ts";

/** The dashboard, the rules and the manual know each metric that there is, and no other. */

const ROOT = join(import.meta.dirname ?? ".", "../../../../..");
const read = (path: string) => Deno.readTextFile(join(ROOT, path));

/** Prometheus makes these itself. */
const FOREIGN = new Set(["up", "ALERTS"]);
const WORDS = new Set(["and", "or", "unless", "bool", "offset", "atan2", "inf", "nan"]);

/** Names of series that an expression of PromQL reads. */
function seriesOf(expression: string): string[] {
  const bare = expression
    .replaceAll(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/g, "")
    .replaceAll(/\{[^}]*\}|\[[^\]]*\]/g, " ")
    .replaceAll(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, " ");
  return [...bare.matchAll(/(?<![\w:.])[a-zA-Z_:][\w:]*(?!\w)(?!\s*\()/g)]
    .map(([name]) => name).filter((name) => !WORDS.has(name.toLowerCase()));
}

/** Every text under a key of this name, however deep. */
function* textsUnder(key: string, value: unknown): Iterable<string> {
  if (typeof value !== "object" || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    if (name === key && typeof inner === "string") yield inner;
    yield* textsUnder(key, inner);
  }
}

const known = new Set<string>(
  Object.entries(METRICS).flatMap(([name, [type]]) => {
    const parts = [`${name}_sum`, `${name}_count`];
    if (type === "histogram") return [`${name}_bucket`, ...parts];
    return type === "summary" ? parts : [name];
  }),
);

function assertKnown(expressions: readonly string[], where: string): void {
  const names = expressions.flatMap(seriesOf);
  assert.ok(names.length > 5, where);
  assert.deepEqual(names.filter((name) => !known.has(name) && !FOREIGN.has(name)), [], where);
}

Deno.test("what an expression reads is found in it", () => {
  assert.deepEqual(
    seriesOf(
      'histogram_quantile(0.9, sum by (le, a_b) (rate(x_bucket{a="b_total", c=~"$d"}[5m]))) > 1e3 and on (q) y:z == bool 1',
    ),
    ["x_bucket", "y:z"],
  );
});

Deno.test("the dashboard reads no metric that does not exist, nor do its variables", async () => {
  const dashboard: unknown = JSON.parse(await read("ops/grafana/sluice.json"));
  assertKnown([...textsUnder("expr", dashboard)], "ops/grafana/sluice.json");
  const definitions = [...textsUnder("definition", dashboard)];
  const asked = definitions.map((text) => /^label_values\(([^,{]+)/.exec(text)?.[1] ?? assert.fail(text));
  assert.deepEqual(asked.filter((name) => !known.has(name)), []);
});

Deno.test("the rules read no metric that does not exist, nor do their tests", async () => {
  assertKnown([...textsUnder("expr", parse(await read("ops/prometheus/rules.yaml")))], "rules.yaml");
  const tests: unknown = parse(await read("ops/prometheus/rules_test.yaml"));
  const series = [...textsUnder("series", tests)];
  assertKnown([...series, ...textsUnder("expr", tests)], "rules_test.yaml");
});

Deno.test("every metric is in docs/metrics.md, and none that does not exist", async () => {
  const page = await read("docs/metrics.md");
  const told = [...page.matchAll(/^\| `((?:sluice|process)_\w+)`/gm)].map(([, name = ""]) => name);
  assert.deepEqual(told.toSorted(), Object.keys(METRICS).toSorted());
});
