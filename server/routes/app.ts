import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { requestId } from "hono/request-id";
import { toAppError } from "../../contract/errors.ts";
import type { Log } from "../../contract/log.ts";
import type { Clock } from "../../contract/clock.ts";
import type { Engine } from "../../engine/control/engine.ts";
import type { Access } from "../../contract/access/access.ts";
import type { AuditReader } from "../../engine/control/audit/reader.ts";
import type { People } from "../../engine/control/people/port.ts";
import type { Secrets } from "../../engine/control/secrets/port.ts";
import type { AppEnv } from "../http/app_env.ts";
import type { ClientView } from "../http/client_view.ts";
import type { WebhookReceiver } from "../../engine/runs/webhooks/receive.ts";
import type { Account } from "../auth/account/own_account.ts";
import type { Auth } from "../auth/auth.ts";
import type { ChangesOwnFactors } from "../auth/factors/own_factors.ts";
import type { ApiSchema } from "../http/api_schema.ts";
import {
  crossSiteGuard,
  hostGuard,
  plainGuard,
  responseHeaders,
  type StrictTransport,
  TOKEN_ENDPOINTS,
} from "../http/guards.ts";
import { HttpError, problemResponse } from "../http/problem.ts";
import { addressRate, type RequestRate } from "../http/request_rate.ts";
import type { Route } from "../http/route.ts";
import type { ServerPhase } from "../http/server_phase.ts";
import { auditRoutes } from "./audit.ts";
import { alertRoutes } from "./alerts.ts";
import { metricRoutes, type ReadMetrics } from "./metrics.ts";
import { rejectRoutes } from "./rejects.ts";
import { createGitHook, GIT_HOOK_PATH, type GitHook } from "./git_hook.ts";
import { createHooks, HOOK_PATH } from "./hooks.ts";
import { loadRoutes } from "./loads.ts";
import { dataRoutes } from "./data/published_data.ts";
import { lineageRoutes } from "./models/lineage.ts";
import { historyRoutes } from "./history.ts";
import { manifestRoutes } from "./models/manifests.ts";
import { environmentRoutes } from "./models/environments.ts";
import { planRoutes } from "./models/plan.ts";
import { previewRoutes } from "./queries/preview.ts";
import { queryRoutes } from "./queries/query.ts";
import { backfillRoutes } from "./backfills.ts";
import { connectorRoutes } from "./connectors.ts";
import { pipelineRoutes } from "./pipelines.ts";
import { runRoutes } from "./runs.ts";
import { serverRoutes } from "./server.ts";
import { webhookRoutes } from "./webhooks.ts";
import { grantRoutes } from "./people/grants.ts";
import { groupRoutes } from "./people/groups.ts";
import { linkRoutes } from "./people/links.ts";
import { accountRoutes } from "./people/account.ts";
import { ownFactorRoutes } from "./people/own_factors.ts";
import { invitationRoutes } from "./people/invitations.ts";
import { sessionRoutes } from "./people/sessions.ts";
import { tokenRoutes } from "./people/tokens.ts";
import { userFactorRoutes } from "./people/user_factors.ts";
import { userRoutes } from "./people/users.ts";
import { keyRoutes } from "./secrets/keys.ts";
import { secretRoutes } from "./secrets/secrets.ts";
import { versionRoutes } from "./models/versions.ts";

const BODY_LIMIT_BYTES = 5 * 1_024 * 1_024;

