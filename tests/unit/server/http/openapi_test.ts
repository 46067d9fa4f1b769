import assert from "node:assert/strict";
import { Ajv2020 } from "ajv/dist/2020.js";
import * as v from "valibot";
import type { BuiltInRole as Role } from "../../../../contract/access/permissions.ts";
import { RUN_IDS } from "../../../support/fake_project.ts";
import { ApiFixture, type Asked } from "./api_fixture.ts";

const documentSchema = v.looseObject({
  openapi: v.literal("3.1.1"),
  paths: v.record(
    v.string(),
    v.record(
      v.string(),
      v.looseObject({
        operationId: v.string(),
        summary: v.string(),
        parameters: v.array(v.looseObject({
          name: v.string(),
          in: v.picklist(["path", "query", "header"]),
          required: v.boolean(),
          description: v.string(),
        })),
        responses: v.record(
          v.string(),
          v.looseObject({
            content: v.optional(
              v.record(v.string(), v.object({ schema: v.exactOptional(v.looseObject({})) })),
            ),
          }),
        ),
      }),
    ),
  ),
  components: v.looseObject({ schemas: v.record(v.string(), v.looseObject({})) }),
});
type Document = v.InferOutput<typeof documentSchema>;

async function readDocument(api: ApiFixture): Promise<Document> {
  const response = await api.ask("/openapi.json", { as: "viewer" });
  assert.equal(response.status, 200);
  return v.parse(documentSchema, await response.json());
}

/** Validates what is said about a response's body; `$ref`s are looked up in the document. */
function validatorOf(document: Document): (schema: object, value: unknown) => string {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema({ $id: "doc:", components: document.components });
  return (schema, value) => {
    const absolute: object = JSON.parse(
      JSON.stringify(schema).replaceAll('"#/components/', '"doc:#/components/'),
    );
    const validate = ajv.compile(absolute);
    return validate(value) ? "" : ajv.errorsText(validate.errors);
  };
}

Deno.test("/openapi.json wants a token", async () => {
  await using api = await ApiFixture.create();
  const response = await api.ask("/openapi.json");
  await response.body?.cancel();
  assert.equal(response.status, 401);
});

Deno.test("/openapi.json has /healthz, /metrics, webhooks and every route under /api that the app has, and no other", async () => {
  await using api = await ApiFixture.create();
  const { paths } = await readDocument(api);
  const documented = Object.entries(paths)
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`));
  const served = api.app.routes
    .filter(({ path, method }) => /^\/(?:api|hooks)\/|^\/(?:healthz|metrics)$/.test(path) && method !== "ALL")
    .map(({ path, method }) => `${method.toUpperCase()} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
  assert.deepEqual(documented.sort(), [...new Set(served)].sort());
});

Deno.test("every path parameter is documented, and operations have names of their own", async () => {
  await using api = await ApiFixture.create();
  const { paths } = await readDocument(api);
  const names: string[] = [];
  for (const [path, methods] of Object.entries(paths)) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    for (const operation of Object.values(methods)) {
      names.push(operation.operationId);
      const told = operation.parameters.filter((parameter) => parameter.in === "path");
      assert.deepEqual(told.map(({ name }) => name), inPath);
      assert.ok(told.every(({ required }) => required));
    }
  }
  assert.equal(new Set(names).size, names.length);
});

Deno.test("the document says where its server is, and what each field is", async () => {
  await using api = await ApiFixture.create();
  const document = await readDocument(api);
  assert.deepEqual(
    v.parse(v.array(v.looseObject({ url: v.string() })), document["servers"]).map(({ url }) => url),
    [
      "/",
    ],
  );
  assert.deepEqual([...undescribed(document)], []);
});

/** Every property of a schema in the document that has no description, with where it is. */
function* undescribed(value: unknown, place = ""): Iterable<string> {
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key === "properties" && typeof inner === "object" && inner !== null) {
      for (const [name, property] of Object.entries(inner)) {
        if (!Object.hasOwn(Object(property), "description")) yield `${place}.${name}`;
      }
    }
    yield* undescribed(inner, `${place}/${key}`);
  }
}

