import { gzipSync } from "node:zlib";
import assert from "node:assert/strict";
import { AppError, ERROR_CODES, type ErrorCode } from "../../../../contract/errors.ts";
import type { TriggerRequest } from "../../../../engine/control/engine.ts";
import { apiRoutes } from "../../../../server/routes/app.ts";
import {
  BUILT_IN_ROLES as ROLES,
  type BuiltInRole as Role,
} from "../../../../contract/access/permissions.ts";
import { RUN_IDS } from "../../../support/fake_project.ts";
import type { ServerPhase } from "../../../../server/http/server_phase.ts";
import { ApiFixture, type Asked } from "./api_fixture.ts";

/** Asserts a problem+json of the status and answers it. */
async function problem(response: Response, status: number): Promise<Record<string, unknown>> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const body = JSON.parse(text);
  assert.equal(body.status, status);
  assert.equal(body.request_id, response.headers.get("x-request-id"));
  return body;
}

Deno.test("GET /healthz needs no token, is 503 until the server is ready and while it drains, and says whether runs begin", async () => {
  let phase: ServerPhase = "starting";
  await using api = await ApiFixture.create({ phase: () => phase, allowedHosts: [] });
  const health = async () => {
    const response = await api.ask("/healthz", { headers: { host: "any.name" } });
    return [response.status, await response.json()];
  };
  const said = { version: "1.2.3", starts_runs: true, held_by: null };
  assert.deepEqual(await health(), [503, { ...said, status: "starting" }]);
  phase = "ok";
  assert.deepEqual(await health(), [200, { ...said, status: "ok" }]);
  api.engine.server.lowDisk = "the disk of /data has 3 MB left";
  assert.deepEqual(await health(), [200, { ...said, status: "ok", starts_runs: false, held_by: "disk" }]);
  phase = "draining";
  assert.deepEqual((await health())[0], 503);
});

Deno.test("an admin drains the server, and lets runs begin again; others may look", async () => {
  await using api = await ApiFixture.create();
  const status = async (path: string, method: string, as: Role) => {
    const response = await api.ask(path, { method, as });
    return [response.status, (await response.json()).drained_by];
  };
  assert.deepEqual((await status("/api/server/drain", "POST", "operator"))[0], 403);
  assert.deepEqual(await status("/api/server/drain", "POST", "admin"), [200, "the admin"]);
  assert.deepEqual(await status("/api/server", "GET", "viewer"), [200, "the admin"]);
  assert.deepEqual(await status("/api/server/undrain", "POST", "admin"), [200, null]);
});

const ADMINS: readonly Role[] = ["admin"];
const ENGINEERS: readonly Role[] = ["admin", "engineer"];
const OPERATORS: readonly Role[] = ["admin", "engineer", "operator"];
const ALL: readonly Role[] = ["admin", "engineer", "operator", "viewer"];