export interface AppOptions {
  /** The engine as whoever asks may use it. */
  readonly engineFor: (access: Access) => Engine;
  readonly secrets: Secrets;
  readonly account: Account;
  readonly ownFactors: ChangesOwnFactors;
  /** Users and what is granted to them, as whoever asks manages them. */
  readonly peopleFor: (access: Access) => People;
  /** The audit log, as whoever asks reads it. */
  readonly auditFor: (access: Access) => AuditReader;
  readonly server: Pick<Engine["server"], "status">;
  readonly auth: Auth;
  /** Takes posts that tell of pushes to the repository of definitions; none by default. */
  readonly gitHook?: GitHook | undefined;
  /** Takes posts to webhooks; nothing is there by default. */
  readonly webhooks?: Pick<WebhookReceiver, "receive">;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
  /** What is asked without a token of ours: see createOAuth. Nothing by default. */
  readonly oauth?: Hono<AppEnv>;
  /** The pages, at `/`; they ask `auth` themselves. */
  readonly pages?: Hono<AppEnv>;
  /** /healthz returns 503 where it is not `ok`; that is the default. */
  readonly phase?: () => ServerPhase;
  /** What /metrics says of the runs and the process; nothing by default. */
  readonly readMetrics?: ReadMetrics;
  /** How many requests an address may send that nobody known asks; any number by default. */
  readonly addressRate?: RequestRate | undefined;
  /** The names in Host that are accepted, beside localhost and addresses; any name by default. */
  readonly allowedHosts?: readonly string[];
  /** Whether others could read along what a client sends: no token is given out then. Not asked by default. */
  readonly client?: Pick<ClientView, "isExposed">;
  /** HSTS where a browser spoke https; none by default. */
  readonly strictTransport?: StrictTransport;
}

/** Everything that the server serves over HTTP. */
export function createApp(options: AppOptions): Hono<AppEnv> {
  const { auth, log, pages } = options;
  const routes = apiRoutes(options);
  const app = new Hono<AppEnv>();
  app.use(requestId());
  app.use(responseHeaders(options.strictTransport));
  app.get("/healthz", (c) => health(c, options));
  if (options.addressRate !== undefined) {
    const limit = addressRate(options.addressRate, (c) => auth.addressOf(c));
    // Webhooks come in bursts, and have a limit of their own for what is not signed.
    app.use((c, next) => c.req.path.startsWith("/hooks/") ? next() : limit(c, next));
  }
  if (options.allowedHosts !== undefined) app.use(hostGuard(options.allowedHosts));
  app.use(crossSiteGuard());
  app.use(bodyLimit({ maxSize: BODY_LIMIT_BYTES, onError: refuseBody }));

  for (const [path, there] of routesByPath(routes)) {
    for (const { spec, respond } of there) {
      app.on(spec.method, [path], async (c) => {
        const visitor = async () => {
          const access = await auth.requireAccess(c, spec.permission);
          return {
            access,
            engine: options.engineFor(access),
            people: options.peopleFor(access),
            audit: options.auditFor(access),
          };
        };
        return await respond(c, {
          ...await visitor(),
          mayStill: (look) => isGranted(async () => await look(await visitor())),
        });
      });
    }
    refuseOthers(app, path, there.map(({ spec }) => spec.method.toUpperCase()));
  }
  if (options.webhooks !== undefined) {
    const addressOf = (c: Context) => auth.addressOf(c);
    app.post(HOOK_PATH, createHooks({ webhooks: options.webhooks, addressOf, clock: options.clock, log }));
  }
  if (options.gitHook !== undefined) {
    const addressOf = (c: Context) => auth.addressOf(c);
    app.post(GIT_HOOK_PATH, createGitHook({ ...options.gitHook, addressOf, clock: options.clock, log }));
    refuseOthers(app, GIT_HOOK_PATH, ["POST"]);
  }
  refuseOthers(app, HOOK_PATH, ["POST"]);
  if (options.client !== undefined) app.use(plainGuard(options.client, TOKEN_ENDPOINTS));
  if (options.oauth !== undefined) app.route("/", options.oauth);
  app.get("/openapi.json", async (c) => {
    await auth.requireAccess(c, "pipeline:view");
    // Loaded when first asked for: it would cost every start of the server.
    const { openApi } = await import("../http/openapi.ts");
    return c.json(openApi(routes, options.version));
  });
  for (const path of ["/healthz", "/openapi.json"]) refuseOthers(app, path, ["GET"]);
  const notFound = (c: Context<AppEnv>): never => {
    throw new HttpError(404, "not_found", `There is nothing at ${c.req.path}`);
  };
  app.all("/api/*", notFound);
  if (pages !== undefined) app.route("/", pages);
  app.notFound(notFound);
  app.onError((error, c) => errorResponse(error, c, log));
  return app;
}

