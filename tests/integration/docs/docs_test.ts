import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { TestProject } from "../../support/test_project.ts";

const SECRET = "hunter2-canary-secret";

const FILES = {
  "connectors.yaml": [
    "files: { type: file }",
    `shop: { type: postgres, url: "postgres://sluice:${SECRET}@127.0.0.1:1/shop" }`,
    "api: { type: http, base_url: http://127.0.0.1:1, headers: { X-Key: '${env:DOCS_CANARY}' } }",
  ].join("\n"),
  "pipelines/orders.yaml": [
    "description: Orders of the shop",
    "owner: '@sales'",
    "tags: [core]",
    "schedule: { cron: '30 6 * * *', timezone: Europe/Paris }",
    "freshness: 1d",
    "extract:",
    "  orders:",
    "    connector: files",
    "    path: data/orders.csv",
    "    description: As the till writes them",
    "    pii: [email]",
    "    checks: [{ row_count: { min: 1 } }]",
    "load:",
    "  daily: { connector: files, path: out/daily.csv }",
    "publish: [daily]",
  ].join("\n"),
  "pipelines/crm.yaml": [
    "extract:",
    "  people: { connector: shop, stream: public.people }",
    "after: [orders]",
  ].join("\n"),
  "transforms/orders/daily.sql": [
    "/* @sluice",
    "description: What came in each day",
    "tags: [finance]",
    "columns:",
    "  day: { description: By the clock of the shop, checks: [not_null] }",
    "  revenue: { checks: [{ range: { max: 10 }, severity: warn }] }",
    "*/",
    "SELECT day, sum(cents(amount)) AS revenue, r.name, max(email) AS email",
    "FROM raw.orders o JOIN regions r ON r.code = o.region GROUP BY ALL",
  ].join("\n"),
  "macros/money.sql": "-- Money in cents.\nCREATE MACRO cents(x) AS CAST(x * 100 AS BIGINT);\n",
  "seeds/regions.csv": "code,name\nE,East\nW,West-of-the-row\n",
  "data/orders.csv":
    "day,amount,region,email\n2026-01-01,1,E,ann@row.example\n2026-01-02,2,W,bob@row.example\n",
};

interface Catalog {
  readonly pipelines: readonly {
    readonly name: string;
    readonly last: { readonly state: string } | null;
    readonly tables: readonly {
      readonly id: string;
      readonly columns: readonly { readonly name: string; readonly type?: string; readonly pii?: true }[];
      readonly checks: readonly { readonly name: string; readonly last: { readonly state: string } | null }[];
      readonly last: { readonly rows: number | null } | null;
    }[];
  }[];
  readonly macros: readonly { readonly name: string; readonly description: string | null }[];
}

const catalogOf = async (site: string): Promise<Catalog> =>
  JSON.parse(await Deno.readTextFile(join(site, "catalog.json")));

async function textsIn(folder: string): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) { for (const [inner, text] of await textsIn(path)) texts.set(inner, text); }
    else texts.set(path, await Deno.readTextFile(path));
  }
  return texts;
}

Deno.test("sluice docs writes what a project has, with and without its runs", async (t) => {
  await using project = await TestProject.create(FILES);
  const site = join(project.folder, "site");
  const env = { DOCS_CANARY: SECRET };
  const docs = async (...args: readonly string[]) => {
    const done = await project.sluice("docs", ["--output", site, ...args], env);
    return { ...done, said: done.stdout + done.stderr };
  };

  await t.step("without a data folder: nothing is asked or made", async () => {
    const { code, said } = await docs();
    strictEqual(code, 0, said);
    const { pipelines, macros } = await catalogOf(site);
    deepStrictEqual(pipelines.map(({ name, last }) => [name, last]), [["crm", null], ["orders", null]]);
    const tables = new Map(pipelines[1]?.tables.map((table) => [table.id, table]));
    deepStrictEqual(
      tables.get("main.daily")?.columns.map(({ name, type, pii }) => [name, type, pii ?? false]),
      [["day", "DATE", false], ["revenue", "HUGEINT", false], ["name", "VARCHAR", false], [
        "email",
        "VARCHAR",
        true,
      ]],
    );
    deepStrictEqual(tables.get("main.regions")?.columns.map(({ name }) => name), ["code", "name"]);
    deepStrictEqual(macros, [{
      name: "cents",
      file: "macros/money.sql",
      is_table: false,
      description: "Money in cents.",
      sql: "-- Money in cents.\nCREATE MACRO cents(x) AS CAST(x * 100 AS BIGINT);",
    }]);
    strictEqual(await Deno.stat(project.dataDir).then(() => true, () => false), false);
  });

  await t.step("the same project gives the same bytes", async () => {
    const before = await textsIn(site);
    const { code, stdout } = await docs("--json");
    strictEqual(code, 0);
    deepStrictEqual({ ...JSON.parse(stdout), faults: [] }, {
      ok: true,
      folder: site,
      files: before.size - 1,
      changed: 0,
      removed: 0,
      faults: [],
    });
    deepStrictEqual(await textsIn(site), before);
  });

  await t.step("with its runs: how they ended, and no row of them", async () => {
    const ran = await project.sluice("run", ["orders", "--quiet"], env);
    strictEqual(ran.code, 0, ran.stderr);
    const { code, said } = await docs();
    strictEqual(code, 0, said);
    const orders = (await catalogOf(site)).pipelines.find(({ name }) => name === "orders");
    strictEqual(orders?.last?.state, "succeeded");
    const tables = new Map(orders.tables.map((table) => [table.id, table]));
    strictEqual(tables.get("main.daily")?.last?.rows, 2);
    strictEqual(tables.get("raw.orders")?.last?.rows, 2);
    deepStrictEqual(
      tables.get("main.daily")?.checks.map(({ name, last }) => [name, last?.state]),
      [["not_null_day", "succeeded"], ["range_revenue", "warned"]],
    );
    deepStrictEqual(tables.get("raw.orders")?.checks.map(({ last }) => last?.state), ["succeeded"]);
    for (const [path, text] of await textsIn(site)) {
      for (const hidden of [SECRET, "row.example", "West-of-the-row", project.projectDir]) {
        ok(!text.includes(hidden), `${hidden} in ${path}`);
      }
    }
  });

  await t.step("a project that is wrong leaves the pages as they are", async () => {
    const before = await textsIn(site);
    await project.write({ "transforms/orders/daily.sql": "SELECT nothing_like_it FROM raw.orders" });
    const { code, stdout, stderr } = await docs();
    strictEqual(code, 2);
    ok(/^transforms\/orders\/daily\.sql:1:8: .*nothing_like_it/m.test(stdout), stdout);
    ok(stderr.includes("No docs were written: the project has 1 error"), stderr);
    deepStrictEqual(await textsIn(site), before);
  });

  await t.step("a folder with other files in it is refused", async () => {
    await project.write({ "transforms/orders/daily.sql": "SELECT day FROM raw.orders" });
    const refused = await project.sluice("docs", ["--output", project.projectDir], env);
    strictEqual(refused.code, 2);
    ok(/which sluice docs did not write/.test(refused.stderr), refused.stderr);
  });

  await t.step("a server elsewhere is asked over https alone, and with a token", async () => {
    const plain = await project.sluice("docs", ["--output", site, "--url", "http://example.com"], env);
    strictEqual(plain.code, 2);
    ok(/over http others could read the token/.test(plain.stderr), plain.stderr);
    const nameless = await project.sluice("docs", ["--output", site, "--url", "http://127.0.0.1:1"], env);
    ok(/SLUICE_TOKEN/.test(nameless.stderr), nameless.stderr);
  });
});
