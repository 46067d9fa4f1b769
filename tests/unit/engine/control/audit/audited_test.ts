import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { AuditAction, AuditEntry } from "../../../../../contract/audit/entry.ts";
import { auditedEngine } from "../../../../../engine/control/audit/audited_engine.ts";
import { auditedPeople } from "../../../../../engine/control/audit/audited_people.ts";
import { auditedSecrets } from "../../../../../engine/control/audit/audited_secrets.ts";
import type { Definitions } from "../../../../../engine/control/audit/definition_facts.ts";
import type { AuditLog } from "../../../../../engine/control/audit/port.ts";
import type { Engine } from "../../../../../engine/control/engine.ts";
import type { People } from "../../../../../engine/control/people/port.ts";
import type { Secrets } from "../../../../../engine/control/secrets/port.ts";

const ACTOR = { id: "u1", name: "ann", kind: "person" } as const;
const SECRET = "slc_never-in-a-line";

/** What each call of a port leaves: an action, or null for what leaves none. */
type Table<Port> = {
  readonly [Name in keyof Port]: Port[Name] extends (...args: never[]) => unknown ? Left
    : { readonly [Method in keyof Port[Name]]: Left };
};
type Left = { readonly args: readonly unknown[]; readonly leaves: AuditAction | null };

const nothing = (...args: unknown[]): Left => ({ args, leaves: null });
const line = (leaves: AuditAction, ...args: unknown[]): Left => ({ args, leaves });

const ENGINE: Table<Engine> = {
  backfills: {
    start: line("backfill.start", "orders", { params: { password: SECRET } }),
    list: nothing({}),
    get: nothing("g"),
    retry: line("backfill.retry", "g"),
    cancel: line("backfill.cancel", "g", "ann"),
  },
  alerts: {
    problems: nothing({}),
    countOpen: nothing(),
    acknowledge: line("problem.change", "p", "ann"),
    mute: line("problem.change", "p", 1),
    notifiers: nothing(),
    test: line("notifier.test", "mail", "ann"),
    deliveries: nothing({}),
  },
  plans: { plan: line("data.view", { project: { files: [] }, against: { kind: "in_force" } }) },
  manifests: { get: nothing("r1"), replay: line("data.view", "r1") },
  queries: {
    preview: line("data.view", { pipeline: "orders", model: "daily", params: { password: SECRET } }),
    query: line("data.view", { sql: "SELECT 1", pipeline: "orders" }),
    complete: nothing({ sql: "SEL" }),
  },
  data: {
    list: nothing("orders"),
    find: nothing("orders", "daily"),
    read: line("data.view", { pipeline: "orders", model: "daily", id: "01" }, { format: "json" }),
  },
  history: { searchLogs: nothing({}), ofPipeline: nothing("orders", {}), recentOf: nothing([], 1) },
  versions: {
    list: nothing("orders", {}),
    changes: nothing("orders", "abcd"),
    rollBack: line("pipeline.roll_back", "orders"),
  },
  environments: {
    list: nothing(),
    apply: line("environment.apply", "dev"),
    create: line("environment.create", "dev", {}),
    promote: line("environment.promote", "dev"),
    planPromotion: nothing("dev", undefined, new AbortController().signal),
    remove: line("environment.remove", "dev"),
  },
  webhooks: {
    list: nothing("orders"),
    posts: nothing("orders", "h", {}),
    body: line("data.view", "orders", "h", 1),
    drop: line("webhook.drop", "orders", "h", 1, "ann"),
  },
  server: { status: nothing(), drain: line("server.drain", "ann"), undrain: line("server.undrain", "ann") },
  listPipelines: nothing(),
  pipelineNames: nothing(),
  getPipeline: nothing("orders"),
  putPipeline: line("pipeline.put", "orders", { definition: SECRET, models: {} }),
  deletePipeline: line("pipeline.remove", "orders"),
  setPaused: line("pipeline.pause", "orders", true),
  applyProject: line("project.apply"),
  triggerRun: line("run.start", "orders", { trigger: "api", params: { password: SECRET } }),
  getLineage: nothing("orders"),
  listTables: nothing("orders"),
  previewTable: line("data.view", "orders", "daily"),
  listStreams: nothing("orders"),
  listRejects: nothing("orders"),
  getStreamSchema: nothing("orders", "items"),
  getRejects: line("data.view", "orders", "items"),
  getFailedRows: line("data.view", "r1", "daily.unique_day"),
  changeRejects: line("rejects.drop", "orders", "items", { action: "drop", positions: [SECRET] }),
  listLoads: nothing("orders"),
  startVerification: line("load.verify", "orders", null, "ann"),
  getVerification: nothing("orders"),
  stopVerification: line("load.verify", "orders", "ann"),
  listConnectors: nothing(),
  discoverStreams: line("connector.discover", "shop"),
  testConnector: line("connector.test", "shop"),
  listRuns: nothing({}),
  getRun: nothing("r1"),
  getRunLogs: nothing("r1", {}),
  watchRun: nothing("r1", 0),
  cancelRun: line("run.cancel", "r1", "ann"),
  retryRun: line("run.retry", "r1"),
  rerunRun: line("run.start", "r1", {}),
  annotateRun: line("run.annotate", "r1", { note: "n" }),
};

