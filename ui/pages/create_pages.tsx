import { type Context, Hono } from "hono";
import { type AppError, type ErrorCode, toAppError } from "../../contract/errors.ts";
import type { AppEnv } from "../../server/http/app_env.ts";
import { plainGuard, SIGN_IN_PAGES } from "../../server/http/guards.ts";
import { HttpError, statusOf } from "../../server/http/problem.ts";
import { createAssets } from "../static/assets.ts";
import { accountRoutes } from "./account/account_routes.tsx";
import { auditRoutes } from "./audit/audit_routes.tsx";
import { accountFactorRoutes } from "./account/factor_routes.tsx";
import { backfillRoutes } from "./backfills/backfill_routes.tsx";
import { webhookRoutes } from "./webhooks/webhook_routes.tsx";
import { connectorRoutes } from "./connector_routes.tsx";
import { ErrorPage } from "./error_page.tsx";
import { logRoutes } from "./logs/log_routes.tsx";
import { factorRoutes } from "./sign_in/factor_routes.tsx";
import { frameFor, type PageContext, pageResponse, type PagesOptions } from "./page_context.tsx";
import { peopleRoutes } from "./people/people_routes.tsx";
import { pipelineRoutes } from "./pipeline_routes.tsx";
import { problemRoutes } from "./problem_routes.tsx";
import { runRoutes } from "./run_routes.tsx";
import { passwordRoutes } from "./sign_in/password_routes.tsx";
import { sessionRoutes } from "./sign_in/session_routes.tsx";
import { secretRoutes } from "./secrets/secret_routes.tsx";
import { dataRoutes } from "./models/data_routes.tsx";
import { queryRoutes } from "./queries/query_routes.tsx";
import { tableRoutes } from "./models/table_routes.tsx";
import { lineageRoutes } from "./models/lineage_routes.tsx";
import { promotionRoutes } from "./models/promotion_routes.tsx";
import { versionRoutes } from "./models/version_routes.tsx";
import { ssoRoutes } from "./sign_in/sso_routes.tsx";

/**
 * The pages for people, to be mounted at `/` after the API's routes: every other GET under `/` is
 * handled here, an unknown address with a page that says so.
 */
export function createPages(options: PagesOptions): Hono<AppEnv> {
  const pages: PageContext = { ...options, assets: createAssets() };
  const app = new Hono<AppEnv>();
  app.onError((error, c) => errorResponse(pages, c, toAppError(error)));

  app.get("/static/:file", (c) => {
    const asset = pages.assets.find(c.req.path);
    if (asset === undefined) return c.text("There is no such file", 404);
    return c.body(asset.body, 200, {
      "content-type": asset.contentType,
      "cache-control": "public, max-age=31536000, immutable",
    });
  });
  if (pages.client !== undefined) app.use(plainGuard(pages.client, SIGN_IN_PAGES));
  app.route("/", sessionRoutes(pages));
  app.route("/", passwordRoutes(pages));
  app.route("/", ssoRoutes(pages));
  app.route("/", accountRoutes(pages));
  app.route("/", factorRoutes(pages));
  app.route("/", accountFactorRoutes(pages));
  app.route("/", pipelineRoutes(pages));
  app.route("/", runRoutes(pages));
  app.route("/", backfillRoutes(pages));
  app.route("/", webhookRoutes(pages));
  app.route("/", versionRoutes(pages));
  app.route("/", tableRoutes(pages));
  app.route("/", promotionRoutes(pages));
  app.route("/", lineageRoutes(pages));
  app.route("/", dataRoutes(pages));
  app.route("/", queryRoutes(pages));
  app.route("/", connectorRoutes(pages));
  app.route("/", problemRoutes(pages));
  app.route("/", peopleRoutes(pages));
  app.route("/", secretRoutes(pages));
  app.route("/", logRoutes(pages));
  app.route("/", auditRoutes(pages));
  app.get("*", (c, next) => c.req.path.startsWith("/api/") ? next() : notFoundResponse(pages, c));
  return app;
}

async function notFoundResponse(pages: PageContext, c: Context<AppEnv>): Promise<Response> {
  const frame = frameFor(pages, await pages.auth.currentAccess(c));
  const message = `There is no page at ${c.req.path}.`;
  return pageResponse(
    c,
    <ErrorPage frame={frame} status={404} title="Nothing here" message={message} />,
    404,
  );
}

const TITLES: Readonly<Record<ErrorCode, string>> = {
  invalid: "That cannot be done",
  not_found: "Nothing here",
  conflict: "That cannot be done now",
  unauthorized: "Sign in first",
  forbidden: "Not allowed",
  unavailable: "Not available right now",
  timeout: "That took too long",
  cancelled: "The request was cut short",
  internal: "Something went wrong here",
};

/** An internal error goes into the operator's log in full; the reader sees its request id alone. */
async function errorResponse(pages: PageContext, c: Context<AppEnv>, error: AppError): Promise<Response> {
  const requestId = c.get("requestId");
  const isInternal = error.code === "internal";
  if (isInternal) {
    const what = `Cannot answer ${c.req.method} ${c.req.path}: ${error.message}`;
    pages.log("error", what, { requestId, stack: error.stack });
  }
  // The store may be what failed: the page is shown without a user then.
  const user = await pages.auth.currentAccess(c).catch(() => undefined);
  const status = statusOf(error);
  const page = (
    <ErrorPage
      frame={frameFor(pages, user)}
      status={status}
      title={TITLES[error.code]}
      message={isInternal
        ? "The server met an error that it did not expect; its log says more."
        : error.message}
      requestId={requestId}
    />
  );
  return pageResponse(c, page, status, error instanceof HttpError ? error.headers : {});
}