/** The routes of the API, as they are served, documented and typed for the client. */
export function apiRoutes(
  { account, ownFactors, secrets, clock, readMetrics = () => Promise.resolve([]) }: Pick<
    AppOptions,
    "account" | "ownFactors" | "secrets" | "clock" | "readMetrics"
  >,
) {
  return [
    ...metricRoutes(readMetrics),
    ...pipelineRoutes(),
    ...connectorRoutes(),
    ...alertRoutes(),
    ...rejectRoutes(),
    ...loadRoutes(),
    ...runRoutes(clock),
    ...backfillRoutes(),
    ...versionRoutes(),
    ...environmentRoutes(),
    ...historyRoutes(),
    ...lineageRoutes(),
    ...planRoutes(),
    ...manifestRoutes(),
    ...previewRoutes(),
    ...queryRoutes(),
    ...dataRoutes(),
    ...serverRoutes(),
    ...webhookRoutes(),
    ...userRoutes(),
    ...userFactorRoutes(),
    ...invitationRoutes(),
    ...groupRoutes(),
    ...grantRoutes(),
    ...tokenRoutes(),
    ...sessionRoutes(),
    ...accountRoutes(account),
    ...ownFactorRoutes(ownFactors),
    ...linkRoutes(),
    ...secretRoutes(secrets),
    ...keyRoutes(secrets),
    ...auditRoutes(),
  ];
}

/** For `hc<AppType>()`: a wrong path, parameter or body does not compile. */
export type AppType = Hono<AppEnv, ApiSchema<ReturnType<typeof apiRoutes>[number]>>;

/** Whether `ask` is not refused. */
async function isGranted(ask: () => Promise<unknown>): Promise<boolean> {
  try {
    await ask();
    return true;
  } catch (error) {
    if (["unauthorized", "forbidden", "not_found"].includes(toAppError(error).code)) return false;
    throw error;
  }
}

/** A server that starts no runs for a while is ready all the same: it takes what is asked for and posted. */
async function health(
  c: Context<AppEnv>,
  { server, version, phase = () => "ok" }: AppOptions,
): Promise<Response> {
  const { starts_runs, held_by } = await server.status();
  const status = phase();
  return c.json({ status, version, starts_runs, held_by }, status === "ok" ? 200 : 503);
}

function refuseBody(): never {
  throw new HttpError(413, "invalid", `The request's body is larger than ${BODY_LIMIT_BYTES} bytes`);
}

/** A path that is spelled out before one with a parameter in its place, which would take its requests. */
function routesByPath(routes: readonly Route[]): [string, Route[]][] {
  const order = (path: string) => path.replaceAll(":", "\uffff");
  return [...Map.groupBy(routes, ({ spec }) => spec.path)]
    .toSorted(([a], [b]) => order(a) < order(b) ? -1 : 1);
}

/** 405 for what no route of the path took. */
function refuseOthers(app: Hono<AppEnv>, path: string, methods: readonly string[]): void {
  const allow = methods.map((method) => method === "GET" ? "GET, HEAD" : method).join(", ");
  app.all(path, (c) => {
    throw new HttpError(405, "invalid", `${c.req.method} does not go here, only ${allow}`, { allow });
  });
}

function errorResponse(thrown: Error, c: Context<AppEnv>, log: Log): Response {
  const error = toAppError(thrown);
  const requestId = c.get("requestId");
  if (error.code === "internal") {
    const cause = error.cause instanceof Error ? error.cause : error;
    log("error", `${c.req.method} ${c.req.path} failed: ${error.message}`, {
      request_id: requestId,
      ...(error.detail === undefined ? {} : { detail: error.detail }),
      stack: cause.stack,
    });
  }
  return problemResponse(error, requestId);
}
