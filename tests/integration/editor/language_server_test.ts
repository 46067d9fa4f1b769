import { deepEqual, equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { marked, placeText, TestEditor } from "../../support/editor.ts";
import { TestProject } from "../../support/test_project.ts";

const FILES = {
  "connectors.yaml": "local: { type: file }\n",
  "data/orders.csv": "id,day,amount,email\n1,2024-01-01,3.5,a@b.c\n",
  "seeds/countries.csv": "code,name\nfr,France\n",
  "macros/money.sql": "CREATE MACRO to_euros(cents, rate := 1) AS cents / 100 * rate;\n",
  "pipelines/shop.yaml": `extract:
  orders:
    connector: local
    path: data/orders.csv
load:
  daily: { connector: local, path: out/daily.csv }
`,
  "transforms/shop/daily.sql": `/* @sluice
description: What each day brings in.
columns:
  total: { description: In euros. }
*/
SELECT day, sum(amount) AS total FROM raw.orders GROUP BY day
`,
  "transforms/shop/best.sql": "SELECT day FROM daily WHERE total > 10\n",
};

Deno.test("sluice lsp helps with SQL", async (t) => {
  await using project = await TestProject.create(FILES);
  await using editor = new TestEditor();
  const started = await editor.start([project.projectDir]);
  equal(started.serverInfo?.name, "sluice");
  const best = join(project.projectDir, "transforms/shop/best.sql");
  const uri = await editor.open(best, FILES["transforms/shop/best.sql"]);
  const labelsAt = async (text: string) => {
    const { text: whole, position } = marked(text);
    await editor.change(uri, whole);
    return (await editor.complete(uri, position)).map(({ label }) => label);
  };
  const hoverAt = async (text: string) => {
    const { text: whole, position } = marked(text);
    await editor.change(uri, whole);
    return await editor.hover(uri, position);
  };
  const definitionAt = async (text: string) => {
    const { text: whole, position } = marked(text);
    await editor.change(uri, whole);
    return (await editor.definition(uri, position)).map((place) => placeText(place, project.projectDir));
  };

  await t.step("what is wrong as it is typed, in UTF-16, with a way to mend it", async () => {
    await editor.change(uri, "SELECT '🦆🦆' AS duck,\r\n  '🦆' || dai AS day FROM daily\r\n");
    const [fault, ...others] = await editor.diagnostics(uri, (found) => found.length > 0);
    deepEqual(others, []);
    match(String(fault?.message), /dai/);
    deepEqual(fault?.range, { start: { line: 1, character: 10 }, end: { line: 1, character: 13 } });
    equal(fault?.severity, 1);
    ok(fault !== undefined);
    const [action] = await editor.actions(uri, fault);
    equal(action?.title, "Change to day");
    deepEqual(action?.edit?.changes?.[uri], [{ range: fault.range, newText: "day" }]);
    await editor.change(uri, "SELECT day FROM daily");
    await editor.diagnostics(uri, (found) => found.length === 0);
  });

  await t.step(
    "completion: tables, columns behind an alias and in lists, functions, macros, variables",
    async () => {
      const tables = await labelsAt("WITH c AS (SELECT 1 AS x) SELECT * FROM ▮");
      deepEqual(tables, ["c", "daily", "countries", "raw.orders"]);
      deepEqual(await labelsAt("SELECT * FROM raw.▮"), ["raw.orders"]);
      deepEqual(await labelsAt("SELECT d.▮ FROM daily AS d"), ["day", "total"]);
      deepEqual(await labelsAt("SELECT * FROM daily d JOIN raw.orders o ON d.day = o.▮"), [
        "id",
        "day",
        "amount",
        "email",
      ]);
      const list = await labelsAt("SELECT ▮ FROM daily d JOIN raw.orders o USING (day)");
      deepEqual(list, ["d.day", "total", "id", "o.day", "amount", "email", "d", "o"]);
      deepEqual(
        await labelsAt("WITH c AS (SELECT id AS number, email FROM raw.orders) SELECT c.▮ FROM c WHERE"),
        [
          "number",
          "email",
        ],
      );
      deepEqual(
        await labelsAt("SELECT s.▮ FROM (SELECT day, count(*) AS n FROM raw.orders GROUP BY day) s"),
        [
          "day",
          "n",
        ],
      );
      ok((await labelsAt("SELECT date_tr▮ FROM daily")).includes("date_trunc"));
      ok((await labelsAt("SELECT to_eu▮ FROM daily")).includes("to_euros"));
      ok(!(await labelsAt("SELECT read_c▮ FROM daily")).includes("read_csv"));
      ok((await labelsAt("SELECT getvariable('▮') FROM daily")).includes("run_start"));
      deepEqual(await labelsAt("SELECT 'tot▮' FROM daily"), []);
      deepEqual(await labelsAt("SELECT 1 -- tot▮"), []);
    },
  );

  await t.step("hover: types, where columns come from, tables, functions, macros", async () => {
    const column = await hoverAt("SELECT d.to▮tal FROM daily d");
    match(column, /total DOUBLE/);
    match(column, /In euros\./);
    match(column, /`raw\.orders\.amount` \(aggregated\)/);
    const table = await hoverAt("SELECT * FROM da▮ily");
    match(table, /\*\*daily\*\*: a model, table\n\nWhat each day brings in\./);
    match(table, /day DATE\ntotal DOUBLE/);
    match(await hoverAt("SELECT * FROM raw.ord▮ers"), /stream of connector `local`[\s\S]*email VARCHAR/);
    match(await hoverAt("SELECT date_t▮runc('day', day) FROM daily"), /date_trunc\(/);
    match(await hoverAt("SELECT to_e▮uros(1) FROM daily"), /CREATE MACRO to_euros/);
  });

  await t.step("the arguments of functions and macros", async () => {
    const { text, position } = marked("SELECT date_trunc('day', ▮) FROM daily");
    await editor.change(uri, text);
    const help = await editor.signature(uri, position);
    equal(help?.activeParameter, 1);
    match(help?.signatures[help.activeSignature ?? 0]?.label ?? "", /^date_trunc\(/);
  });

  await t.step("definitions and references", async () => {
    deepEqual(await definitionAt("SELECT day FROM da▮ily"), ["transforms/shop/daily.sql:6:1"]);
    deepEqual(await definitionAt("SELECT to▮tal FROM daily"), ["transforms/shop/daily.sql:6:28"]);
    deepEqual(await definitionAt("SELECT id FROM raw.or▮ders"), ["pipelines/shop.yaml:2:3"]);
    deepEqual(await definitionAt("SELECT to_euros▮(1)"), ["macros/money.sql:1:14"]);
    deepEqual(await definitionAt("WITH c AS (SELECT 1) SELECT * FROM ▮c"), ["transforms/shop/best.sql:1:6"]);
    deepEqual(await definitionAt("SELECT ▮d.day FROM daily d"), ["transforms/shop/best.sql:1:25"]);
    const { text, position } = marked("SELECT day FROM dai▮ly");
    await editor.change(uri, text);
    const places = (await editor.references(uri, position)).map((place) =>
      placeText(place, project.projectDir)
    );
    deepEqual(places, ["pipelines/shop.yaml:6:3", "transforms/shop/best.sql:1:17"]);
  });

  await t.step("symbols and formatting, which keeps to the ends of lines", async () => {
    await editor.change(uri, "with c as (select 1 as x)\r\nselect x from c");
    const symbols = await editor.symbols(uri);
    deepEqual(symbols.map(({ name, range }) => [name, range.start]), [
      ["c", { line: 0, character: 5 }],
      ["x", { line: 1, character: 7 }],
    ]);
    const [edit] = await editor.format(uri) ?? [];
    equal(
      edit?.newText,
      "WITH\r\n  c AS (\r\n    SELECT\r\n      1 AS x\r\n  )\r\nSELECT\r\n  x\r\nFROM\r\n  c\r\n",
    );
    await editor.change(uri, "select from where");
    deepEqual(await editor.format(uri), []);
    await editor.message(/best\.sql stays as it is/);
  });

  await t.step(
    "a change of one file is a fault of another; what is closed without being saved is as on disk",
    async () => {
      await editor.change(uri, "SELECT day FROM daily WHERE total > 10");
      await editor.diagnostics(uri, (found) => found.length === 0);
      const daily = await editor.open(
        join(project.projectDir, "transforms/shop/daily.sql"),
        "SELECT day FROM raw.orders",
      );
      match(String((await editor.diagnostics(uri, (found) => found.length > 0))[0]?.message), /total/);
      await editor.close(daily);
      await editor.diagnostics(uri, (found) => found.length === 0);
      await project.write({ "transforms/shop/daily.sql": "SELECT id FROM raw.orders" });
      await editor.diagnostics(uri, (found) => found.length > 0);
    },
  );
});

Deno.test("sluice lsp helps with YAML", async (t) => {
  await using project = await TestProject.create(FILES);
  await using editor = new TestEditor();
  await editor.start(null);
  const path = join(project.projectDir, "pipelines/shop.yaml");
  const uri = await editor.open(path, FILES["pipelines/shop.yaml"]);
  const daily = await editor.open(
    join(project.projectDir, "transforms/shop/daily.sql"),
    FILES["transforms/shop/daily.sql"],
  );
  const labelsAt = async (text: string, file = uri) => {
    const { text: whole, position } = marked(text);
    await editor.change(file, whole);
    return (await editor.complete(file, position)).map(({ label }) => label);
  };

  await t.step("keys and values of a pipeline", async () => {
    const keys = await labelsAt("▮");
    ok(keys.includes("extract") && keys.includes("schedule"));
    const stream = await labelsAt("extract:\n  orders:\n    connector: local\n    ▮");
    ok(stream.includes("mode") && stream.includes("path") && !stream.includes("connector"));
    deepEqual((await labelsAt("extract:\n  orders: { connector: ▮")).slice(0, 1), ["local"]);
    ok((await labelsAt("extract:\n  orders:\n    mode: ▮\n")).includes("incremental"));
    const loads = await labelsAt(`${FILES["pipelines/shop.yaml"]}  ▮`);
    ok(loads.includes("best") && loads.includes("orders") && !loads.includes("daily"));
  });

  await t.step("the header of a model", async () => {
    const keys = await labelsAt("/* @sluice\n▮\n*/\nSELECT day, 1 AS total FROM raw.orders", daily);
    ok(keys.includes("materialized") && keys.includes("strategy"));
    deepEqual(await labelsAt("/* @sluice\nmaterialized: ▮\n*/\nSELECT day FROM raw.orders", daily), [
      "table",
      "view",
      "incremental",
      "scd2",
      "ephemeral",
    ]);
    deepEqual(
      (await labelsAt("/* @sluice\ncolumns:\n  ▮\n*/\nSELECT day, 1 AS total FROM raw.orders", daily)).slice(
        0,
        2,
      ),
      [
        "day",
        "total",
      ],
    );
  });

  await t.step("hover and definition", async () => {
    await editor.change(uri, FILES["pipelines/shop.yaml"]);
    match(await editor.hover(uri, { line: 2, character: 6 }), /connector/i);
    const place = async (line: number, character: number) =>
      (await editor.definition(uri, { line, character })).map((one) => placeText(one, project.projectDir));
    deepEqual(await place(2, 16), ["connectors.yaml:1:1"]);
    deepEqual(await place(5, 4), ["transforms/shop/daily.sql:1:1"]);
    deepEqual((await editor.symbols(uri)).map(({ name }) => name), ["extract", "load"]);
  });

  await t.step("a misspelt key", async () => {
    await editor.change(uri, FILES["pipelines/shop.yaml"].replace("connector: local\n", "conector: local\n"));
    const found = await editor.diagnostics(
      uri,
      (list) => list.some(({ message }) => /conector/.test(String(message))),
    );
    const fault = found.find(({ message }) => /did you mean/.test(String(message)));
    ok(fault !== undefined);
    const [action] = await editor.actions(uri, fault);
    equal(action?.title, "Change to connector");
  });
});

Deno.test("sluice lsp: several projects, files of none, and an editor that is gone without a word", async () => {
  await using one = await TestProject.create(FILES);
  await using other = await TestProject.create({
    "pipelines/p.yaml": "{}\n",
    "transforms/p/a.sql": "SELECT 1 AS x",
  });
  const editor = new TestEditor();
  await editor.start([one.projectDir, other.folder]);
  const alone = await editor.open(join(other.folder, "notes.sql"), "SELECT nothing FROM nowhere");
  const inOther = await editor.open(join(other.projectDir, "transforms/p/a.sql"), "SELECT 1 AS");
  await editor.diagnostics(inOther, (found) => found.length === 1);
  const inOne = await editor.open(join(one.projectDir, "transforms/shop/best.sql"), "SELECT x FROM daily");
  await editor.diagnostics(inOne, (found) => found.length === 1);
  deepEqual(await editor.complete(alone, { line: 0, character: 22 }), []);
  equal(await editor.vanish(), 0);
});
