import { equal, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { acquirePostgres } from "../support/postgres.ts";
import { SluiceServer } from "../support/sluice_server.ts";
import { TestProject } from "../support/test_project.ts";

/** What users meet when something is wrong: each case through the command line, as they would. */

const CONNECTORS = "files: { type: file }\nlite: { type: sqlite, path: out/lite.sqlite }\n";
const PIPELINE = `
extract:
  orders: { connector: files, path: data/orders.csv }
load:
  totals: { connector: lite, table: totals }
`;
const MODEL = "SELECT count(*) AS orders, sum(amount) AS amount FROM raw.orders\n";
const GOOD = "id,amount,name\n1,10,a\n2,20,b\n";

const project = (over: Readonly<Record<string, string | Uint8Array>> = {}) =>
  TestProject.create({
    "connectors.yaml": CONNECTORS,
    "pipelines/shop.yaml": PIPELINE,
    "transforms/shop/totals.sql": MODEL,
    "data/orders.csv": GOOD,
    ...over,
  });

/** A run that fails and says so; what was loaded before stays. */
async function failsToRead(csv: string | Uint8Array, messages: readonly RegExp[]): Promise<void> {
  await using shop = await project();
  equal((await shop.sluice("run", ["shop"])).code, 0);
  await shop.write({ "data/orders.csv": csv });
  const { code, stdout, stderr } = await shop.sluice("run", ["shop", "--json"]);
  equal(code, 1, stdout + stderr);
  for (const message of messages) match(stdout + stderr, message);
  const last: { state: string; rows_loaded: number } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
  equal(last.state, "failed");
  equal(last.rows_loaded, 0);
  await shop.write({ "data/orders.csv": GOOD });
  equal((await shop.sluice("run", ["shop"])).code, 0);
}

Deno.test("a malformed YAML is told with file, line and column, and exit code 2", async () => {
  await using shop = await project({
    "pipelines/shop.yaml": "extract:\n  orders: { connector: files\n  path: x }\nload: [",
  });
  const { code, stdout, stderr } = await shop.sluice("check");
  equal(code, 2);
  match(stdout + stderr, /pipelines\/shop\.yaml:\d+:\d+: /);
});

Deno.test("an unknown key and a wrong mode are told at their places, with the word that was meant", async () => {
  await using shop = await project({
    "pipelines/shop.yaml": PIPELINE.replace(
      "path: data/orders.csv",
      "path: data/orders.csv, mod: full, mode: ful",
    ),
  });
  const { code, stdout, stderr } = await shop.sluice("check");
  equal(code, 2);
  match(stdout + stderr, /pipelines\/shop\.yaml:3:\d+: .*mod/);
  match(stdout + stderr, /pipelines\/shop\.yaml:3:\d+: .*full/);
});

Deno.test("a CSV with a short row is refused with file and line", async () => {
  await failsToRead("id,amount,name\n1,10,a\n2\n3,30,c\n", [/orders\.csv/, /line 3/]);
});

Deno.test("a wrong type at row 500,000 is refused with file, line, column and value", async () => {
  const lines = ["id,amount,name"];
  for (let id = 1; id < 500_000; id += 1) lines.push(`${id},${id % 100},n${id}`);
  lines.push("500000,many,x", "500001,1,y", "");
  await failsToRead(lines.join("\n"), [/orders\.csv/, /line 500001/, /amount/, /many/]);
});

Deno.test("a Latin-1 file is refused with the option that reads it", async () => {
  const latin = Uint8Array.from("id,amount,name\n1,10,Zoë\n2,20,Müller\n", (letter) => letter.charCodeAt(0));
  await failsToRead(latin, [/orders\.csv/, /encoding/, /windows-1252/]);
  await using shop = await project({
    "data/orders.csv": latin,
    "pipelines/shop.yaml": PIPELINE.replace("orders.csv }", "orders.csv, options: { encoding: latin-1 } }"),
  });
  const { code, stdout, stderr } = await shop.sluice("run", ["shop"]);
  equal(code, 0, stdout + stderr);
});

Deno.test("an empty file and a missing file are each told as what they are", async () => {
  await failsToRead("", [/orders\.csv/, /empty/]);
  await using shop = await project();
  await Deno.remove(join(shop.projectDir, "data", "orders.csv"));
  const { code, stdout, stderr } = await shop.sluice("check");
  equal(code, 2);
  match(stdout + stderr, /data\/orders\.csv/);
  match(stdout + stderr, /(no such|not there|does not exist|no file|not exist)/i);
});

Deno.test("an unknown column and a missing table are found by check with file and line, before any run", async () => {
  await using shop = await project({
    "transforms/shop/totals.sql": "SELECT\n  count(*) AS orders,\n  sum(amuont) AS amount\nFROM raw.orders\n",
    "transforms/shop/other.sql": "SELECT *\nFROM raw.oders\n",
  });
  const { code, stdout, stderr } = await shop.sluice("check");
  equal(code, 2);
  match(stdout + stderr, /transforms\/shop\/totals\.sql:3:7: .*amuont/);
  match(stdout + stderr, /transforms\/shop\/other\.sql:2:6: .*raw\.oders.*raw\.orders/);
  equal((await shop.sluice("run", ["shop"])).code, 2);
});

Deno.test("a destination that cannot be written is told with its path, and the old file stays", async () => {
  await using shop = await project({
    "connectors.yaml": "files: { type: file }\n",
    "pipelines/shop.yaml": PIPELINE.replace(
      "connector: lite, table: totals",
      "connector: files, path: out/totals.csv",
    ),
  });
  // A file where the folder should be: also root cannot write there.
  await shop.write({ "out": "in the way" });
  const { code, stdout, stderr } = await shop.sluice("run", ["shop"]);
  equal(code, 1, stdout + stderr);
  match(stdout + stderr, /out/);
  equal(await Deno.readTextFile(join(shop.projectDir, "out")), "in the way");
});

Deno.test("PostgreSQL: a wrong password, a missing table and a server that is away are each told as what they are", async () => {
  await using server = await acquirePostgres();
  const at = (url: string, table = "orders") =>
    project({
      "connectors.yaml":
        `pg: { type: postgres, url: "\${secret:PG_URL}" }\nlite: { type: sqlite, path: out/lite.sqlite }\n`,
      "pipelines/shop.yaml": PIPELINE.replace(
        "connector: files, path: data/orders.csv",
        `connector: pg, stream: ${table}`,
      ),
    }).then((shop) => ({ shop, env: { PG_URL: url } }));
  const url = new URL(server.url);

  url.password = "not-the-password";
  const wrong = await at(url.href);
  await using wrongShop = wrong.shop;
  const refused = await wrongShop.sluice("check", [], wrong.env);
  equal(refused.code, 2);
  match(refused.stdout + refused.stderr, /pipelines\/shop\.yaml:3:\d+: .*password/i);
  ok(!(refused.stdout + refused.stderr).includes("not-the-password"));

  const missing = await at(server.url, "public.no_such_orders");
  await using missingShop = missing.shop;
  const absent = await missingShop.sluice("check", [], missing.env);
  equal(absent.code, 2);
  match(absent.stdout + absent.stderr, /no_such_orders/);

  const away = await at("postgres://u:p-4711@127.0.0.1:1/x");
  await using awayShop = away.shop;
  const unreachable = await awayShop.sluice("run", ["shop"], away.env);
  equal(unreachable.code, 1);
  match(unreachable.stdout + unreachable.stderr, /127\.0\.0\.1:1/);
  ok(!(unreachable.stdout + unreachable.stderr).includes("p-4711"));
});

Deno.test("a port in use and a data folder held by another server end with exit code 2 and say by whom", async () => {
  await using shop = await project();
  await using server = await SluiceServer.start(shop.projectDir, shop.dataDir);
  const held = await shop.sluice("serve", ["--port", "0"]);
  equal(held.code, 2);
  match(held.stdout + held.stderr, new RegExp(`pid ${server.pid}`));
  await using other = await project();
  const busy = await other.sluice("serve", ["--port", new URL(server.url).port]);
  equal(busy.code, 2);
  match(busy.stdout + busy.stderr, new RegExp(`${new URL(server.url).port}`));
  match(busy.stdout + busy.stderr, /in use|--port/);
});

Deno.test("a model cannot read what is outside of its pipeline's folders, nor load extensions or change settings", async () => {
  for (
    const sql of [
      "SELECT content FROM read_text('/etc/passwd')",
      "SELECT * FROM read_csv('/etc/passwd', header = false, delim = ':')",
      "SELECT * FROM '/etc/passwd'",
      "SELECT * FROM glob('/etc/*')",
      "SELECT * FROM read_csv('http://127.0.0.1:1/x.csv')",
    ]
  ) {
    await using shop = await project({ "transforms/shop/totals.sql": `${sql}\n` });
    const { code, stdout, stderr } = await shop.sluice("check");
    equal(code, 2, `${sql}: ${stdout}${stderr}`);
    ok(!(stdout + stderr).includes("root:"), sql);
  }
});
