import assert from "node:assert/strict";
import {
  BUILT_IN_ROLES,
  type BuiltInRole,
  isPipelinePermission,
  type Permission,
  permissionsOf,
} from "../../../../contract/access/permissions.ts";
import { OWN_ACCOUNT } from "../../../../server/auth/auth.ts";
import type { Scope } from "../../../../contract/access/scope.ts";
import { apiRoutes } from "../../../../server/routes/app.ts";
import { ApiFixture } from "../http/api_fixture.ts";

/**
 * Every route as every role, over what is theirs and over what is others'. A route without a row fails: what it is
 * about, and what that takes, is written down here a second time.
 */

const OWN = "flights";
const OTHER = "orders";

type About = "pipeline" | "run" | "problem" | "backfill" | "connector" | "server" | "list";

interface Row {
  readonly about: About;
  /** `own account`: everybody may, about themselves. */
  readonly permission: Permission | typeof OWN_ACCOUNT;
  readonly body?: unknown;
}

const row = (about: About, permission: Row["permission"], body?: unknown): Row => ({
  about,
  permission,
  body,
});
const people = row("server", "people:manage", {});
const secrets = row("server", "secrets:manage", {});
const audit = row("server", "audit:read", {});
const own = row("server", OWN_ACCOUNT, {});
const SPAN = { from: "2026-01-01", to: "2026-01-03", every: "1d" };

