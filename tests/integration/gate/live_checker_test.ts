import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { LiveChecker, type LiveState } from "../../../engine/definitions/live/live_checker.ts";
import { formatFault } from "../../../text/fault.ts";
import { liveContext } from "../../support/live_context.ts";
import { TestProject } from "../../support/test_project.ts";

const FILES = {
  "connectors.yaml": 'local: { type: file }\nshop: { type: postgres, url: "${secret:SHOP}" }\n',
  "data/orders.csv": "id,day,amount\n1,2024-01-01,3.5\n",
  "schemas/shop.yaml": "streams:\n  customers:\n    - id: BIGINT\n    - name: VARCHAR\n",
  "pipelines/shop.yaml": `extract:
  orders: { connector: local, path: data/orders.csv }
  customers: { connector: shop, stream: public.customers }
load:
  daily: { connector: local, path: out/daily.csv }
`,
  "pipelines/other.yaml": "transform: other\n",
  "transforms/shop/daily.sql": "SELECT day, sum(amount) AS total FROM raw.orders GROUP BY day",
  "transforms/shop/known.sql": "SELECT name, twice(id) AS id FROM raw.customers",
  "transforms/other/one.sql": "SELECT 1 AS x",
  "macros/twice.sql": "CREATE MACRO twice(x) AS x * 2;",
};

const faultsOf = ({ faults }: LiveState): string[] => [...faults.values()].flat().map(formatFault);