/** By operation: what each role may ask, written down a second time so that no slip in the table passes. */
const ALLOWED: Readonly<Record<string, readonly Role[]>> = {
  listPipelines: ALL,
  getPipeline: ALL,
  getParams: ALL,
  listStreams: ALL,
  listTables: ALL,
  previewTable: OPERATORS,
  putPipeline: ENGINEERS,
  deletePipeline: ENGINEERS,
  pausePipeline: OPERATORS,
  getLineage: ALL,
  listVersions: ALL,
  getVersionChanges: ALL,
  rollBackPipeline: ENGINEERS,
  listEnvironments: ALL,
  applyEnvironment: ENGINEERS,
  createEnvironment: ENGINEERS,
  promoteEnvironment: ENGINEERS,
  planPromotion: ENGINEERS,
  deleteEnvironment: ENGINEERS,
  applyProject: ENGINEERS,
  planProject: ENGINEERS,
  previewModel: OPERATORS,
  query: OPERATORS,
  completeQuery: OPERATORS,
  listData: ALL,
  readData: OPERATORS,
  getServer: ALL,
  drainServer: ADMINS,
  undrainServer: ADMINS,
  getMetrics: ALL,
  listConnectors: ALL,
  discoverStreams: ENGINEERS,
  testConnector: ENGINEERS,
  listProblems: ALL,
  acknowledgeProblem: OPERATORS,
  unacknowledgeProblem: OPERATORS,
  muteProblem: OPERATORS,
  unmuteProblem: OPERATORS,
  listNotifiers: ALL,
  testNotifier: OPERATORS,
  listDeliveries: ALL,
  triggerRun: OPERATORS,
  getStreamSchema: ALL,
  listRejects: OPERATORS,
  getRejects: OPERATORS,
  replayRejects: OPERATORS,
  dropRejects: OPERATORS,
  listLoads: ALL,
  startVerification: OPERATORS,
  getVerification: OPERATORS,
  stopVerification: OPERATORS,
  listRuns: ALL,
  getRun: ALL,
  getManifest: ALL,
  replayRun: OPERATORS,
  getFailedRows: OPERATORS,
  getRunLogs: ALL,
  searchLogs: ALL,
  getPipelineHistory: ALL,
  watchRun: ALL,
  cancelRun: OPERATORS,
  cancelQueuedRuns: OPERATORS,
  retryRun: OPERATORS,
  annotateRun: OPERATORS,
  rerunRun: OPERATORS,
  startBackfill: OPERATORS,
  listBackfills: ALL,
  getBackfill: ALL,
  retryBackfill: OPERATORS,
  cancelBackfill: OPERATORS,
  listWebhooks: OPERATORS,
  listPosts: OPERATORS,
  getPost: OPERATORS,
  dropPost: OPERATORS,
  listTokens: ADMINS,
  createToken: ADMINS,
  revokeToken: ADMINS,
  rotateToken: ADMINS,
  listUsers: ADMINS,
  createUser: ADMINS,
  getUser: ADMINS,
  changeUser: ADMINS,
  removeUser: ADMINS,
  getUserFactors: ADMINS,
  resetUserFactors: ADMINS,
  inviteUser: ADMINS,
  setPassword: ADMINS,
  listGroups: ADMINS,
  createGroup: ADMINS,
  removeGroup: ADMINS,
  addMember: ADMINS,
  removeMember: ADMINS,
  listGrants: ADMINS,
  grant: ADMINS,
  revoke: ADMINS,
  listRoles: ADMINS,
  putRole: ADMINS,
  removeRole: ADMINS,
  listSessions: ADMINS,
  endSession: ADMINS,
  listIdentities: ADMINS,
  linkIdentity: ADMINS,
  unlinkIdentity: ADMINS,
  listSecrets: ADMINS,
  putSecret: ADMINS,
  deleteSecret: ADMINS,
  getKeys: ADMINS,
  rotateKeys: ADMINS,
  listAuditLines: ADMINS,
  exportAuditLines: ADMINS,
  verifyAuditLog: ADMINS,
  getAccount: ALL,
  changePassword: ALL,
  listOwnSessions: ALL,
  endOwnSessions: ALL,
  endOwnSession: ALL,
  listOwnTokens: ALL,
  listOwnFactors: ALL,
  startTotp: ALL,
  confirmTotp: ALL,
  removeTotp: ALL,
  renewRecoveryCodes: ALL,
  startPasskey: ALL,
  addPasskey: ALL,
  renamePasskey: ALL,
  removePasskey: ALL,
  createOwnToken: ALL,
  rotateOwnToken: ALL,
  revokeOwnToken: ALL,
};

Deno.test("every API route refuses those without a token, and roles that may not", async () => {
  await using api = await ApiFixture.create();
  const routes = apiRoutes(api);
  assert.deepEqual(routes.map(({ spec }) => spec.operation).toSorted(), Object.keys(ALLOWED).toSorted());
  for (const { spec } of routes) {
    const path = spec.path.replaceAll(/:\w+/g, "none");
    const ask = (asked: Asked) => api.ask(path, { method: spec.method.toUpperCase(), ...asked });
    const anonymous = await ask({});
    assert.equal((await problem(anonymous, 401)).code, "unauthorized", path);
    assert.match(anonymous.headers.get("www-authenticate") ?? "", /^Bearer/);
    for (const role of ROLES) {
      const response = await ask({ as: role });
      await response.body?.cancel();
      const isAllowed = ALLOWED[spec.operation]?.includes(role) ?? false;
      assert.equal(response.status !== 403, isAllowed, `${spec.method} ${path} as ${role}`);
      assert.notEqual(response.status, 401);
    }
  }
});