const ROWS: Readonly<Record<string, Row>> = {
  listPipelines: row("list", "pipeline:view"),
  listRuns: row("list", "pipeline:view"),
  listProblems: row("list", "pipeline:view"),
  listNotifiers: row("list", "pipeline:view"),
  listDeliveries: row("list", "pipeline:view"),
  listBackfills: row("list", "pipeline:view"),
  searchLogs: row("list", "pipeline:view"),
  getServer: row("list", "pipeline:view"),
  planProject: row("list", "pipeline:edit", { files: [] }),
  query: row("list", "pipeline:data", { sql: "SELECT 1" }),
  completeQuery: row("list", "pipeline:data", { sql: "SEL" }),
  listEnvironments: row("list", "pipeline:view"),
  applyEnvironment: row("list", "pipeline:edit", { pipelines: [OWN] }),
  createEnvironment: row("list", "pipeline:edit", { name: "dev", pipelines: [OWN] }),
  deleteEnvironment: row("list", "pipeline:edit"),

  getPipeline: row("pipeline", "pipeline:view"),
  getParams: row("pipeline", "pipeline:view"),
  getPipelineHistory: row("pipeline", "pipeline:view"),
  listStreams: row("pipeline", "pipeline:view"),
  listTables: row("pipeline", "pipeline:view"),
  listLoads: row("pipeline", "pipeline:view"),
  getStreamSchema: row("pipeline", "pipeline:view"),
  previewTable: row("pipeline", "pipeline:data"),
  previewModel: row("pipeline", "pipeline:data", { model: "daily" }),
  listRejects: row("pipeline", "pipeline:data"),
  getRejects: row("pipeline", "pipeline:data"),
  getVerification: row("pipeline", "pipeline:data"),
  listWebhooks: row("pipeline", "pipeline:data"),
  listPosts: row("pipeline", "pipeline:data"),
  getPost: row("pipeline", "pipeline:data"),
  dropPost: row("pipeline", "pipeline:run"),
  replayRejects: row("pipeline", "pipeline:run", {}),
  dropRejects: row("pipeline", "pipeline:run", {}),
  startVerification: row("pipeline", "pipeline:run", {}),
  stopVerification: row("pipeline", "pipeline:run"),
  triggerRun: row("pipeline", "pipeline:run", {}),
  startBackfill: row("pipeline", "pipeline:run", SPAN),
  getLineage: row("pipeline", "pipeline:view"),
  listData: row("pipeline", "pipeline:view"),
  readData: row("pipeline", "pipeline:data"),
  listVersions: row("pipeline", "pipeline:view"),
  getVersionChanges: row("pipeline", "pipeline:view"),
  rollBackPipeline: row("pipeline", "pipeline:edit", {}),
  pausePipeline: row("pipeline", "pipeline:pause", { paused: true }),
  putPipeline: row("pipeline", "pipeline:edit", { definition: "extract: {}" }),
  deletePipeline: row("pipeline", "pipeline:edit"),

  getRun: row("run", "pipeline:view"),
  getManifest: row("run", "pipeline:view"),
  replayRun: row("run", "pipeline:data"),
  getFailedRows: row("run", "pipeline:data"),
  getRunLogs: row("run", "pipeline:view"),
  watchRun: row("run", "pipeline:view"),
  annotateRun: row("run", "pipeline:run", { note: "seen" }),
  retryRun: row("run", "pipeline:run"),
  rerunRun: row("run", "pipeline:run", {}),
  cancelRun: row("run", "pipeline:cancel"),
  cancelQueuedRuns: row("list", "pipeline:cancel", {}),

  acknowledgeProblem: row("problem", "pipeline:alert"),
  unacknowledgeProblem: row("problem", "pipeline:alert"),
  muteProblem: row("problem", "pipeline:alert", { for: "1h" }),
  unmuteProblem: row("problem", "pipeline:alert"),

  getBackfill: row("backfill", "pipeline:view"),
  retryBackfill: row("backfill", "pipeline:run"),
  cancelBackfill: row("backfill", "pipeline:cancel"),

  listConnectors: row("connector", "connector:view"),
  testConnector: row("connector", "connector:use"),
  discoverStreams: row("connector", "connector:use"),

  getMetrics: row("server", "metrics:read"),
  testNotifier: row("server", "notifier:test"),
  applyProject: row("server", "project:apply"),
  promoteEnvironment: row("server", "project:apply", {}),
  planPromotion: row("server", "project:apply"),
  drainServer: row("server", "server:operate"),
  undrainServer: row("server", "server:operate"),
  listUsers: people,
  createUser: people,
  getUser: people,
  changeUser: people,
  removeUser: people,
  getUserFactors: people,
  resetUserFactors: people,
  inviteUser: people,
  setPassword: row("server", "people:manage", { password: "" }),
  listGroups: people,
  createGroup: people,
  removeGroup: people,
  addMember: people,
  removeMember: people,
  listGrants: people,
  grant: people,
  revoke: people,
  listRoles: people,
  putRole: people,
  removeRole: people,
  listTokens: people,
  createToken: people,
  revokeToken: people,
  rotateToken: people,
  listSessions: people,
  endSession: people,
  listIdentities: people,
  linkIdentity: people,
  unlinkIdentity: people,
  listSecrets: secrets,
  putSecret: { ...secrets, body: { value: "s3cret" } },
  deleteSecret: secrets,
  getKeys: secrets,
  rotateKeys: secrets,
  listAuditLines: audit,
  exportAuditLines: audit,
  verifyAuditLog: audit,
  getAccount: own,
  changePassword: own,
  listOwnSessions: own,
  endOwnSessions: own,
  endOwnSession: own,
  listOwnTokens: own,
  listOwnFactors: own,
  startTotp: own,
  confirmTotp: own,
  removeTotp: own,
  renewRecoveryCodes: own,
  startPasskey: own,
  addPasskey: own,
  renamePasskey: own,
  removePasskey: own,
  createOwnToken: own,
  rotateOwnToken: own,
  revokeOwnToken: own,
};

/** What there is of a pipeline: its own ids. */
interface Things {
  readonly pipeline: string;
  readonly run: string;
  readonly problem: string;
  readonly backfill: string;
}

