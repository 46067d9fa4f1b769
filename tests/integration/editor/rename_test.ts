import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { join } from "node:path";
import { afterEdit, marked, placeText, TestEditor } from "../../support/editor.ts";
import { TestProject } from "../../support/test_project.ts";

const FILES: Record<string, string> = {
  "connectors.yaml": "local: { type: file }\n",
  "project.yaml": "environments:\n  dev:\n    connectors: { local: local }\n    loads: { local: off }\n",
  "data/orders.csv": "id,day,amount\n1,2024-01-01,3.5\n",
  "seeds/rates.csv": "day,rate\n2024-01-01,2\n",
  "seeds/rates.yaml": "primary_key: [day]\n",
  "macros/money.sql":
    "CREATE MACRO to_euros(cents) AS cents / 100;\nCREATE MACRO latest() AS TABLE SELECT max(day) AS day FROM daily;\n",
  "pipelines/shop.yaml": `extract:
  orders:
    connector: local
    path: data/orders.csv
    checks:
      - row_count: { equal_to: daily }
      - sql: SELECT day FROM daily WHERE to_euros(total) < 0
load:
  daily: { connector: local, path: out/daily.csv }
publish: [daily]
`,
  "pipelines/report.yaml": `extract:
  days:
    connector: sluice
    stream: shop.daily
  orders: { connector: local, path: data/orders.csv }
transform: report
after: [shop]
`,
  "transforms/report/out.sql": "SELECT * FROM raw.days AS daily\n",
  "transforms/shop/daily.sql": `/* @sluice
materialized: incremental
primary_key: [day]
columns:
  day: { checks: [{ relationships: { to: rates, column: day } }] }
checks:
  - sql: SELECT day FROM daily WHERE total < 0
*/
SELECT day, sum(amount) AS total FROM raw.orders GROUP BY day
`,
  "transforms/shop/best.sql":
    "WITH d AS (SELECT day, total AS t FROM daily)\nSELECT d.day, d.t FROM d JOIN main.daily ON daily.day = d.day\n",
  "transforms/shop/trend.sql": `/* @sluice
columns:
  growth: { description: By how much. }
*/
WITH daily_rates AS (SELECT d.day, d.total * r.rate AS worth FROM daily d JOIN rates r USING (day)),
  lagged AS (SELECT *, lag(worth) OVER (ORDER BY day) AS before FROM daily_rates)
SELECT day, worth, worth - before AS growth FROM lagged ORDER BY growth DESC
`,
  "tests/shop.yaml": `- name: sums
  model: shop.daily
  given:
    raw.orders: [{ id: 1, day: 2024-01-01, amount: 2 }]
  expect: [{ day: 2024-01-01, total: 2 }]
- name: grows
  model: trend
  given:
    daily: [{ day: 2024-01-01, total: 2 }]
    rates: ../seeds/rates.csv
  expect: [{ day: 2024-01-01, growth: null }]
`,
};