const PEOPLE: Table<People> = {
  users: {
    list: nothing({}),
    get: nothing("ben"),
    create: line("user.create", { name: "ben" }, "ann"),
    change: line("user.change", "ben", {}),
    remove: line("user.remove", "ben"),
  },
  passwords: {
    set: line("password.change", "ben", { password: SECRET }),
  },
  factors: {
    get: nothing("ben"),
    reset: line("factor.remove", "ben"),
  },
  invitations: {
    invite: line("user.invite", { name: "ben" }, "ann"),
  },
  groups: {
    list: nothing(),
    create: line("group.create", { name: "team" }, "ann"),
    remove: line("group.remove", "team"),
    addMember: line("group.add", "team", "ben"),
    removeMember: line("group.drop", "team", "ben"),
  },
  roles: {
    list: nothing(),
    put: line("role.put", "auditor", { permissions: [] }, "ann"),
    remove: line("role.remove", "auditor"),
  },
  grants: {
    list: nothing(),
    add: line("grant.add", { holder: "@team", role: "viewer" }, "ann"),
    remove: line("grant.remove", "ben", { role: "viewer" }),
  },
  tokens: {
    list: nothing(),
    create: line("token.create", { name: "ci" }, "ann"),
    revoke: line("token.revoke", "t1"),
    rotate: line("token.rotate", "t1", {}),
  },
  sessions: { list: nothing(), end: line("session.end", "s1") },
  links: {
    list: nothing("ben"),
    add: line("user.link", "ben", { issuer: "https://id.test", subject: "s" }, "ann"),
    remove: line("user.unlink", "ben", "l1"),
  },
};

const SECRETS: Table<Secrets> = {
  list: nothing(),
  put: line("secret.put", "PASSWORD", SECRET, ACTOR),
  remove: line("secret.remove", "PASSWORD", { isForced: false }, ACTOR),
  keys: nothing(),
  rotate: line("key.rotate", {}, ACTOR),
};

/** Everything that any method returns, and a list where lists are asked for. */
const RESULT = {
  id: "r1",
  name: "ben",
  pipeline: "orders",
  revision: "rev",
  applied: ["orders"],
  copied: [],
  promoted: [],
  removed: [],
  faults: [],
  groups: [],
  sources: [],
  grants: [],
  members: [],
  permissions: [],
  holder: "ben",
  role: "viewer",
  scope: { kind: "all" },
  scopes: {},
  token: SECRET,
  rows: [[SECRET]],
  rejects: [{ row: SECRET }],
  body: SECRET,
  key: { id: "k1" },
  unreadable: [],
  pipelines: [{ pipeline: "orders", data: { compared: true }, models: [{ data: SECRET }] }],
};