async function thingsOf(api: ApiFixture, pipeline: string): Promise<Things> {
  const { engine } = api;
  const [run] = await engine.listRuns({ pipeline, limit: 1 });
  const { group } = await engine.backfills.start(pipeline, SPAN);
  engine.alerts.addProblem({ id: `problem of ${pipeline}`, pipeline, message: `${pipeline} is late` });
  return {
    pipeline,
    run: run?.id ?? assert.fail(`no run of ${pipeline}`),
    problem: `problem of ${pipeline}`,
    backfill: group,
  };
}

/** Asks one route about things; the status, and the text of the response where it ends. */
async function ask(
  api: ApiFixture,
  spec: { readonly method: string; readonly path: string; readonly operation: string },
  things: Things,
  token: string,
): Promise<{ status: number; text: string }> {
  const { about, body } = ROWS[spec.operation] ?? assert.fail(`no row of ${spec.operation}`);
  const id = about === "problem" ? things.problem : things.run;
  const path = spec.path.replace(
    ":name",
    encodeURIComponent(about === "connector" ? "shop" : things.pipeline),
  )
    .replace(":id", encodeURIComponent(id)).replace(":group", encodeURIComponent(things.backfill))
    .replace(":post", "1").replaceAll(/:\w+/g, "none");
  const stop = new AbortController();
  const response = await api.ask(path, {
    method: spec.method.toUpperCase(),
    headers: { authorization: `Bearer ${token}` },
    signal: stop.signal,
    ...(body === undefined || spec.method === "get" ? {} : { json: body }),
  });
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  if (!isStream) return { status: response.status, text: await response.text() };
  await response.body?.cancel();
  stop.abort();
  return { status: response.status, text: "" };
}

/** A user with that role over something, by its token. */
async function tokenOf(api: ApiFixture, role: BuiltInRole, scope: Scope): Promise<string> {
  const name = `${role}_${scope.kind}`;
  await api.people.users.create({ name }, "test");
  await api.people.grants.add({ holder: name, role, scope }, "test");
  return (await api.people.tokens.create({ name: "t", user: name }, "test")).token;
}

async function withRoutes(
  work: (
    api: ApiFixture,
    spec: ReturnType<typeof apiRoutes>[number]["spec"],
    own: Things,
    other: Things,
  ) => Promise<void>,
): Promise<void> {
  await using api = await ApiFixture.create();
  const own = await thingsOf(api, OWN);
  const other = await thingsOf(api, OTHER);
  // What removes or ends something comes last.
  const routes = apiRoutes(api)
    .toSorted((a, b) => Number(a.spec.method === "delete") - Number(b.spec.method === "delete"));
  for (const { spec } of routes) await work(api, spec, own, other);
}

Deno.test("every route has a row that says what it is about and what it takes", async () => {
  await using api = await ApiFixture.create();
  const routes = apiRoutes(api);
  assert.deepEqual(routes.map(({ spec }) => spec.operation).toSorted(), Object.keys(ROWS).toSorted());
  for (const { spec } of routes) {
    assert.equal(spec.permission, ROWS[spec.operation]?.permission, spec.operation);
  }
});

