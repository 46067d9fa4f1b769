import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { TestProject } from "../../support/test_project.ts";

const FILES = {
  "connectors.yaml": "files: { type: file, root: . }\n",
  "project.yaml": "variables:\n  vat_rate: { type: number, default: 0.2 }\n",
  "pipelines/shop.yaml": `extract:
  orders: { connector: files, path: data/orders.csv }
load:
  countries: { connector: files, path: out/countries.csv }
  totals: { connector: files, path: out/totals.csv }
`,
  "data/orders.csv": "id,country,gross\n1,DE,12.0\n2,FR,24.0\n",
  "seeds/countries.csv": "code,name\nDE,Germany\nFR,France\n",
  "seeds/countries.yaml": "columns: { code: { checks: [not_null, unique] } }\n",
  "macros/money.sql": `CREATE MACRO net(gross, rate := NULL) AS
  round(gross / (1 + coalesce(rate, getvariable('vat_rate'))), 2);
CREATE MACRO of_country(wanted) AS TABLE SELECT * FROM stg_orders WHERE country = wanted;
`,
  "transforms/shop/staging/_defaults.yaml": "materialized: view\ntags: [staging]\n",
  "transforms/shop/staging/stg_orders.sql": "SELECT id, country, net(gross) AS net FROM raw.orders",
  "transforms/shop/off.sql": "/* @sluice enabled: false */ SELECT 1 AS x",
  "transforms/shop/german.sql": "SELECT count(*) AS n FROM of_country('DE')",
  "transforms/shop/totals.sql": `/* @sluice
checks:
  - { name: known, sql: SELECT * FROM totals WHERE name NOT IN (SELECT name FROM countries) }
*/
SELECT c.name, sum(o.net) AS net
FROM stg_orders o JOIN countries c ON c.code = o.country GROUP BY ALL ORDER BY ALL`,
};

Deno.test("a project's seeds, macros, variables and defaults of folders make one run", async (t) => {
  await using project = await TestProject.create(FILES);
  const totals = () => Deno.readTextFile(join(project.projectDir, "out/totals.csv"));

  await t.step("the check finds nothing", async () => {
    const { code, stdout, stderr } = await project.sluice("check");
    equal(code, 0, stdout + stderr);
  });

  await t.step("a run builds all of it", async () => {
    const { code, stdout, stderr } = await project.sluice("run", ["shop", "--json"]);
    equal(code, 0, stdout + stderr);
    const { steps } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
    const names = steps.map(({ name }: { name: string }) => name).sort();
    deepEqual(names, [
      "check:countries.not_null_code",
      "check:countries.unique_code",
      "check:totals.known",
      "extract:orders",
      "load:countries→files",
      "load:totals→files",
      "model:countries",
      "model:german",
      "model:stg_orders",
      "model:totals",
    ]);
    equal(await totals(), "name,net\nFrance,20.0\nGermany,10.0\n");
    match(await Deno.readTextFile(join(project.projectDir, "out/countries.csv")), /^code,name\nDE,Germany\n/);
  });

  await t.step("another value of a variable and another seed reach what is made of them", async () => {
    await project.write({ "seeds/countries.csv": "code,name\nDE,Deutschland\nFR,France\n" });
    const { code, stdout, stderr } = await project.sluice("run", ["shop", "--param", "vat_rate=0.5"]);
    equal(code, 0, stdout + stderr);
    equal(await totals(), "name,net\nDeutschland,8.0\nFrance,16.0\n");
  });
});