Deno.test("LiveChecker knows faults, columns and lineage as files and unsaved texts change", async (t) => {
  await using project = await TestProject.create(FILES);
  await using checker = await LiveChecker.open(liveContext(project));
  const daily = "transforms/shop/daily.sql";
  const unsaved = (text: string | null, path = daily) => checker.update({ unsaved: new Map([[path, text]]) });

  await t.step("at first", () => {
    const shop = checker.state.pipelines.get("shop");
    deepEqual(shop?.modelColumns["daily"]?.map(({ name, type }) => `${name} ${type}`), [
      "day DATE",
      "total DOUBLE",
    ]);
    // Of the file's column in schemas/: the database is not asked.
    deepEqual(shop?.streamColumns["customers"]?.map(({ name }) => name), ["id", "name"]);
    deepEqual(
      faultsOf(checker.state).filter((fault) => !fault.includes("warning")),
      [],
    );
  });

  await t.step(
    "an unsaved text stands in the place of its file, and the model keeps what was known",
    async () => {
      const state = await unsaved("SELECT dai FROM raw.orders");
      match(faultsOf(state).join(), /daily\.sql:1:8: .*dai.*day/);
      equal(state.pipelines.get("shop")?.modelColumns["daily"]?.length, 2);
      ok(!faultsOf(await unsaved(null)).some((fault) => fault.includes("daily.sql")));
    },
  );

  await t.step("a new model that is not saved is one", async () => {
    const state = await unsaved("SELECT * FROM daily", "transforms/shop/again/third.sql");
    deepEqual(state.pipelines.get("shop")?.modelColumns["third"]?.map(({ name }) => name), ["day", "total"]);
    const without = await unsaved(null, "transforms/shop/again/third.sql");
    equal(without.pipelines.get("shop")?.modelColumns["third"], undefined);
  });

  await t.step("a macro that changes is a fault of who calls it", async () => {
    const state = await unsaved("CREATE MACRO twice(x, y) AS x * y;", "macros/twice.sql");
    match(faultsOf(state).join("\n"), /transforms\/shop\/known\.sql:1:14: .*twice/);
    await unsaved(null, "macros/twice.sql");
  });

  await t.step("the pipeline's YAML: streams come and go, loads are held against models", async () => {
    const state = await unsaved(
      FILES["pipelines/shop.yaml"].replace("daily:", "dayly:").replace("  orders:", "  sales:"),
      "pipelines/shop.yaml",
    );
    const found = faultsOf(state).join("\n");
    match(found, /pipelines\/shop\.yaml:5:3: .*dayly.*daily/);
    match(found, /daily\.sql:1:39: .*raw\.orders/);
    await unsaved(null, "pipelines/shop.yaml");
  });

  await t.step("a pipeline that reads what another publishes is checked with it", async () => {
    const all = {
      "pipelines/shop.yaml": `${FILES["pipelines/shop.yaml"]}publish: [daily]\n`,
      "pipelines/mart.yaml": "extract:\n  got: { connector: sluice, stream: shop.daily }\n",
      "transforms/mart/sums.sql": "SELECT sum(total) AS all_of_it FROM raw.got",
    };
    const published = await checker.update({ unsaved: new Map(Object.entries(all)) });
    deepEqual(
      published.pipelines.get("mart")?.streamColumns["got"]?.map(({ name, type }) => `${name} ${type}`),
      [
        "day DATE",
        "total DOUBLE",
      ],
    );
    deepEqual(published.pipelines.get("mart")?.faults, []);
    const renamed = await unsaved("SELECT id AS other FROM raw.orders");
    match(faultsOf(renamed).join("\n"), /transforms\/mart\/sums\.sql:1:12: .*total/);
    await checker.update({ unsaved: new Map([...Object.keys(all), daily].map((path) => [path, null])) });
  });

  await t.step("what is saved, added and removed on disk", async () => {
    await project.write({
      [daily]: "SELECT id FROM raw.orders",
      "transforms/other/two.sql": "SELECT y FROM one",
    });
    const state = await checker.refresh();
    deepEqual(state.pipelines.get("shop")?.modelColumns["daily"]?.map(({ name }) => name), ["id"]);
    match(faultsOf(state).join("\n"), /transforms\/other\/two\.sql:1:8: .*y/);
    await Deno.remove(`${project.projectDir}/pipelines/other.yaml`);
    await Deno.remove(`${project.projectDir}/transforms/other`, { recursive: true });
    const without = await checker.refresh();
    equal(without.pipelines.has("other"), false);
    ok(!faultsOf(without).some((fault) => fault.includes("other")));
  });

  await t.step("a file that a stream reads gets another column", async () => {
    await project.write({ "data/orders.csv": "id,day,amount,note\n1,2024-01-01,3.5,x\n" });
    const state = await checker.refreshSources();
    equal(state.pipelines.get("shop")?.streamColumns["orders"]?.at(-1)?.name, "note");
  });

  await t.step("lineage, the columns of a query, functions and formatting", async () => {
    const { tables } = await checker.lineage("shop");
    const own = tables.find(({ id }) => id === "main.daily");
    deepEqual(own?.columns[0]?.sources, [{ table: "raw.orders", column: "id", way: "direct" }]);
    deepEqual(await checker.columnsOf("shop", "WITH c AS (FROM raw.orders) SELECT note FROM c"), [
      { name: "note", type: "VARCHAR" },
    ]);
    await rejects(checker.columnsOf("shop", "FROM read_text('/etc/passwd')"), /cannot be called here/);
    await rejects(checker.columnsOf("shop", "FROM '/etc/passwd'"), /.+/);
    const functions = await checker.functions();
    ok(functions.some(({ name, parameters }) => name === "date_trunc" && parameters.length === 2));
    ok(!functions.some(({ name }) => name === "read_csv" || name === "getenv"));
    deepEqual(await checker.format("select 1 as a"), { text: "SELECT\n  1 AS a\n" });
  });
});

Deno.test("LiveChecker outlives SQL that takes all, leaves that model alone until it is another, and a process that dies", async () => {
  await using project = await TestProject.create({
    "pipelines/p.yaml": "transform: p\n",
    "transforms/p/a.sql": "SELECT 1 AS x",
    "transforms/p/b.sql": "SELECT x FROM a",
    "transforms/p/c.sql": "SELECT x FROM b",
  });
  await using checker = await LiveChecker.open({
    ...liveContext(project),
    liveBudget: { stallMs: 20_000, memoryBytes: 700_000_000 },
  });
  const update = (text: string) => checker.update({ unsaved: new Map([["transforms/p/b.sql", text]]) });
  const heavy = "SELECT count(*) AS x FROM range(length(repeat('x', 1500000000)))";
  match(
    faultsOf(await update(heavy)).join("\n"),
    /^transforms\/p\/b\.sql:1:1: the check was stopped at the model b: it took more than 700 MB of memory;[^\n]*$/,
  );
  deepEqual(
    faultsOf(await checker.update({ unsaved: new Map([["transforms/p/a.sql", "SELECT 1 AS x, 2 AS y"]]) }))
      .length,
    1,
  );
  deepEqual(faultsOf(await update("SELECT y AS x FROM a")), []);
  deepEqual(checker.state.pipelines.get("p")?.modelColumns["c"], [{ name: "x", type: "INTEGER" }]);
});
