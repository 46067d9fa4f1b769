import { deepStrictEqual, equal, match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import * as v from "valibot";
import { pipelineSchema } from "../../../contract/pipeline/pipeline.ts";
import { fileStoreUrl, openStore } from "../../../engine/store/open.ts";
import { Served } from "../../support/served_project.ts";
import { SluiceServer } from "../../support/sluice_server.ts";
import { TestProject } from "../../support/test_project.ts";

/** What may not be a name is refused at each entrance: files, API, command line. */

const DEFINITION = { definition: { transform: "x" }, models: { "n.sql": "SELECT 1 AS n" } };
const PROJECT = {
  "pipelines/orders.yaml": "transform: orders\n",
  "transforms/orders/daily.sql": "SELECT 1 AS n\n",
};
/** As they stand in a URL. */
const NOT_NAMES = [
  "..%2F..%2Fx",
  "%2e%2e%2fx",
  "..%5Cx",
  "a%00",
  "orders%00",
  "a%0Ab",
  "a%20b",
  "a".repeat(300),
  "%C3%A9",
  "raw",
  "RAW",
  "_sluice",
  "Temp",
  "main",
  "information_schema",
  "pg_catalog",
  "system",
  "con",
  "NUL",
  "constructor",
];

async function filesBelow(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) paths.push(...await filesBelow(join(folder, name)));
    else paths.push(join(folder, name));
  }
  return paths;
}

Deno.test("the API refuses what cannot be the name of a pipeline, whatever is asked of it", async () => {
  await using served = await Served.start(PROJECT);
  const { server, project } = served;
  for (const name of NOT_NAMES) {
    const path = `/api/pipelines/${name}`;
    for (
      const [method, at, body] of [
        ["PUT", path, DEFINITION],
        ["GET", path],
        ["POST", `${path}/runs`, {}],
        ["PATCH", path, { paused: true }],
        ["DELETE", path],
      ] as const
    ) {
      const response = await server.request(method, at, { body });
      const problem = await response.json();
      strictEqual(response.status, 400, `${method} ${at}: ${JSON.stringify(problem)}`);
      strictEqual(problem.reason, "invalid_name", `${method} ${at}: ${problem.detail}`);
      match(problem.detail, /^"[^\n]*" cannot be the name of a pipeline: /);
    }
    const page = await server.request("GET", `/pipelines/${name}`);
    await page.body?.cancel();
  }
  const pipelines = await server.call<{ name: string }[]>("GET", "/api/pipelines");
  deepStrictEqual(pipelines.map(({ name }) => name), ["orders"]);
  const outside = (await filesBelow(project.folder)).filter((path) => path.endsWith(".duckdb"));
  deepStrictEqual(outside, []);
});

Deno.test("the API refuses wrong names of models, streams, params and tokens", async () => {
  await using served = await Served.start(PROJECT);
  const { server } = served;
  const put = async (body: unknown) => {
    const response = await server.request("PUT", "/api/pipelines/fresh", { body });
    strictEqual(response.status, 400);
    return (await response.json()).faults.map((fault: { message: string }) => fault.message).join("; ");
  };
  for (const model of ["../n.sql", "raw.sql", "NUL.sql", "a b.sql", "n", `${"n".repeat(201)}.sql`]) {
    match(await put({ definition: {}, models: { [model]: "SELECT 1 AS n" } }), /name/, model);
  }
  const stream = { connector: "files", path: "a.csv" };
  for (const name of ["../x", "raw", "_sluice_x", "a\nb", "x".repeat(64)]) {
    match(await put({ definition: { extract: { [name]: stream } } }), /expected a letter|another name/, name);
  }
  for (const name of ["../x", "_sluice", "a-b"]) {
    match(await put({ definition: { params: { [name]: {} } } }), /expected a letter|another name/, name);
  }
  for (const name of ["", "a\nb", "a\0b", "SLUICE_TOKEN", "x".repeat(101)]) {
    const response = await server.request("POST", "/api/tokens", { body: { name, role: "viewer" } });
    strictEqual(response.status, 400, JSON.stringify(name));
    await response.body?.cancel();
  }
});