/** A port whose every method returns `RESULT`, or an empty list. */
function anyPort(called: string[], name = "port"): never {
  const returns = (method: string) => /list|names|notifiers|remove$/i.test(method) ? [] : RESULT;
  return new Proxy({}, {
    get: (_, key) => {
      const path = `${name}.${String(key)}`;
      const isRoom =
        /^port\.(backfills|versions|alerts|history|plans|environments|manifests|queries|data|webhooks|server|users|passwords|factors|invitations|groups|roles|grants|tokens|sessions|links)$/;
      if (isRoom.test(path)) return anyPort(called, path);
      return () => {
        called.push(path);
        return Promise.resolve(returns(String(key)));
      };
    },
  }) as never;
}

const DEFINITIONS: Definitions = {
  inForce: () => Promise.resolve(new Map()),
  difference: () => Promise.resolve({ before: null, after: null }),
  differences: () => Promise.resolve({ before: null, after: null }),
};

/** Keeps what it is told; `unfinished` is what was begun and not yet done. */
function listeningLog() {
  const lines: AuditEntry[] = [];
  const log: AuditLog = {
    record: (entry) => Promise.resolve(void lines.push(entry)),
    async around(entry, act, told = () => ({})) {
      const result = await act();
      const more = await told(result);
      lines.push({ ...entry, ...more, details: { ...entry.details, ...more.details } });
      return result;
    },
    recordOnce: () => Promise.resolve(),
    settle: () => Promise.resolve(),
    flush: () => Promise.resolve(),
    onWritten: () => ({ [Symbol.dispose]() {} }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return { lines, log };
}

type Port = Record<
  string,
  ((...args: unknown[]) => unknown) | Record<string, (...args: unknown[]) => unknown>
>;

async function check(port: Port, table: Record<string, unknown>, lines: AuditEntry[], called: string[]) {
  const isLeft = (value: unknown): value is Left =>
    typeof value === "object" && value !== null && "leaves" in value;
  const call = async (path: string, method: unknown, { args, leaves }: Left) => {
    ok(typeof method === "function", path);
    lines.length = called.length = 0;
    await method(...args);
    ok(called.some((one) => one.endsWith(path)), `${path} reaches what it is for`);
    deepStrictEqual(lines.map(({ action }) => action), leaves === null ? [] : [leaves], path);
    for (const left of lines) deepStrictEqual(left.actor, ACTOR);
    ok(!JSON.stringify(lines).includes(SECRET), `${path} leaves no value and no secret`);
  };
  for (const [name, row] of Object.entries(table)) {
    const member = port[name];
    if (isLeft(row)) await call(name, member, row);
    else {
      for (const [method, left] of Object.entries(row as Record<string, Left>)) {
        await call(`${name}.${method}`, (member as Record<string, unknown>)[method], left);
      }
    }
  }
}

Deno.test("each method of the engine leaves the line that it is to leave, or deliberately none", async () => {
  const { lines, log } = listeningLog();
  const called: string[] = [];
  const engine = auditedEngine(anyPort(called), { log, actor: ACTOR, definitions: DEFINITIONS });
  await check(engine as unknown as Port, ENGINE, lines, called);
});

Deno.test("each method of people leaves the line that it is to leave, or deliberately none", async () => {
  const { lines, log } = listeningLog();
  const called: string[] = [];
  await check(auditedPeople(anyPort(called), log, ACTOR) as unknown as Port, PEOPLE, lines, called);
});

Deno.test("each method of secrets leaves the line that it is to leave, or deliberately none", async () => {
  const { lines, log } = listeningLog();
  const called: string[] = [];
  await check(auditedSecrets(anyPort(called), log) as unknown as Port, SECRETS, lines, called);
});

Deno.test("a project that is applied again and again is told of where it changes something", async () => {
  const { lines, log } = listeningLog();
  const engine = (applied: string[]) =>
    auditedEngine(
      {
        applyProject: () => Promise.resolve({ applied, unchanged: [], removed: [], faults: [] }),
      } as unknown as Engine,
      { log, actor: ACTOR, definitions: DEFINITIONS, isOften: true },
    );
  await engine([]).applyProject();
  strictEqual(lines.length, 0);
  await engine(["orders"]).applyProject();
  strictEqual(lines[0]?.action, "project.apply");
});
