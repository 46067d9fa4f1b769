import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { TestProject } from "../../../support/test_project.ts";

Deno.test("sluice test runs tests without sources, secrets or a data folder, and says what differs", async () => {
  await using project = await TestProject.create({
    "connectors.yaml": "files: { type: file }\nshop: { type: postgres, url: '${secret:SHOP_URL}' }\n",
    "pipelines/p.yaml": "extract:\n  orders: { connector: files, path: data/none.csv }\n" +
      "  far: { connector: shop, stream: public.far }\ntransform: p\n",
    "transforms/p/m.sql": "SELECT id, amount + 1 AS more FROM raw.orders",
    "seeds/rates.csv": "id,rate\n1,1.5\n2,2\n",
    "transforms/p/rated.sql":
      "SELECT o.id, o.amount * r.rate AS net FROM raw.orders o JOIN rates r USING (id)",
    "transforms/p/n.sql": "/* @sluice\nprimary_key: [id]\n*/ SELECT id, x FROM raw.far",
    "tests/p.yaml": `
- {name: right, model: m, given: {raw.orders: [{id: 1, amount: 1}]}, expect: [{id: 1, more: 2}]}
- {name: seed, model: rated, given: {raw.orders: [{id: 2, amount: 3}]}, expect: [{id: 2, net: 6}]}
- {name: other, model: rated, given: {raw.orders: [{id: 2, amount: 3}], rates: []}, expect: []}
- {name: wrong, model: p.n, given: {raw.far: [{id: 1, x: a}, {id: 2, x: b}]}, expect: [{id: 1, x: b}, {id: 2, x: b}]}
`,
  });
  const junit = join(project.folder, "report.xml");
  const all = await project.sluice("test", ["--junit", junit]);
  equal(all.code, 1, all.stderr);
  deepEqual(all.stdout.split("\n"), [
    "✓ p.m: right",
    "✓ p.rated: seed",
    "✓ p.rated: other",
    "✗ p.n: wrong  tests/p.yaml:5",
    "    1 row has other values (~, is → expected)",
    "      id | x",
    "    ~ 1  | a → b",
    "",
  ]);
  match(all.stderr, /4 tests: 3 passed, 1 failed/);
  const xml = await Deno.readTextFile(junit);
  match(xml, /<testsuite name="p" tests="4" failures="1" errors="0"/);
  match(xml, /<failure message="1 row has other values/);

  const one = await project.sluice("test", ["p.m", "--json"]);
  equal(one.code, 0, one.stderr);
  const report = JSON.parse(one.stdout);
  deepEqual([report.passed, report.failed, report.tests.length], [1, 0, 1]);

  const unknown = await project.sluice("test", ["p.mm"]);
  equal(unknown.code, 2);
  match(unknown.stderr, /Pipeline "p" has no model "mm" \(there are m, n, rated and rates\)/);

  await project.write({ "tests/q.yaml": "- {name: x, model: none, expect: []}\n" });
  equal((await project.sluice("test")).code, 2);
  const checked = JSON.parse((await project.sluice("check", ["--offline", "--json"])).stdout);
  deepEqual(
    checked.faults.filter(({ file }: { file: string }) => file === "tests/q.yaml"),
    [{
      file: "tests/q.yaml",
      line: 1,
      column: 20,
      message: "no pipeline has a model none",
      severity: "error",
    }],
  );
});
