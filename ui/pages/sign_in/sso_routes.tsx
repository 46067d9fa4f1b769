import { type Context, Hono } from "hono";
import { toAppError } from "../../../contract/errors.ts";
import type { AppEnv } from "../../../server/http/app_env.ts";
import { HttpError, statusOf } from "../../../server/http/problem.ts";
import type { PageSso } from "../../parts/page_auth.ts";
import { frameFor, type PageContext, pageResponse } from "../page_context.tsx";
import { safeNext } from "./safe_next.ts";
import { SignedOutPage, SsoRefusedPage } from "./sso_page.tsx";

/** Signing in at the identity provider; nothing is there where the operator has named none. */
export function ssoRoutes(pages: PageContext): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  const { sso } = pages;
  if (sso === undefined) return app;

  app.get("/oidc/login", (c) => {
    const next = safeNext(c.req.query("next"));
    return orRefused(pages, c, sso, next, () => sso.begin(c, next));
  });

  app.get("/oidc/callback", (c) => orRefused(pages, c, sso, "/", async () => safeNext(await sso.finish(c))));

  return app;
}

/** After the session here has ended: a form's own answer may lead nowhere else, the page after it may. */
export function signedOut(pages: PageContext, c: Context<AppEnv>, endUrl: string): Response {
  const page = <SignedOutPage frame={frameFor(pages)} endUrl={endUrl} />;
  return pageResponse(c, page, 200, { refresh: `0; url=${endUrl}` });
}

/** Goes where `work` says; what it refuses, or what the provider cannot do now, is said with a way to try again. */
async function orRefused(
  pages: PageContext,
  c: Context<AppEnv>,
  sso: PageSso,
  next: string,
  work: () => Promise<string>,
): Promise<Response> {
  try {
    return c.redirect(await work(), 303);
  } catch (thrown) {
    const error = toAppError(thrown);
    if (error.code === "internal") throw thrown;
    const page = (
      <SsoRefusedPage frame={frameFor(pages)} message={error.message} againUrl={sso.startUrl(next)} />
    );
    return pageResponse(c, page, statusOf(error), error instanceof HttpError ? error.headers : {});
  }
}
