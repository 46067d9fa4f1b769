import { deepEqual, equal, match } from "node:assert/strict";
import type { ProjectPlan } from "../../../contract/plan/plan.ts";
import { Served } from "../../support/served_project.ts";
import { TOKEN } from "../../support/sluice_server.ts";
import { TestProject } from "../../support/test_project.ts";

const FILES = {
  "connectors.yaml": "files: { type: file }\n",
  "pipelines/shop.yaml": "extract: { orders: { connector: files, path: orders.csv } }\n",
  "pipelines/payroll.yaml": "extract: { salaries: { connector: files, path: orders.csv } }\n",
  "transforms/shop/daily.sql": "/* @sluice\nprimary_key: [id]\n*/ SELECT id, amount FROM raw.orders",
};

Deno.test("sluice plan has a server elsewhere compare what CI has, as far as its token goes", async () => {
  await using served = await Served.start({ ...FILES, "orders.csv": "id,amount\n1,10\n2,20\n" });
  await served.succeed("shop");
  const { server } = served;
  const tokenOf = async (name: string, body: object) =>
    (await server.call<{ token: string }>("POST", "/api/tokens", { name, ...body }, [201])).token;
  // CI has no data, and files that it names are not the server's to read.
  await using ci = await TestProject.create({
    ...FILES,
    "pipelines/shop.yaml": "extract: { orders: { connector: files, path: /etc/passwd } }\n",
    "transforms/shop/daily.sql":
      "/* @sluice\nprimary_key: [id]\n*/ SELECT id, amount * 2 AS amount FROM raw.orders",
  });
  const plan = (token: string, ...args: readonly string[]) =>
    ci.sluice("plan", ["--json", ...args], { SLUICE_URL: server.url, SLUICE_TOKEN: token });

  const whole = await plan(TOKEN);
  equal(whole.code, 3, whole.stderr);
  const { pipelines }: ProjectPlan = JSON.parse(whole.stdout);
  deepEqual(pipelines.map(({ pipeline, change }) => `${pipeline} ${change}`), [
    "payroll unchanged",
    "shop changed",
  ]);
  const [daily] = pipelines[1]?.models ?? [];
  deepEqual([daily?.data?.changed, daily?.data?.sample_changed.length], [2, 2]);
  deepEqual(daily?.columns, []);
  const [line] = await server.call<{ action: string; pipeline: string }[]>(
    "GET",
    "/api/audit?action=data.view",
  );
  deepEqual([line?.action, line?.pipeline], ["data.view", "shop"]);

  const scoped = await tokenOf("ci", { role: "engineer", scopes: { pipelines: ["shop"] } });
  const one = await plan(scoped, "shop");
  equal(one.code, 3, one.stderr);
  const blind = await tokenOf("blind", {
    role: "engineer",
    scopes: { permissions: ["pipeline:view", "pipeline:edit"] },
  });
  const unseen: ProjectPlan = JSON.parse((await plan(blind, "shop")).stdout);
  deepEqual(unseen.pipelines[0]?.data, {
    compared: false,
    note: "rows were not compared, since you may not look at them",
    duration_ms: null,
  });
  for (
    const [token, args, message] of [
      [scoped, [], /There is no pipeline "payroll"/],
      [await tokenOf("look", { role: "viewer" }), ["shop"], /may not change or delete definitions/],
      ["wrong", [], /The token is not known/],
    ] as const
  ) {
    const refused = await plan(token, ...args);
    equal(refused.code, 2, refused.stdout);
    match(refused.stderr, message);
  }
  const plain = await ci.sluice("plan", ["--url", "http://sluice.example.com"], { SLUICE_TOKEN: TOKEN });
  match(plain.stderr, /over http others could read the token/);
  for (
    const path of ["../shop.yaml", "pipelines/../x.yaml", "/etc/passwd", "pipelines/a\\b.yaml", "README.md"]
  ) {
    const response = await server.request("POST", "/api/plan", { body: { files: [{ path, content: "" }] } });
    equal(response.status, 400, await response.text());
  }
  deepEqual(Array.from(Deno.readDirSync(`${served.project.dataDir}/copies`), ({ name }) => name), ["lock"]);
});
