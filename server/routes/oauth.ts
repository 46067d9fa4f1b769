import { type Context, Hono } from "hono";
import { PERMISSION_NAMES } from "../../contract/access/permissions.ts";
import { toAppError } from "../../contract/errors.ts";
import { hashToken } from "../../engine/control/people/token_text.ts";
import { AttemptLimit } from "../auth/attempt_limit.ts";
import { TOKEN_PATH, TokenEndpoint, type TokenEndpointOptions } from "../auth/oauth/token_endpoint.ts";
import type { Sso } from "../auth/sso/open_sso.ts";
import type { BackchannelLogout } from "../auth/sso/backchannel_logout.ts";
import type { AppEnv } from "../http/app_env.ts";
import { HttpError } from "../http/problem.ts";

export const LOGOUT_PATH = "/oidc/backchannel-logout";
const METADATA_PATH = "/.well-known/oauth-authorization-server";

export interface OAuthOptions extends Omit<TokenEndpointOptions, "jwt"> {
  readonly sso: Pick<Sso, "jwt" | "logout">;
  /** Where clients reach this server, without a slash at the end. */
  readonly baseUrl: () => string;
}

/** What programs ask without a token of ours: for one, and what a provider says when somebody has signed out there. */
export function createOAuth({ sso, baseUrl, ...options }: OAuthOptions): Hono<AppEnv> {
  const { addressOf, clock } = options;
  const { jwt, logout } = sso;
  const app = new Hono<AppEnv>();
  const tokens = new TokenEndpoint({ ...options, jwt });
  app.post(TOKEN_PATH, (c) => tokens.respond(c));
  app.get(METADATA_PATH, (c) =>
    // RFC 8414.
    c.json({
      issuer: baseUrl(),
      token_endpoint: `${baseUrl()}${TOKEN_PATH}`,
      grant_types_supported: tokens.grantTypes,
      response_types_supported: [],
      token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
      scopes_supported: PERMISSION_NAMES,
    }));
  if (logout !== undefined) app.post(LOGOUT_PATH, createLogout(logout, addressOf, clock));
  for (
    const [path, method] of [[TOKEN_PATH, "POST"], [METADATA_PATH, "GET"], [LOGOUT_PATH, "POST"]] as const
  ) {
    app.all(path, (c) => {
      throw new HttpError(405, "invalid", `${c.req.method} does not go here, only ${method}`, {
        allow: method,
      });
    });
  }
  return app;
}

/** https://openid.net/specs/openid-connect-backchannel-1_0.html#BCResponse */
function createLogout(
  logout: BackchannelLogout,
  addressOf: OAuthOptions["addressOf"],
  clock: OAuthOptions["clock"],
) {
  const limit = new AttemptLimit<true>({ clock });
  const refused = (c: Context, description: string, status: 400 | 429 = 400) =>
    c.json({ error: "invalid_request", error_description: description }, status);
  return async (c: Context<AppEnv>): Promise<Response> => {
    const form = await c.req.parseBody().catch(() => ({}));
    const token: unknown = Reflect.get(form, "logout_token");
    if (typeof token !== "string" || token === "") return refused(c, "logout_token is missing");
    const address = addressOf(c);
    let reason = "It was refused a moment ago";
    const attempt = await limit.attempt(address, await hashToken(token), async () => {
      try {
        await logout.end(token, address);
        return true;
      } catch (error) {
        const known = toAppError(error);
        if (known.code !== "unauthorized") throw error;
        reason = known.message;
        return undefined;
      }
    });
    if (attempt.kind === "limited") return refused(c, "Too many logout tokens were not good: wait", 429);
    return attempt.kind === "known" ? c.body(null, 200) : refused(c, reason);
  };
}
