import { createAuditReader } from "../../../../engine/control/audit/reader.ts";
import { join } from "node:path";
import type { LogLevel } from "../../../../contract/log.ts";
import type { Engine } from "../../../../engine/control/engine.ts";
import { fileStoreUrl, openStore } from "../../../../engine/store/open.ts";
import { BUILT_IN_ROLES, type BuiltInRole as Role } from "../../../../contract/access/permissions.ts";
import type { Access } from "../../../../contract/access/access.ts";
import { guardedEngine } from "../../../../engine/control/access/guarded_engine.ts";
import type { AuditEntry } from "../../../../contract/audit/entry.ts";
import { createPeople, type LocalPeople } from "../../../../engine/control/people/local_people.ts";
import type { Secrets } from "../../../../engine/control/secrets/port.ts";
import { secretsIn } from "../../../support/fake_secrets.ts";
import { fakePlaces } from "../../../support/fake_places.ts";
import type { Store } from "../../../../engine/store/store.ts";
import { AppError } from "../../../../contract/errors.ts";
import { type AppOptions, createApp } from "../../../../server/routes/app.ts";
import type { ReadMetrics } from "../../../../server/routes/metrics.ts";
import { Auth } from "../../../../server/auth/auth.ts";
import { OwnAccount } from "../../../../server/auth/account/own_account.ts";
import { createRequestRates } from "../../../../server/http/request_rate.ts";
import type { OwnFactors } from "../../../../server/auth/factors/own_factors.ts";
import { createSignIn, type SignIns } from "../../../../server/auth/create_sign_in.ts";
import type { FactorRequirement } from "../../../../server/auth/factors/requirement.ts";
import { aesSealer } from "../../../support/aes_sealer.ts";
import { createClientView } from "../../../../server/http/client_view.ts";
import { FakeClock } from "../../../support/fake_clock.ts";
import { recordedAudit } from "../../../support/recorded_audit.ts";
import { quickHasher } from "../../../support/quick_hasher.ts";
import type { FakeEngine } from "../../../support/fake_engine.ts";
import { createFakeProject, NOW } from "../../../support/fake_project.ts";
import { Hono } from "hono";
import type { AppEnv } from "../../../../server/http/app_env.ts";

export interface ApiOptions {
  readonly trustProxy?: boolean;
  /** Whether other machines may speak plain HTTP without a warning; true by default. */
  readonly allowsPlainHttp?: boolean;
  readonly allowedHosts?: readonly string[];
  readonly phase?: AppOptions["phase"];
  readonly scrapeToken?: string;
  readonly readMetrics?: ReadMetrics;
  /** What a user may send a second; any number by default. */
  readonly perSecond?: number;
  /** Who must have a second factor; nobody by default. */
  readonly requirement?: FactorRequirement;
  /** In place of the fake project's own methods. */
  readonly engine?: Partial<Engine>;
  /** Refuses every post by default. */
  readonly webhooks?: AppOptions["webhooks"];
}

export type Asked = RequestInit & { readonly json?: unknown; readonly as?: Role; readonly from?: string };

/** The app on a real store and an engine in memory, with a token for each role, and without a socket. */
export class ApiFixture implements AsyncDisposable {
  readonly clock = new FakeClock(NOW);
  readonly engine: FakeEngine = createFakeProject(() => this.clock.now());
  readonly tokens: Record<Role, string> = { admin: "", engineer: "", operator: "", viewer: "" };
  /** What was logged, as text. */
  readonly logged: string[] = [];
  readonly app: Hono<AppEnv>;
  readonly store: Store;
  readonly signIns: SignIns;
  readonly people: LocalPeople;
  readonly account: OwnAccount;
  readonly ownFactors: OwnFactors;
  /** What was recorded. */
  readonly audited: AuditEntry[] = [];
  readonly secrets: Secrets;
  readonly #dir: string;

  private constructor(dir: string, store: Store, options: ApiOptions) {
    this.#dir = dir;
    this.store = store;
    const { clock, audited } = this;
    const { access, passwords } = store;
    const log = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => {
      this.logged.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
    };
    const audit = recordedAudit(audited);
    const { allowedHosts, phase, trustProxy = false, allowsPlainHttp = true } = options;
    const { scrapeToken, readMetrics, requirement = "nobody" } = options;
    const places = fakePlaces(this.engine);
    const rates = createRequestRates(clock, options.perSecond);
    const auth = new Auth({
      access,
      clock,
      client: createClientView({ trustProxy, allowsPlainHttp }),
      log,
      subjects: places.subjects,
      scrapeToken,
      rate: rates?.user,
    });
    const hasher = quickHasher();
    this.people = createPeople({ ...store, hasher, clock });
    const { subjects } = places;
    this.account = new OwnAccount({ people: this.people, access, passwords, clock, audit, subjects });
    const links = this.people.passwordLinks;
    const sealer = aesSealer();
    const signIns = this.signIns = createSignIn({
      store,
      auth,
      hasher,
      links,
      sealer,
      clock,
      audit,
      log,
      requirement,
      relyingParty: () => ({ id: "localhost", origin: "http://localhost" }),
    });
    this.ownFactors = signIns.secondFactor.own;
    const pages = new Hono<AppEnv>();
    pages.get("/", async (c) => c.text((await auth.currentAccess(c))?.principal.name ?? "nobody"));
    pages.post("/login", async (c) => {
      const access = await auth.signIn(c, await c.req.text());
      return access === undefined ? c.text("refused", 401) : c.text(access.principal.name);
    });
    pages.post("/password-login", async (c) => {
      const { name, password } = await c.req.json();
      const step = await signIns.signIn.withPassword(c, name, password);
      return step === undefined ? c.text("refused", 401) : c.json({ ...step, access: undefined });
    });
    pages.post("/logout", async (c) => {
      await auth.signOut(c);
      return c.text("bye");
    });
    const engine = options.engine === undefined
      ? this.engine
      : { ...engineMethods(this.engine), ...options.engine };
    this.secrets = secretsIn(store, dir);
    this.app = createApp({
      engineFor: (one: Access) => guardedEngine(engine, one, places),
      secrets: this.secrets,
      account: this.account,
      ownFactors: this.ownFactors,
      peopleFor: () => this.people,
      auditFor: () =>
        createAuditReader({ store: store.audit, clock: this.clock }, { flush: () => Promise.resolve() }),
      server: engine.server,
      auth,
      webhooks: options.webhooks ??
        { receive: () => Promise.reject(new AppError("not_found", "There is no such webhook")) },
      version: "1.2.3",
      clock,
      log,
      pages,
      addressRate: rates?.address,
      ...(allowedHosts === undefined ? {} : { allowedHosts }),
      ...(phase === undefined ? {} : { phase }),
      ...(readMetrics === undefined ? {} : { readMetrics }),
    });
  }

