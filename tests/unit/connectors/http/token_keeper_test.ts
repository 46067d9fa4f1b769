import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import type { AccessToken, RenewedToken, TokenRequest } from "../../../../contract/connector/tokens.ts";
import { systemClock } from "../../../../contract/clock.ts";
import { AppError } from "../../../../contract/errors.ts";
import type { AuthOptions, Credentials } from "../../../../connectors/http/auth.ts";
import { TokenKeeper } from "../../../../connectors/http/rest/token_keeper.ts";
import { never } from "../../../support/connections.ts";

const AUTH: AuthOptions = {
  type: "oauth2_refresh_token",
  access_token_url: "https://auth.example/token",
  client_id: "me",
  refresh_token: "configured",
  access_token_request_data: {},
};

/** A keeper whose server takes `good`, with what was claimed and kept. */
function keeperOf(good: string, refreshTokens: readonly string[]) {
  const asked: string[] = [];
  const claimed: TokenRequest[] = [];
  const kept: RenewedToken[] = [];
  const fetch = (_url: URL, { body }: RequestInit) => {
    const token = body instanceof URLSearchParams ? body.get("refresh_token") ?? "" : "";
    asked.push(token);
    if (token !== good) return Promise.resolve(Response.json({ error: "invalid_grant" }, { status: 400 }));
    const answer = { access_token: `access-${asked.length}`, refresh_token: "next", expires_in: 3600 };
    return Promise.resolve(Response.json(answer));
  };
  const accessToken = async (
    request: TokenRequest,
    renew: (tokens: readonly string[]) => Promise<RenewedToken>,
  ): Promise<AccessToken> => {
    claimed.push(request);
    const renewed = await renew(refreshTokens);
    kept.push(renewed);
    return renewed.access;
  };
  const keeper = new TokenKeeper(AUTH, { fetch }, { clock: systemClock, signal: never(), accessToken });
  return { keeper, asked, claimed, kept };
}

const bearerOf = ({ headers }: Credentials) => headers["Authorization"]?.reveal();

Deno.test("a token is claimed once for all streams, and again where it is refused, which is said", async () => {
  const { keeper, asked, claimed, kept } = keeperOf("newest", ["newest", "configured"]);
  const [one, other] = await Promise.all([keeper.credentials(undefined), keeper.credentials(undefined)]);
  equal(one, other);
  equal(bearerOf(one), "Bearer access-1");
  await keeper.credentials(one);
  deepEqual(asked, ["newest", "newest"]);
  deepEqual(kept.map(({ refreshToken }) => refreshToken), ["next", "next"]);
  const issuer = "https://auth.example/token\nme";
  deepEqual(claimed, [
    { issuer, refreshToken: "configured" },
    { issuer, refreshToken: "configured", refused: "access-1" },
  ]);
});

Deno.test("where the newest refresh token is refused the configured one is tried", async () => {
  const { keeper, asked } = keeperOf("configured", ["newest", "configured"]);
  equal(bearerOf(await keeper.credentials(undefined)), "Bearer access-2");
  deepEqual(asked, ["newest", "configured"]);
});

Deno.test("where none is taken the failure says what to do, without a token", async () => {
  const { keeper, kept } = keeperOf("another", ["newest", "configured"]);
  await rejects(keeper.credentials(undefined), (error) => {
    ok(error instanceof AppError);
    equal(error.code, "unauthorized");
    match(error.message, /answered 400 \(invalid_grant\); .*sign in anew/);
    ok(!/newest|configured/.test(error.message));
    return true;
  });
  deepEqual(kept, []);
});