Deno.test("GET routes answer what the engine says", async () => {
  await using api = await ApiFixture.create();
  const read = async (path: string) => {
    const response = await api.ask(path, { as: "viewer" });
    assert.equal(response.status, 200, path);
    assert.equal(response.headers.get("cache-control"), "no-store");
    return await response.json();
  };
  assert.deepEqual(await read("/api/pipelines"), await api.engine.listPipelines());
  assert.deepEqual(await read("/api/pipelines/flights"), await api.engine.getPipeline("flights"));
  assert.deepEqual(await read("/api/runs"), await api.engine.listRuns({}));
  assert.deepEqual(
    await read("/api/runs?trigger=schedule"),
    await api.engine.listRuns({ trigger: "schedule" }),
  );
  assert.deepEqual(
    await read(`/api/runs?pipeline=orders&state=failed&limit=1&before=${RUN_IDS.running}`),
    await api.engine.listRuns({ pipeline: "orders", state: "failed", limit: 1, before: RUN_IDS.running }),
  );
  assert.deepEqual(await read(`/api/runs/${RUN_IDS.succeeded}`), await api.engine.getRun(RUN_IDS.succeeded));
  const logs = await read(`/api/runs/${RUN_IDS.failed}/logs?after=3&limit=2`);
  assert.deepEqual(logs.map((line: { seq: number }) => line.seq), [4, 5]);
});

Deno.test("problems are acknowledged and muted by who asks, for as long as they say", async () => {
  await using api = await ApiFixture.create();
  const [first] = await api.engine.alerts.problems({ isOpen: true });
  const path = `/api/problems/${first?.id}`;
  const change = async (method: string, what: string, json?: unknown) => {
    const asked = json === undefined ? {} : { json };
    const response = await api.ask(`${path}/${what}`, { method, as: "operator", ...asked });
    const body = await response.json();
    assert.equal(response.status, 200, JSON.stringify(body));
    return body;
  };
  assert.equal((await change("POST", "acknowledge")).acknowledged_by, "the operator");
  assert.equal((await change("DELETE", "acknowledge")).acknowledged_by, null);
  const muted = await change("POST", "mute", { for: "8h" });
  assert.equal(Date.parse(muted.muted_until) - api.clock.now(), 8 * 3_600_000);
  assert.equal((await change("DELETE", "mute")).muted_until, null);
  for (const json of [{}, { for: "soon" }, { for: "" }]) {
    const response = await api.ask(`${path}/mute`, { method: "POST", as: "operator", json });
    assert.equal((await problem(response, 400)).code, "invalid");
  }
  const none = await api.ask("/api/problems/none/acknowledge", { method: "POST", as: "operator" });
  assert.equal((await problem(none, 404)).code, "not_found");
  const open = await api.ask("/api/problems?state=open", { as: "viewer" });
  assert.deepEqual(await open.json(), await api.engine.alerts.problems({ isOpen: true }));
});

Deno.test("POST …/runs hands the whole request to the engine and says where the run is", async () => {
  const requests: [string, TriggerRequest][] = [];
  await using api = await ApiFixture.create({
    engine: {
      triggerRun: (name, request) => {
        requests.push([name, request]);
        return api.engine.triggerRun(name, request);
      },
    },
  });
  const response = await api.ask("/api/pipelines/flights/runs", {
    method: "POST",
    as: "operator",
    headers: { "idempotency-key": "key-1" },
    json: {
      params: { region: "eu", threshold: 20, include_cancelled: true },
      select: "+daily",
      full_refresh: true,
    },
  });
  assert.equal(response.status, 202);
  const run = await response.json();
  assert.deepEqual([run.state, run.pipeline], ["queued", "flights"]);
  assert.equal(response.headers.get("location"), `/api/runs/${run.id}`);
  const empty = await api.ask("/api/pipelines/orders/runs", { method: "POST", as: "operator" });
  assert.equal(empty.status, 202);
  await empty.body?.cancel();
  assert.deepEqual(requests, [
    ["flights", {
      trigger: "api",
      triggeredBy: "the operator",
      params: { region: "eu", threshold: 20, include_cancelled: true },
      select: "+daily",
      fullRefresh: true,
      idempotencyKey: "key-1",
    }],
    ["orders", { trigger: "api", triggeredBy: "the operator" }],
  ]);
});

Deno.test("a run that is triggered with a session is the page's", async () => {
  await using api = await ApiFixture.create();
  const cookie = await api.signIn("operator");
  const response = await api.ask("/api/pipelines/orders/runs", {
    method: "POST",
    headers: { cookie, "sec-fetch-site": "same-origin" },
  });
  const run = await response.json();
  assert.deepEqual([run.trigger, run.triggered_by], ["page", "the operator"]);
});