  static async create(options: ApiOptions = {}): Promise<ApiFixture> {
    const dir = await Deno.makeTempDir({ prefix: "sluice-api-" });
    const fixture = new ApiFixture(
      dir,
      await openStore(fileStoreUrl(join(dir, "control.db")), { sealer: aesSealer() }),
      options,
    );
    for (const role of BUILT_IN_ROLES) {
      const { token } = await fixture.people.tokens.create({
        name: `the ${role}`,
        role,
      }, "test");
      fixture.tokens[role] = token;
    }
    return fixture;
  }

  /** Asks with the token of the role in `as`, or without one; `from` is the client's address. */
  async ask(path: string, { json, as, from = "192.0.2.1", ...init }: Asked = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (as !== undefined) headers.set("authorization", `Bearer ${this.tokens[as]}`);
    if (json !== undefined) headers.set("content-type", "application/json");
    const body = json === undefined ? init.body ?? null : JSON.stringify(json);
    return await this.app.request(path, { ...init, headers, body }, { remoteAddress: from });
  }

  /** Signs in and answers what the browser sends back as Cookie. */
  async signIn(as: Role, headers: Record<string, string> = {}): Promise<string> {
    const response = await this.ask("/login", { method: "POST", body: this.tokens[as], headers });
    return response.headers.get("set-cookie")?.split(";")[0] ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store[Symbol.asyncDispose]();
    await Deno.remove(this.#dir, { recursive: true });
  }
}

function engineMethods(engine: FakeEngine): Engine {
  return {
    backfills: engine.backfills,
    versions: engine.versions,
    environments: engine.environments,
    alerts: engine.alerts,
    history: engine.history,
    server: engine.server,
    webhooks: engine.webhooks,
    plans: engine.plans,
    manifests: engine.manifests,
    queries: engine.queries,
    data: engine.data,
    listPipelines: () => engine.listPipelines(),
    pipelineNames: () => engine.pipelineNames(),
    getPipeline: (name) => engine.getPipeline(name),
    putPipeline: (name, source) => engine.putPipeline(name, source),
    deletePipeline: (name) => engine.deletePipeline(name),
    setPaused: (name, paused) => engine.setPaused(name, paused),
    applyProject: () => engine.applyProject(),
    listStreams: (pipeline) => engine.listStreams(pipeline),
    getLineage: (pipeline) => engine.getLineage(pipeline),
    listTables: (pipeline) => engine.listTables(pipeline),
    previewTable: (pipeline, table) => engine.previewTable(pipeline, table),
    listRejects: (pipeline) => engine.listRejects(pipeline),
    getStreamSchema: (pipeline, stream) => engine.getStreamSchema(pipeline, stream),
    getRejects: (pipeline, stream) => engine.getRejects(pipeline, stream),
    changeRejects: (pipeline, stream, change) => engine.changeRejects(pipeline, stream, change),
    listLoads: (pipeline) => engine.listLoads(pipeline),
    startVerification: (pipeline, load, by) => engine.startVerification(pipeline, load, by),
    getVerification: (pipeline) => engine.getVerification(pipeline),
    stopVerification: (pipeline) => engine.stopVerification(pipeline),
    listConnectors: () => engine.listConnectors(),
    discoverStreams: (connector) => engine.discoverStreams(connector),
    testConnector: (connector) => engine.testConnector(connector),
    triggerRun: (name, request) => engine.triggerRun(name, request),
    listRuns: (filter) => engine.listRuns(filter),
    getRun: (id, attempt) => engine.getRun(id, attempt),
    getFailedRows: (id, check) => engine.getFailedRows(id, check),
    getRunLogs: (id, range) => engine.getRunLogs(id, range),
    watchRun: (id, afterSeq, signal) => engine.watchRun(id, afterSeq, signal),
    cancelRun: (id, by) => engine.cancelRun(id, by),
    retryRun: (id) => engine.retryRun(id),
    rerunRun: (id, request) => engine.rerunRun(id, request),
    annotateRun: (id, annotation) => engine.annotateRun(id, annotation),
  };
}