Deno.test("sluice check finds files whose names cannot be used, and says why", async () => {
  await using project = await TestProject.create({
    ...PROJECT,
    "connectors.yaml": "_sluice: { type: file }\n",
    "pipelines/raw.yaml": "transform: orders\n",
    "pipelines/TEMP.yaml": "transform: orders\n",
    "pipelines/a b.yaml": "transform: orders\n",
    "transforms/orders/aux.sql": "SELECT 1 AS n\n",
  });
  const { code, stdout } = await project.sluice("check");
  strictEqual(code, 2);
  match(stdout, /^pipelines\/raw\.yaml:1:1: .*another name: .*schema/m);
  match(stdout, /^pipelines\/TEMP\.yaml:1:1: .*another name: .*schema/m);
  match(stdout, /^pipelines\/a b\.yaml:1:1: .*expected a letter or _/m);
  match(stdout, /^transforms\/orders\/aux\.sql:1:1: .*Windows/m);
  match(stdout, /^connectors\.yaml:1:\d+: .*_sluice/m);
});

Deno.test("the command line refuses what cannot be a name, with exit code 2", async () => {
  await using project = await TestProject.create({ ...PROJECT, "connectors.yaml": "{}\n" });
  for (const name of ["../../x", "..", "a\nb", "raw", "x".repeat(300)]) {
    const { code, stderr } = await project.sluice("run", [name]);
    strictEqual(code, 2, name);
    match(stderr, /cannot be the name of a pipeline: /, stderr);
  }
  const token = await project.sluice("tokens", ["create", "SLUICE_TOKEN"]);
  strictEqual(token.code, 2);
  match(token.stderr, /cannot be the name of a token: /);
  const misspelt = await project.sluice("run", ["oders"]);
  strictEqual(misspelt.code, 2);
  match(misspelt.stderr, /There is no pipeline "oders" \(did you mean orders\?\)/);
});

Deno.test("sluice init refuses a folder whose name could not be typed", async () => {
  await using project = await TestProject.create(PROJECT);
  const { code, stderr } = await project.sluice("init", [join(project.folder, "a\nb")]);
  strictEqual(code, 2, stderr);
});

Deno.test("pipelines that were stored under names that are refused today go on", async () => {
  await using project = await TestProject.create({
    ...PROJECT,
    "connectors.yaml": "{}\n",
    "pipelines/main.yaml": "transform: orders\n",
  });
  await Deno.mkdir(project.dataDir, { recursive: true });
  const files = [{ path: "transforms/x/n.sql", content: "SELECT 1 AS n\n" }];
  const definition = v.parse(pipelineSchema, { transform: "x" });
  await using store = await openStore(fileStoreUrl(join(project.dataDir, "sluice.db")));
  for (const [index, name] of ["my pipeline", "../../x", "main"].entries()) {
    const id = String(index).repeat(64);
    await store.revisions.save({ id, pipeline: name, definition, files, connectors: {} }, []);
    await store.pipelines.put({ name, origin: name === "main" ? "files" : "api", revision: id, faults: [] });
  }
  await store[Symbol.asyncDispose]();
  await using server = await SluiceServer.start(project.projectDir, project.dataDir);
  const run = async (name: string) => {
    const { id } = await server.trigger(encodeURIComponent(name));
    return await server.ended(id);
  };
  equal((await run("my pipeline")).state, "succeeded");
  equal((await run("main")).state, "succeeded");
  const escaped = await run("../../x");
  equal(escaped.state, "failed");
  match(escaped.error?.message ?? "", /leads out of the data folder/);
  const put = await server.request("PUT", "/api/pipelines/my%20pipeline", { body: DEFINITION });
  equal(put.status, 200, await put.text());
  const { faults } = await server.call<{ faults: { severity: string; message: string }[] }>(
    "GET",
    "/api/pipelines/main",
  );
  deepStrictEqual(faults.map(({ severity }) => severity), ["warning"]);
  ok((await filesBelow(project.folder)).every((path) => !path.endsWith("x.duckdb")));
  equal((await server.request("DELETE", "/api/pipelines/..%2F..%2Fx")).status, 204);
});