Deno.test("sluice lsp renames what a project's texts name", async (t) => {
  await using project = await TestProject.create(FILES);
  const { projectDir } = project;
  await using editor = new TestEditor();
  await editor.start([projectDir]);
  const open = async (path: string) => await editor.open(join(projectDir, path), FILES[path] ?? "");
  const trend = await open("transforms/shop/trend.sql");
  const shop = await open("pipelines/shop.yaml");
  /** Where a word stands the nth time in a file. */
  const at = (path: string, word: string, nth = 0) => {
    const text = FILES[path] ?? "";
    let from = text.indexOf(word);
    for (let left = nth; left > 0; left -= 1) from = text.indexOf(word, from + 1);
    return marked(`${text.slice(0, from + 1)}▮${text.slice(from + 1)}`).position;
  };
  const after = async (edit: Awaited<ReturnType<TestEditor["rename"]>>) =>
    await afterEdit(edit, projectDir, (path) => FILES[path] ?? "");
  const refused = async (uri: string, position: ReturnType<typeof at>, name: string, why: RegExp) =>
    await rejects(editor.rename(uri, position, name), why);

  await t.step("a model: its file, SQL, checks, loads, tests, what reads it elsewhere", async () => {
    equal(await editor.prepareRename(shop, at("pipelines/shop.yaml", "daily:")), "daily");
    const edit = await editor.rename(shop, at("pipelines/shop.yaml", "daily:"), "per_day");
    const texts = await after(edit);
    equal(texts["transforms/shop/daily.sql"], null);
    deepEqual(texts, {
      "macros/money.sql": FILES["macros/money.sql"]?.replace("FROM daily", "FROM per_day"),
      "pipelines/report.yaml": FILES["pipelines/report.yaml"]?.replace("shop.daily", "shop.per_day"),
      "pipelines/shop.yaml": FILES["pipelines/shop.yaml"]?.replace("equal_to: daily", "equal_to: per_day")
        .replace("FROM daily", "FROM per_day").replace("  daily:", "  per_day:").replace(
          "[daily]",
          "[per_day]",
        ),
      "tests/shop.yaml": FILES["tests/shop.yaml"]?.replace("shop.daily", "shop.per_day")
        .replace("    daily:", "    per_day:"),
      "transforms/shop/best.sql": FILES["transforms/shop/best.sql"]?.replace("FROM daily", "FROM per_day")
        .replace("main.daily ON daily.day", "main.per_day ON per_day.day"),
      "transforms/shop/daily.sql": null,
      "transforms/shop/per_day.sql": FILES["transforms/shop/daily.sql"]?.replace("FROM daily", "FROM per_day")
        .replace("/* @sluice\n", "/* @sluice\nrenamed_from: daily\n"),
      "transforms/shop/trend.sql": FILES["transforms/shop/trend.sql"]?.replace(
        "FROM daily ",
        "FROM per_day ",
      ),
    });
    deepEqual(
      await after(await editor.rename(trend, at("transforms/shop/trend.sql", "daily d"), "per_day")),
      texts,
    );
    const file = await editor.willRename(
      join(projectDir, "transforms/shop/daily.sql"),
      join(projectDir, "transforms/shop/per_day.sql"),
    );
    const { "transforms/shop/per_day.sql": _renamed, ...others } = texts;
    deepEqual(await after(file), {
      ...others,
      "transforms/shop/daily.sql": texts["transforms/shop/per_day.sql"],
    });
  });

  await t.step("what is applied has no faults", async () => {
    await using copy = await TestProject.create(FILES);
    const edit = await editor.rename(shop, at("pipelines/shop.yaml", "daily:"), "per_day");
    for (const [path, text] of Object.entries(await after(edit))) {
      if (text === null) await Deno.remove(join(copy.projectDir, path));
      else await copy.write({ [path]: text });
    }
    const checked = await copy.sluice("check", ["--offline"]);
    equal(checked.code, 0, checked.stdout + checked.stderr);
  });

  await t.step("a seed, a stream, a connector, a macro", async () => {
    const seed = await after(await editor.rename(trend, at("transforms/shop/trend.sql", "rates r"), "fx"));
    equal(seed["seeds/fx.csv"], FILES["seeds/rates.csv"]);
    equal(seed["seeds/fx.yaml"], FILES["seeds/rates.yaml"]);
    match(seed["transforms/shop/daily.sql"] ?? "", /to: fx,/);
    match(seed["tests/shop.yaml"] ?? "", / {4}fx: \.\.\/seeds/);
    match(seed["transforms/shop/trend.sql"] ?? "", /WITH daily_rates AS .* JOIN fx r/);
    const stream = await after(await editor.rename(shop, at("pipelines/shop.yaml", "orders:"), "sales"));
    deepEqual(Object.keys(stream), ["pipelines/shop.yaml", "tests/shop.yaml", "transforms/shop/daily.sql"]);
    match(stream["tests/shop.yaml"] ?? "", /raw\.sales: /);
    match(stream["transforms/shop/daily.sql"] ?? "", /FROM raw\.sales GROUP/);
    const connector = await after(await editor.rename(shop, at("pipelines/shop.yaml", "local"), "disk"));
    deepEqual(Object.keys(connector), [
      "connectors.yaml",
      "pipelines/report.yaml",
      "pipelines/shop.yaml",
      "project.yaml",
    ]);
    match(connector["project.yaml"] ?? "", /connectors: \{ disk: disk \}\n {4}loads: \{ disk: off \}/);
    equal(connector["connectors.yaml"], "disk: { type: file }\n");
    const money = await open("macros/money.sql");
    const macro = await after(await editor.rename(money, at("macros/money.sql", "to_euros"), "euros"));
    deepEqual(Object.keys(macro), ["macros/money.sql", "pipelines/shop.yaml"]);
  });

  await t.step("a WITH query, a table's alias", async () => {
    const path = "transforms/shop/trend.sql";
    const text = FILES[path] ?? "";
    const cte = await after(await editor.rename(trend, at(path, "daily_rates", 1), "rated"));
    deepEqual(cte, { [path]: text.replaceAll("daily_rates", "rated") });
    const alias = await after(await editor.rename(trend, at(path, "d.day"), "x"));
    deepEqual(alias, {
      [path]: text.replace("d.day", "x.day").replace("d.total", "x.total").replace("daily d", "daily x"),
    });
    await refused(trend, at(path, "daily_rates"), "lagged", /calls something lagged already/);
    await refused(trend, at(path, "daily_rates"), "daily", /calls something daily already/);
    equal(
      (await after(await editor.rename(trend, at(path, "daily_rates"), "order")))[path],
      text.replaceAll("daily_rates", '"order"'),
    );
  });

  await t.step("a column's alias, through WITH queries and *", async () => {
    const path = "transforms/shop/trend.sql";
    const text = FILES[path] ?? "";
    const worth = await after(await editor.rename(trend, at(path, "worth"), "value"));
    deepEqual(worth, {
      [path]: text.replace("AS worth", "AS value").replace("lag(worth)", "lag(value)")
        .replace("SELECT day, worth, worth -", "SELECT day, value AS worth, value -"),
    });
    const growth = await after(await editor.rename(trend, at(path, "growth DESC"), "rise"));
    deepEqual(growth, {
      [path]: text.replaceAll("growth", "rise"),
      "tests/shop.yaml": FILES["tests/shop.yaml"]?.replace("growth", "rise"),
    });
    await refused(trend, at(path, "before"), "worth", /another column worth/);
    const daily = await open("transforms/shop/daily.sql");
    await refused(daily, at("transforms/shop/daily.sql", "total", 1), "sum", /best\.sql reads/);
    await rejects(editor.prepareRename(trend, at(path, "rate AS")), /rate is a column of rates/);
  });

  await t.step("what keeps its name, and why", async () => {
    const daily = at("pipelines/shop.yaml", "daily:");
    await refused(shop, daily, "best", /has a model best already: transforms\/shop\/best\.sql/);
    await refused(shop, daily, "Rates", /has a seed Rates already/);
    await refused(shop, daily, "raw", /schema of that name/);
    await refused(shop, daily, "a b", /expected a letter/);
    await refused(shop, daily, "select", /word of SQL/);
    await refused(shop, daily, "d", /best\.sql (?:calls another table|has a WITH query) d/);
    const report = await open("pipelines/report.yaml");
    await rejects(
      editor.prepareRename(report, at("pipelines/report.yaml", "shop]")),
      /another name is another pipeline/,
    );
    equal(await editor.prepareRename(shop, at("pipelines/shop.yaml", "row_count")), undefined);
  });

  await t.step("definitions and references from YAML", async () => {
    const places = async (path: string, word: string, nth = 0) => {
      const found = await editor.definition(await open(path), at(path, word, nth));
      return found.map((place) => placeText(place, projectDir));
    };
    deepEqual(await places("pipelines/report.yaml", "shop.daily"), ["transforms/shop/daily.sql:1:1"]);
    deepEqual(await places("pipelines/report.yaml", "shop]"), ["pipelines/shop.yaml:1:1"]);
    deepEqual(await places("tests/shop.yaml", "raw.orders"), ["pipelines/shop.yaml:2:3"]);
    deepEqual(await places("tests/shop.yaml", "../seeds"), ["seeds/rates.csv:1:1"]);
    deepEqual(await places("tests/shop.yaml", "trend"), ["transforms/shop/trend.sql:1:1"]);
    deepEqual(await places("transforms/shop/daily.sql", "rates"), ["seeds/rates.csv:1:1"]);
    deepEqual(await places("project.yaml", "local: local"), ["connectors.yaml:1:1"]);
    const tests = await open("tests/shop.yaml");
    const references = await editor.references(tests, at("tests/shop.yaml", "raw.orders"));
    deepEqual(references.map((place) => placeText(place, projectDir)), [
      "pipelines/shop.yaml:2:3",
      "tests/shop.yaml:4:9",
      "transforms/shop/daily.sql:9:43",
    ]);
  });

  await t.step("names in tests are completed", async () => {
    const tests = await open("tests/shop.yaml");
    const labelsAt = async (text: string) => {
      const { text: whole, position } = marked(text);
      await editor.change(tests, whole);
      return (await editor.complete(tests, position)).map(({ label }) => label);
    };
    deepEqual(await labelsAt("- model: ▮"), [
      "report.out",
      "shop.best",
      "shop.daily",
      "shop.trend",
      "shop.rates",
    ]);
    deepEqual(await labelsAt("- model: shop.daily\n  given:\n    ▮"), [
      "best",
      "daily",
      "trend",
      "rates",
      "raw.orders",
    ]);
    deepEqual(
      await labelsAt("- model: shop.daily\n  given:\n    raw.orders:\n      - { id: 1, ▮"),
      ["day", "amount"],
    );
  });
});

Deno.test("sluice lsp: an editor that renames no files is told, and has all else", async () => {
  await using project = await TestProject.create(FILES);
  await using editor = new TestEditor([], { renamesFiles: false });
  await editor.start([project.projectDir]);
  const { text, position } = marked("WITH a AS (SELECT * FROM da▮ily) SELECT * FROM a\n");
  const uri = await editor.open(join(project.projectDir, "transforms/shop/best.sql"), text);
  await rejects(editor.rename(uri, position, "per_day"), /renames no files/);
  const edit = await editor.rename(uri, { line: 0, character: 5 }, "b");
  deepEqual(edit?.changes?.[uri]?.map(({ newText }) => newText), ["b", "b"]);
});
