import { deepEqual, equal, match, ok } from "node:assert/strict";
import { TestProject } from "../../../support/test_project.ts";

Deno.test("rows that fail a check are shown after the run that undid their model", async () => {
  await using project = await TestProject.create({
    "connectors.yaml": "files: { type: file }\n",
    "data/orders.csv": "id,amount\n1,5\n2,-7\n3,-9\n",
    "pipelines/p.yaml": "extract:\n  orders:\n    connector: files\n    path: data/orders.csv\n" +
      "    checks: [{ unique: [id] }, { row_count: { min: 5 }, severity: warn }]\ntransform: p\n",
    "transforms/p/m.sql":
      "/* @sluice\ncolumns: { amount: { checks: [{ range: { min: 0 } }] } }\n*/\nSELECT * FROM raw.orders",
  });
  const run = await project.sluice("run", ["p", "--json"]);
  equal(run.code, 1, run.stderr);
  ok(!/-7|-9/.test(run.stdout + run.stderr), "values are shown to whoever may see data alone");
  const { id } = JSON.parse(run.stdout.trim().split("\n").at(-1) ?? "");
  const list = await project.sluice("checks", [id]);
  equal(list.code, 0, list.stderr);
  match(list.stdout, /^raw\.orders\.unique_id +succeeded +0/m);
  match(list.stdout, /^raw\.orders\.row_count +warned +1 +row_count: 3 rows, expected at least 5/m);
  match(list.stdout, /^m\.range_amount +failed +2 +range\(amount\): 2 of 3 rows$/m, "no row is quoted");
  for (const check of ["range_amount", "m.range_amount", "check:m.range_amount"]) {
    const shown = await project.sluice("checks", [id, check, "--json"]);
    const { columns, rows, failures } = JSON.parse(shown.stdout);
    deepEqual([columns, rows, failures], [["id", "amount"], [["2", "-7"], ["3", "-9"]], 2]);
  }
  const text = await project.sluice("checks", [id, "range_amount"]);
  match(text.stdout, /id +amount\n2 +-7\n3 +-9/i);
  const unknown = await project.sluice("checks", [id, "rang_amount"]);
  equal(unknown.code, 2);
  match(unknown.stderr, /The run has no check "rang_amount" \(did you mean m\.range_amount\?\)/);
});