Deno.test("PUT, PATCH and DELETE of a pipeline, apply, cancel and retry reach the engine", async () => {
  const calls: unknown[] = [];
  await using api = await ApiFixture.create({
    engine: {
      putPipeline: (name, source) => {
        calls.push([name, source]);
        return api.engine.getPipeline(name);
      },
    },
  });
  const ask = async (method: string, path: string, json?: unknown) => {
    const response = await api.ask(path, { method, as: "admin", ...(json === undefined ? {} : { json }) });
    const text = await response.text();
    return [response.status, text === "" ? undefined : JSON.parse(text)] as const;
  };
  const models = { "daily.sql": "SELECT 1" };
  assert.equal((await ask("PUT", "/api/pipelines/orders", { definition: "load: {}", models }))[0], 200);
  assert.equal((await ask("PUT", "/api/pipelines/orders", { definition: { tags: ["x"] } }))[0], 200);
  assert.deepEqual(calls, [
    ["orders", { definition: "load: {}", models }],
    ["orders", { definition: { tags: ["x"] }, models: {} }],
  ]);
  const [status, paused] = await ask("PATCH", "/api/pipelines/orders", { paused: true });
  assert.deepEqual([status, paused.name, paused.paused], [200, "orders", true]);
  assert.deepEqual(await ask("DELETE", "/api/pipelines/orders"), [204, undefined]);
  const [applied, result] = await ask("POST", "/api/apply");
  assert.deepEqual([applied, result.applied, result.faults], [200, [], []]);
  const [cancelled, run] = await ask("POST", `/api/runs/${RUN_IDS.running}/cancel`);
  assert.deepEqual([cancelled, run.state], [202, "cancelled"]);
  const [retried, again] = await ask("POST", `/api/runs/${RUN_IDS.running}/retry`);
  assert.deepEqual([retried, again.state], [202, "queued"]);
  assert.equal((await ask("POST", `/api/runs/${RUN_IDS.succeeded}/retry`))[0], 409);
});

const REFUSED: readonly [string, string, Asked, string][] = [
  ["an unknown query parameter", "/api/runs?stat=failed", {}, "stat"],
  ["an unknown state", "/api/runs?state=done", {}, "state"],
  ["a limit that is no number", "/api/runs?limit=ten", {}, "limit"],
  ["a limit of 0", "/api/runs?limit=0", {}, "limit"],
  ["a limit beyond 500", "/api/runs?limit=501", {}, "500"],
  ["a negative seq", `/api/runs/${RUN_IDS.failed}/logs?after=-1`, {}, "after"],
  ["a huge seq", `/api/runs/${RUN_IDS.failed}/logs?after=${"9".repeat(30)}`, {}, "after"],
  ["a repeated parameter", "/api/runs?limit=1&limit=2", {}, "more than once"],
  ["an unknown key", "/api/pipelines/orders/runs", { method: "POST", json: { parms: {} } }, "params"],
  [
    "a param that is a list",
    "/api/pipelines/orders/runs",
    { method: "POST", json: { params: { a: [] } } },
    "params.a",
  ],
  ["a body that is a list", "/api/pipelines/orders/runs", { method: "POST", json: [] }, "list"],
  ["a missing key", "/api/pipelines/orders", { method: "PATCH", json: {} }, "paused"],
  ["a missing body", "/api/pipelines/orders", { method: "PATCH" }, "body"],
  ["models of a wrong type", "/api/pipelines/x", {
    method: "PUT",
    json: { definition: "", models: { a: 1 } },
  }, "models.a"],
  [
    "an idempotency key with a space",
    "/api/pipelines/orders/runs",
    { method: "POST", headers: { "idempotency-key": "a b" } },
    "idempotency-key",
  ],
  ["a role that there is not", "/api/tokens", { method: "POST", json: { name: "x", role: "root" } }, "role"],
  ["a name of two lines", "/api/tokens", { method: "POST", json: { name: "x\ny", role: "viewer" } }, "name"],
  [
    "a reserved name",
    "/api/tokens",
    { method: "POST", json: { name: "SLUICE_TOKEN", role: "viewer" } },
    "another name",
  ],
];

for (const [what, path, asked, word] of REFUSED) {
  Deno.test(`${what} is a 400 that names it`, async () => {
    await using api = await ApiFixture.create();
    const body = await problem(await api.ask(path, { ...asked, as: "admin" }), 400);
    assert.equal(body.code, "invalid");
    assert.ok(String(body.detail).includes(word), String(body.detail));
  });
}