Deno.test("what the document refers to is in it, and its patterns are read by every language", async () => {
  await using api = await ApiFixture.create();
  const document = await readDocument(api);
  const text = JSON.stringify(document);
  for (const [, name = ""] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
    assert.ok(Object.hasOwn(document.components.schemas, name), name);
  }
  assert.doesNotMatch(text, /\\\\p\{/);
});

Deno.test("the schemas of the document are JSON Schema and say what is required", async () => {
  await using api = await ApiFixture.create();
  const document = await readDocument(api);
  const check = validatorOf(document);
  const run = await api.engine.getRun(RUN_IDS.succeeded);
  const ref = { $ref: "#/components/schemas/RunDetail" };
  assert.equal(check(ref, run), "");
  assert.notEqual(check(ref, { ...run, state: "done" }), "");
  assert.notEqual(check(ref, { ...run, id: undefined }), "");
  assert.notEqual(check(ref, { ...run, steps: [{}] }), "");
});

const ASKED: readonly [string, string, Asked & { as: Role }][] = [
  ["/healthz", "/healthz", { as: "viewer" }],
  ["/api/server", "/api/server", { as: "viewer" }],
  ["/api/server/drain", "/api/server/drain", { as: "admin", method: "POST" }],
  ["/api/server/undrain", "/api/server/undrain", { as: "admin", method: "POST" }],
  ["/api/pipelines", "/api/pipelines", { as: "viewer" }],
  ["/api/pipelines/{name}", "/api/pipelines/flights", { as: "viewer" }],
  ["/api/pipelines/{name}", "/api/pipelines/none", { as: "viewer" }],
  ["/api/pipelines/{name}", "/api/pipelines/crm_sync", {
    as: "operator",
    method: "PATCH",
    json: { paused: true },
  }],
  ["/api/pipelines/{name}", "/api/pipelines/crm_sync", { as: "operator", method: "PATCH", json: {} }],
  ["/api/pipelines/{name}", "/api/pipelines/orders", {
    as: "admin",
    method: "PUT",
    json: { definition: {} },
  }],
  ["/api/pipelines/{name}", "/api/pipelines/board_pack", { as: "admin", method: "DELETE" }],
  ["/api/pipelines/{name}/runs", "/api/pipelines/orders/runs", { as: "operator", method: "POST", json: {} }],
  ["/api/pipelines/{name}/runs", "/api/pipelines/orders/runs", { as: "viewer", method: "POST", json: {} }],
  ["/api/apply", "/api/apply", { as: "admin", method: "POST" }],
  ["/api/problems", "/api/problems", { as: "viewer" }],
  ["/api/problems/{id}/mute", "/api/problems/none/mute", {
    as: "operator",
    method: "POST",
    json: { for: "1h" },
  }],
  ["/api/problems/{id}/acknowledge", "/api/problems/01K0PROBLEM000000000000001/acknowledge", {
    as: "operator",
    method: "POST",
  }],
  ["/api/notifiers", "/api/notifiers", { as: "viewer" }],
  ["/api/notifiers/{name}/test", "/api/notifiers/team/test", { as: "operator", method: "POST" }],
  ["/api/deliveries", "/api/deliveries?state=waiting&limit=1", { as: "viewer" }],
  ["/api/runs", "/api/runs?limit=500", { as: "viewer" }],
  ["/api/runs/{id}", `/api/runs/${RUN_IDS.failed}`, { as: "viewer" }],
  ["/api/runs/{id}/logs", `/api/runs/${RUN_IDS.failed}/logs`, { as: "viewer" }],
  ["/api/runs/{id}/cancel", `/api/runs/${RUN_IDS.running}/cancel`, { as: "operator", method: "POST" }],
  ["/api/runs/{id}/cancel", `/api/runs/${RUN_IDS.succeeded}/cancel`, { as: "operator", method: "POST" }],
  ["/api/runs/{id}/retry", `/api/runs/${RUN_IDS.failed}/retry`, { as: "operator", method: "POST" }],
  ["/api/runs/{id}", `/api/runs/${RUN_IDS.failed}`, {
    as: "operator",
    method: "PATCH",
    json: { tags: ["audit", "audit"], note: "late" },
  }],
  ["/api/runs/{id}/rerun", `/api/runs/${RUN_IDS.failed}/rerun`, {
    as: "operator",
    method: "POST",
    json: { from: "model:daily" },
  }],
  ["/api/pipelines/{name}/backfills", "/api/pipelines/orders/backfills", {
    as: "operator",
    method: "POST",
    json: { from: "2026-01-01", to: "2026-02-01", every: "1w" },
  }],
  ["/api/pipelines/{name}/backfills", "/api/pipelines/none/backfills", {
    as: "operator",
    method: "POST",
    json: { from: "2026-01-01", to: "2026-02-01", every: "soon" },
  }],
  ["/api/backfills", "/api/backfills?limit=2", { as: "viewer" }],
  ["/api/backfills/{group}", "/api/backfills/none", { as: "viewer" }],
  ["/api/backfills/{group}/retry", "/api/backfills/none/retry", { as: "viewer", method: "POST" }],
  ["/api/tokens", "/api/tokens", { as: "admin" }],
  ["/api/tokens", "/api/tokens", { as: "admin", method: "POST", json: { name: "ci", role: "operator" } }],
  ["/api/tokens/{id}", "/api/tokens/none", { as: "admin", method: "DELETE" }],
];

Deno.test("the document names the refusals that are not told by their code alone", async () => {
  await using api = await ApiFixture.create();
  const { paths } = await readDocument(api);
  const statuses = (path: string, method: string) => Object.keys(paths[path]?.[method]?.responses ?? {});
  assert.deepEqual(statuses("/api/runs", "get"), ["200", "400", "401", "403", "422", "429"]);
  assert.ok(statuses("/api/pipelines/{name}/runs", "post").includes("422"));
});

Deno.test("answers are as documented", async (t) => {
  await using api = await ApiFixture.create();
  const document = await readDocument(api);
  const check = validatorOf(document);
  for (const [path, url, asked] of ASKED) {
    const method = asked.method ?? "GET";
    await t.step(`${method} ${url} as ${asked.as}`, async () => {
      const response = await api.ask(url, asked);
      const told = document.paths[path]?.[method.toLowerCase()]?.responses[String(response.status)];
      assert.ok(told, `status ${response.status} is not documented`);
      const text = await response.text();
      if (told.content === undefined) {
        assert.equal(text, "");
        return;
      }
      const type = response.headers.get("content-type")?.split(";")[0] ?? "";
      const schema = told.content[type]?.schema;
      assert.ok(schema, `${type} is not documented`);
      assert.equal(check(schema, JSON.parse(text)), "");
    });
  }
});