for (const role of BUILT_IN_ROLES) {
  Deno.test(`${role} over one pipeline: every route, for that and for another`, async () => {
    let token: string | undefined;
    await withRoutes(async (api, spec, own, other) => {
      token ??= await tokenOf(api, role, { kind: "pipeline", name: OWN });
      const { about, permission } = ROWS[spec.operation] ?? assert.fail();
      const mine = await ask(api, spec, own, token);
      const theirs = await ask(api, spec, other, token);
      const where = `${spec.operation} as ${role}`;
      if (permission === OWN_ACCOUNT) {
        assert.ok(![401, 403].includes(mine.status), `${where}: ${mine.status} ${mine.text}`);
        return;
      }
      if (!isPipelinePermission(permission)) {
        assert.deepEqual([mine.status, theirs.status], [403, 403], where);
        return;
      }
      const isAllowed = permissionsOf(role).has(permission);
      assert.equal(mine.status === 403, !isAllowed, `${where}: ${mine.status} ${mine.text}`);
      assert.notEqual(mine.status, 401, where);
      if (about === "list") {
        assert.ok(!isAllowed || mine.status < 300, `${where}: ${mine.status} ${mine.text}`);
        for (const secret of [OTHER, other.run, other.problem, other.backfill]) {
          assert.ok(!mine.text.includes(secret), `${where} told of ${secret}: ${mine.text}`);
        }
        return;
      }
      // Others' things are not there, whatever the role may with its own.
      assert.ok([403, 404].includes(theirs.status), `${where}: ${theirs.status} ${theirs.text}`);
      if (isAllowed) assert.equal(theirs.status, 404, `${where}: ${theirs.text}`);
      if (about === "run") assert.ok(!theirs.text.includes(OTHER), theirs.text);
    });
  });

  Deno.test(`${role} over all: every route`, async () => {
    let token: string | undefined;
    await withRoutes(async (api, spec, own) => {
      token ??= await tokenOf(api, role, { kind: "all" });
      const { permission } = ROWS[spec.operation] ?? assert.fail();
      const { status, text } = await ask(api, spec, own, token);
      const isAllowed = permission === OWN_ACCOUNT || permissionsOf(role).has(permission);
      assert.equal(status === 403, !isAllowed, `${spec.operation} as ${role}: ${status} ${text}`);
      assert.notEqual(status, 401);
    });
  });
}

Deno.test("a user with no role is let in and finds nothing", async () => {
  let token: string | undefined;
  await withRoutes(async (api, spec, own) => {
    if (token === undefined) {
      await api.people.users.create({ name: "nobody" }, "test");
      token = (await api.people.tokens.create({ name: "t", user: "nobody" }, "test")).token;
    }
    const isOwn = ROWS[spec.operation]?.permission === OWN_ACCOUNT;
    const { status } = await ask(api, spec, own, token);
    assert.equal(status === 403, !isOwn, `${spec.operation}: ${status}`);
  });
});

Deno.test("a role over a tag or a connector holds for what has that, and a token keeps to its pipelines", async () => {
  await using api = await ApiFixture.create();
  const status = async (path: string, token: string) => {
    const response = await api.ask(path, { headers: { authorization: `Bearer ${token}` } });
    await response.body?.cancel();
    return response.status;
  };
  const finance = await tokenOf(api, "viewer", { kind: "tag", name: "finance" });
  assert.equal(await status("/api/pipelines/orders", finance), 200);
  assert.equal(await status("/api/pipelines/flights", finance), 404);
  assert.equal(await status("/api/connectors", finance), 403);
  const files = await tokenOf(api, "engineer", { kind: "connector", name: "sh*" });
  assert.equal(await status("/api/pipelines", files), 403);
  const connectors =
    await (await api.ask("/api/connectors", { headers: { authorization: `Bearer ${files}` } })).json();
  assert.deepEqual(connectors.map(({ name }: { name: string }) => name), ["shop"]);
  const made = await api.people.tokens.create({
    name: "kept",
    user: "viewer_tag",
    scopes: { pipelines: ["exchange_*"] },
  }, "test");
  assert.equal(await status("/api/pipelines/exchange_rates", made.token), 200);
  assert.equal(await status("/api/pipelines/orders", made.token), 404);
});

Deno.test("a token that is kept to something is not for the account of its user", async () => {
  await using api = await ApiFixture.create();
  await api.people.users.create({ name: "mia", role: "admin" }, "test");
  const scopes = { permissions: ["people:manage", "pipeline:view"] } as const;
  const { token } = await api.people.tokens.create(
    { name: "kept", user: "mia", scopes: { permissions: [...scopes.permissions] } },
    "test",
  );
  for (const { spec } of apiRoutes(api)) {
    if (spec.permission !== OWN_ACCOUNT) continue;
    const things = { pipeline: OWN, run: "none", problem: "none", backfill: "none" };
    assert.equal((await ask(api, spec, things, token)).status, 403, spec.operation);
  }
});
