import type { Context, MiddlewareHandler } from "hono";
import { bearerOf } from "../auth/bearer.ts";
import type { AppEnv } from "./app_env.ts";
import type { ClientView } from "./client_view.ts";
import { HttpError } from "./problem.ts";

const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": [
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  // Not no-referrer: with it browsers send `Origin: null` with our own forms.
  "referrer-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

/** What makes browsers come back by https only (HSTS, RFC 6797). */
export interface StrictTransport {
  /** Whether the browser spoke https. Over plain HTTP the header means nothing, and a middleman could send it. */
  isSecure(c: Context): boolean;
  /** For how long browsers keep to it; 0 makes them forget. */
  readonly seconds: number;
}

/**
 * Headers of every response: the security headers and the request's id. What says nothing about
 * caching is not to be kept by anyone.
 */
export function responseHeaders(strict?: StrictTransport): MiddlewareHandler<AppEnv> {
  return async function responseHeaders(c, next) {
    await next();
    if (strict?.isSecure(c) === true) {
      c.res.headers.set("strict-transport-security", `max-age=${strict.seconds}`);
    }
    c.res.headers.set("x-request-id", c.get("requestId"));
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) c.res.headers.set(name, value);
    if (!c.res.headers.has("cache-control")) c.res.headers.set("cache-control", "no-store");
  };
}

/**
 * Refuses what another site's page makes a browser send: an unsafe request that the browser itself
 * calls cross-site, or that comes from another origin. Only a request to the API with a bearer token
 * passes unseen, since the token alone says there who asks: pages go by the cookie whatever else is
 * sent, and a browser sends the password for a proxy (Basic) on its own. Hosts are compared without
 * their scheme: a proxy may have ended TLS.
 */
export function crossSiteGuard(): MiddlewareHandler<AppEnv> {
  return async function crossSiteGuard(c, next) {
    const isSafe = ["GET", "HEAD", "OPTIONS"].includes(c.req.method);
    const isByToken = c.req.path.startsWith("/api/") && bearerOf(c) !== undefined;
    if (!isSafe && !isByToken) {
      const site = c.req.header("sec-fetch-site");
      const origin = c.req.header("origin");
      const isOwn = site !== undefined
        ? site === "same-origin" || site === "none"
        : origin === undefined
        ? c.req.header("cookie") === undefined
        : hostOf(origin) === hostHeader(c.req.header("host"), c.req.url);
      if (!isOwn) {
        throw new HttpError(
          403,
          "forbidden",
          "The request comes from another site's page: open this server's own page, or send a token",
        );
      }
    }
    await next();
  };
}

/** Where passwords and tokens are typed, and where the links of mails and identity providers lead. */
export const SIGN_IN_PAGES: readonly string[] = ["/login", "/password", "/account", "/oidc"];
/** Where programs show a password of theirs for a token. */
export const TOKEN_ENDPOINTS: readonly string[] = ["/oauth"];

/**
 * Refuses to show what people sign in with, and to take it, where others could read it on the way: before anything is
 * typed. A token in a header has come that way already when it is seen.
 */
export function plainGuard(
  { isExposed }: Pick<ClientView, "isExposed">,
  paths: readonly string[],
): MiddlewareHandler<AppEnv> {
  return async function plainGuard(c, next) {
    const { path } = c.req;
    if (paths.some((from) => path === from || path.startsWith(`${from}/`)) && isExposed(c)) {
      throw new HttpError(
        403,
        "forbidden",
        "Nobody signs in here over plain HTTP from another machine, where passwords could be read on the way. Whoever runs " +
          "the server gives it a certificate (--tls-cert and --tls-key), puts a proxy with TLS before it (--trust-proxy), " +
          "or sets SLUICE_ALLOW_PLAIN_HTTP=1 where nobody listens",
        {},
        { reason: "plain_http" },
      );
    }
    await next();
  };
}

/**
 * Refuses a name that is not ours: a page of another site whose name was made to resolve to this
 * machine (DNS rebinding) would else count as our own. Addresses and localhost always pass, since
 * no such page can be at them.
 */
export function hostGuard(allowedHosts: readonly string[]): MiddlewareHandler<AppEnv> {
  const allowed = new Set(allowedHosts.map((host) => host.toLowerCase()));
  return async function hostGuard(c, next) {
    const host = hostHeader(c.req.header("host"), c.req.url);
    const name = host.replace(/:\d+$/, "");
    const isAddress = /^(?:\d{1,3}\.){3}\d{1,3}$/.test(name) || name.startsWith("[");
    const isLocal = name === "localhost" || name.endsWith(".localhost");
    if (!isAddress && !isLocal && !allowed.has(name)) {
      throw new HttpError(
        421,
        "forbidden",
        `This server does not answer to the name "${name}": name it in SLUICE_ALLOWED_HOSTS, ` +
          "or set SLUICE_TRUST_PROXY=1 where a reverse proxy stands before it",
      );
    }
    await next();
  };
}

function hostHeader(header: string | undefined, url: string): string {
  return (header ?? new URL(url).host).toLowerCase();
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
