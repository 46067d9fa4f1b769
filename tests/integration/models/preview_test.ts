import { deepEqual, equal, match } from "node:assert/strict";
import type { ModelPreview } from "../../../contract/queries/preview.ts";
import { ENDLESS, ONE_THREAD, Served } from "../../support/served_project.ts";
import { TOKEN } from "../../support/sluice_server.ts";
import { TestProject } from "../../support/test_project.ts";

const FILES = {
  "connectors.yaml": "files: { type: file }\n",
  "pipelines/shop.yaml":
    `${ONE_THREAD}params: { least: { type: integer, default: 0 } }\nextract: { orders: { connector: files, path: orders.csv } }\n`,
  "pipelines/payroll.yaml": "extract: { salaries: { connector: files, path: orders.csv } }\n",
  "orders.csv": "id,amount\n1,10\n2,20\n3,30\n",
  "transforms/shop/stg.sql": "SELECT id, amount FROM raw.orders WHERE amount >= getvariable('least')",
  "transforms/shop/total.sql": "SELECT count(*) AS n, sum(amount) AS total FROM stg",
};

Deno.test("sluice preview PIPELINE.MODEL shows a model by the project's SQL, in every format", async () => {
  await using project = await TestProject.create(FILES);
  const preview = async (code: number, ...args: readonly string[]) => {
    const outcome = await project.sluice("preview", args);
    equal(outcome.code, code, outcome.stderr);
    return outcome;
  };
  const unread = await preview(2, "shop.total");
  match(unread.stderr, /raw\.orders is not in the warehouse yet: .* sluice run shop --select "raw\.orders"/);
  equal((await project.sluice("run", ["shop", "--quiet"])).code, 0);
  const before = await Deno.readFile(`${project.dataDir}/warehouse/shop.duckdb`);
  await project.write({ "transforms/shop/stg.sql": "SELECT id, amount * 2 AS amount FROM raw.orders" });

  const table = await preview(0, "shop.total");
  equal(table.stdout, "n  total\n3    120\n");
  match(table.stderr, /^1 row; the tables are of [-0-9]{10} [0-9:]{8} UTC; built in a copy for it: stg\n$/);
  const cases: readonly (readonly [string, string])[] = [
    ["json", '[\n{"id":"1","amount":"20"},\n{"id":"2","amount":"40"}\n]\n'],
    ["csv", "id,amount\n1,20\n2,40\n"],
    ["markdown", "| id | amount |\n| ---: | ---: |\n| 1 | 20 |\n| 2 | 40 |\n"],
  ];
  for (const [format, expected] of cases) {
    const { stdout, stderr } = await preview(0, "shop.stg", "--limit", "2", "--format", format);
    equal(stdout, expected);
    match(stderr, /^the first 2 rows; --limit N for more; /);
  }
  match(
    (await preview(2, "shop.stg", "--format", "xml")).stderr,
    /expected table, json, ndjson, csv, markdown or record/,
  );
  match((await preview(2, "shop", "--limit", "2")).stderr, /--limit is for the rows of a model/);
  deepEqual(await Deno.readFile(`${project.dataDir}/warehouse/shop.duckdb`), before);
  const copies = Array.from(Deno.readDirSync(`${project.dataDir}/copies`), ({ name }) => name);
  deepEqual(copies.filter((name) => name !== "lock"), [], "no copy is left");
});

Deno.test("a server previews models for who may look at rows, by sent SQL for who may change the pipeline", async () => {
  await using served = await Served.start(FILES);
  const { server, project } = served;
  await served.succeed("shop");
  const tokenOf = async (name: string, body: object) =>
    (await server.call<{ token: string }>("POST", "/api/tokens", { name, ...body }, [201])).token;
  const ask = async (token: string, pipeline: string, body: object, status = 200) => {
    const headers = { Authorization: `Bearer ${token}` };
    const response = await server.request("POST", `/api/pipelines/${pipeline}/preview`, { body, headers });
    const answer: ModelPreview & { detail: string } = await response.json();
    equal(response.status, status, JSON.stringify(answer));
    return answer;
  };
  const operator = await tokenOf("ops", { role: "operator", scopes: { pipelines: ["shop"] } });
  const inForce = await ask(operator, "shop", { model: "total" });
  deepEqual([inForce.rows, inForce.built], [[["3", "60"]], []]);
  await project.write({ "transforms/shop/stg.sql": "SELECT id, amount * 2 AS amount FROM raw.orders" });
  const mine = await project.sluice("preview", ["shop.total"]);
  equal(mine.stdout, "n  total\n3    120\n", mine.stderr);
  const [line] = await server.call<{ action: string; details: Record<string, string> }[]>(
    "GET",
    "/api/audit?action=data.view",
  );
  deepEqual([line?.action, line?.details["what"], line?.details["sql"]], ["data.view", "preview", "sent"]);

  const files = [
    { path: "pipelines/shop.yaml", content: FILES["pipelines/shop.yaml"] },
    { path: "transforms/shop/total.sql", content: "SELECT 1 AS n" },
  ];
  match((await ask(operator, "shop", { model: "total", files }, 403)).detail, /pipeline:edit/);
  await ask(operator, "payroll", { model: "total" }, 404);
  await ask(await tokenOf("view", { role: "viewer" }), "shop", { model: "total" }, 403);
  await ask(TOKEN, "shop", { model: "total", params: { least: "x" } }, 400);
  equal((await ask(TOKEN, "shop", { model: "total", files })).rows[0]?.[0], "1");

  // While a run is under way, the copy from before it is read.
  await project.write({ "transforms/shop/endless.sql": ENDLESS });
  await server.call("POST", "/api/apply");
  const { id } = await server.trigger("shop");
  await served.untilRunning(id, "model:endless");
  deepEqual((await ask(operator, "shop", { model: "total" })).as_of, inForce.as_of);
  await served.cancel(id);
});