Deno.test("a body that is not JSON is a 400 with its place, one of another type a 415", async () => {
  await using api = await ApiFixture.create();
  const send = (body: string, type: string | null) =>
    api.ask("/api/pipelines/orders", {
      method: "PATCH",
      as: "admin",
      body: new TextEncoder().encode(body),
      headers: type === null ? {} : { "content-type": type },
    });
  const broken = await problem(await send('{\n  "paused": true,\n}', "application/json"), 400);
  assert.match(String(broken.detail), /not JSON at line 2 column 17/);
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/yaml", null]) {
    assert.equal((await problem(await send('{"paused":true}', type), 415)).code, "invalid");
  }
  for (
    const type of ["application/json", "application/json; charset=utf-8", "application/merge-patch+json"]
  ) {
    const response = await send('{"paused":true}', type);
    await response.body?.cancel();
    assert.equal(response.status, 200, type);
  }
});

Deno.test("a body larger than 5 MB is a 413, whether its size is told or not", async () => {
  await using api = await ApiFixture.create();
  const large = new Uint8Array(5 * 1_024 * 1_024 + 1).fill(0x20);
  for (const headers of [{ "content-length": String(large.length) }, { "transfer-encoding": "chunked" }]) {
    const response = await api.ask("/api/pipelines/x", { method: "PUT", as: "admin", body: large, headers });
    assert.equal((await problem(response, 413)).code, "invalid");
  }
});

Deno.test("a body may be in gzip, and is held to a limit when it is unpacked", async () => {
  await using api = await ApiFixture.create();
  const send = (body: Uint8Array<ArrayBuffer>, encoding = "gzip") =>
    api.ask("/api/pipelines/orders", {
      method: "PATCH",
      as: "operator",
      body,
      headers: { "content-type": "application/json", "content-encoding": encoding },
    });
  const packed = (text: string) => new Uint8Array(gzipSync(text));
  const taken = await send(packed('{"paused":true}'));
  await taken.body?.cancel();
  assert.equal(taken.status, 200);
  assert.equal((await problem(await send(packed('{"paused":1}')), 400)).code, "invalid");
  assert.equal((await problem(await send(packed("{}").slice(0, 9)), 400)).code, "invalid");
  assert.equal((await problem(await send(packed("{}"), "br"), 415)).code, "invalid");
  const bomb = packed(" ".repeat(33 * 1_024 * 1_024));
  assert.equal((await problem(await send(bomb), 413)).code, "invalid");
});

Deno.test("half of a surrogate pair in a body is refused, in a key as in a value, and a whole one is not", async () => {
  await using api = await ApiFixture.create();
  const send = (body: string) =>
    api.ask("/api/pipelines/orders/runs", {
      method: "POST",
      as: "operator",
      body,
      headers: { "content-type": "application/json" },
    });
  for (const half of ["\\ud800", "\\uDFFF", "a\\ud83d b"]) {
    for (const body of [`{"params":{"region":"${half}"}}`, `{"params":{"${half}":"x"}}`]) {
      const { detail } = await problem(await send(body), 400);
      assert.match(String(detail), /half of a surrogate pair/);
    }
  }
  const whole = await send('{"select":"\\ud83d\\ude00"}');
  await whole.body?.cancel();
  assert.equal(whole.status, 202);
});

Deno.test("an unknown address is a 404, a wrong method a 405 that says which are right", async () => {
  await using api = await ApiFixture.create();
  for (const path of ["/api", "/api/", "/api/nothing", "/nothing", "/api/runs/x/y/z"]) {
    assert.equal((await problem(await api.ask(path, { as: "admin" }), 404)).code, "not_found", path);
  }
  const wrong = await api.ask("/api/pipelines/orders", { method: "POST", as: "admin" });
  await problem(wrong, 405);
  assert.equal(wrong.headers.get("allow"), "GET, HEAD, PUT, DELETE, PATCH");
  for (const method of ["PUT", "OPTIONS", "PROPFIND"]) {
    await problem(await api.ask("/api/runs", { method, as: "admin" }), 405);
  }
});

Deno.test("names with quotes, slashes, unicode and broken escapes are not found and break nothing", async () => {
  await using api = await ApiFixture.create();
  for (
    const name of [
      "it's",
      '"; drop table runs; --',
      "a/b",
      "..",
      "日本語",
      "\0",
      "<script>",
      "a".repeat(5_000),
    ]
  ) {
    const body = await problem(
      await api.ask(`/api/pipelines/${encodeURIComponent(name)}`, { as: "viewer" }),
      404,
    );
    assert.equal(body.code, "not_found");
  }
  await problem(await api.ask("/api/runs/%E0%A4%A", { as: "viewer" }), 404);
});

const STATUS: Record<ErrorCode, number> = {
  invalid: 400,
  not_found: 404,
  conflict: 409,
  unauthorized: 401,
  forbidden: 403,
  unavailable: 503,
  timeout: 504,
  cancelled: 503,
  internal: 500,
};

Deno.test("each code of the engine's errors has its status, and faults come along", async () => {
  const faults = [{ file: "pipelines/a.yaml", line: 2, message: "unknown key", severity: "error" as const }];
  for (const code of ERROR_CODES) {
    const thrown = new AppError(code, "the message", { detail: "the detail", faults });
    await using api = await ApiFixture.create({ engine: { listPipelines: () => Promise.reject(thrown) } });
    const body = await problem(await api.ask("/api/pipelines", { as: "viewer" }), STATUS[code]);
    assert.deepEqual([body.code, body.faults, body.type], [code, faults, "about:blank"]);
    if (code !== "internal") assert.equal(body.detail, "the message");
    assert.ok(!JSON.stringify(body).includes("the detail"));
  }
});

Deno.test("an internal error shows its request's id alone, and the log has the rest", async () => {
  const cause = new TypeError("the secret cause");
  await using api = await ApiFixture.create({
    engine: { listPipelines: () => Promise.reject(new AppError("internal", "hidden words", { cause })) },
  });
  const response = await api.ask("/api/pipelines?x", {
    as: "viewer",
    headers: { "x-request-id": "given-id" },
  });
  assert.equal(response.status, 400, "a query parameter that is not known comes first");
  await response.body?.cancel();
  const failed = await api.ask("/api/pipelines", { as: "viewer", headers: { "x-request-id": "given-id" } });
  const body = await problem(failed, 500);
  assert.equal(body.request_id, "given-id");
  assert.ok(String(body.detail).includes("given-id"));
  assert.ok(!/hidden|secret/.test(JSON.stringify(body)));
  assert.equal(api.logged.length, 1);
  assert.match(
    api.logged[0] ?? "",
    /error GET \/api\/pipelines failed: hidden words .*given-id.*the secret cause/,
  );
});

Deno.test("a request id with more than letters is not taken over", async () => {
  await using api = await ApiFixture.create();
  const response = await api.ask("/api/none", { headers: { "x-request-id": "<script>" } });
  await response.body?.cancel();
  assert.match(response.headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/);
});

Deno.test("every answer has the security headers, errors too", async () => {
  await using api = await ApiFixture.create();
  for (const path of ["/", "/healthz", "/api/runs", "/nothing"]) {
    const { headers, body } = await api.ask(path);
    await body?.cancel();
    const policy = headers.get("content-security-policy") ?? "";
    for (
      const rule of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"]
    ) {
      assert.ok(policy.includes(rule), `${path}: ${rule}`);
    }
    assert.ok(!policy.includes("unsafe"));
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("x-frame-options"), "DENY");
    assert.equal(headers.get("cache-control"), "no-store");
    assert.equal(headers.get("access-control-allow-origin"), null);
  }
});

Deno.test("HEAD answers as GET does, without a body and without watching a run", async () => {
  await using api = await ApiFixture.create();
  const list = await api.ask("/api/pipelines", { method: "HEAD", as: "viewer" });
  assert.deepEqual([list.status, await list.text()], [200, ""]);
  const events = await api.ask(`/api/runs/${RUN_IDS.running}/events`, { method: "HEAD", as: "viewer" });
  assert.deepEqual([events.status, events.headers.get("content-type")], [200, "text/event-stream"]);
  assert.equal(api.engine.watchers(RUN_IDS.running), 0);
});

Deno.test("GET /api/pipelines/:name/params is a JSON Schema of what a run takes, and 400 says what does not fit", async () => {
  await using api = await ApiFixture.create();
  const response = await api.ask("/api/pipelines/flights/params", { as: "viewer" });
  const { type, properties, required, additionalProperties } = await response.json();
  assert.deepEqual([type, required, additionalProperties], ["object", [], false]);
  assert.equal(properties.threshold.type, "integer");
  const body = await problem(
    await api.ask("/api/pipelines/flights/runs", {
      as: "operator",
      method: "POST",
      json: { params: { threshold: 1.5 } },
    }),
    400,
  );
  assert.match(String(body["detail"]), /the param threshold must be a whole number .*, but got 1.5/);
});
