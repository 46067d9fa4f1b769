import { createVerify, generateKeyPairSync } from "node:crypto";
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import type { AccessToken, RenewedToken, TokenRequest } from "../../../../contract/connector/tokens.ts";
import { systemClock } from "../../../../contract/clock.ts";
import { AppError } from "../../../../contract/errors.ts";
import type { AssertionAuth, AuthOptions, Credentials } from "../../../../connectors/http/auth.ts";
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

/** The requests of a keeper that signs with the key, and what their server says to them. */
async function assertionsOf(more: Partial<AssertionAuth>, nowMs: number) {
  const asked: URLSearchParams[] = [];
  const fetch = (_url: URL, { body }: RequestInit) => {
    if (body instanceof URLSearchParams) asked.push(body);
    return Promise.resolve(Response.json({ access_token: `access-${asked.length}`, expires_in: 600 }));
  };
  const auth: AssertionAuth = {
    type: "oauth2_jwt",
    access_token_url: "https://auth.example/token",
    client_id: "robot@example.com",
    private_key: "",
    scopes: [],
    access_token_request_data: {},
    ...more,
  };
  const clock = { ...systemClock, now: () => nowMs };
  const accessToken = () => Promise.reject(new Error("it is shared with nobody"));
  const keeper = new TokenKeeper(auth, { fetch }, { clock, signal: never(), accessToken });
  const credentials = await keeper.credentials(undefined);
  const again = await keeper.credentials(credentials);
  return { asked, tokens: [bearerOf(credentials), bearerOf(again)] };
}

Deno.test("an assertion has its claims, is signed by RS256 and made anew for each token", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pem = String(privateKey.export({ type: "pkcs8", format: "pem" }));
  const nowMs = Date.UTC(2026, 0, 31) + 999;
  const { asked, tokens } = await assertionsOf({
    private_key: pem,
    private_key_id: "key-1",
    scopes: ["a", "b"],
    audience: "https://aud.example/",
    subject: "ann@example.com",
    access_token_request_data: { resource: "r" },
  }, nowMs);
  deepEqual(tokens, ["Bearer access-1", "Bearer access-2"]);
  const bytes = (part: string) => Uint8Array.fromBase64(part, { alphabet: "base64url" });
  const ids = asked.map((form) => {
    deepEqual([...form.keys()], ["grant_type", "assertion", "resource"]);
    equal(form.get("grant_type"), "urn:ietf:params:oauth:grant-type:jwt-bearer");
    const [header = "", claims = "", signature = ""] = form.get("assertion")?.split(".") ?? [];
    ok(createVerify("RSA-SHA256").update(`${header}.${claims}`).verify(publicKey, bytes(signature)));
    deepEqual(JSON.parse(new TextDecoder().decode(bytes(header))), {
      alg: "RS256",
      typ: "JWT",
      kid: "key-1",
    });
    const { jti, ...rest } = JSON.parse(new TextDecoder().decode(bytes(claims)));
    const iat = Math.floor(nowMs / 1000);
    const [iss, sub, aud] = ["robot@example.com", "ann@example.com", "https://aud.example/"];
    deepEqual(rest, { iss, sub, scope: "a b", aud, iat, exp: iat + 180 });
    return jti;
  });
  equal(new Set(ids).size, 2);
  // Line breaks as a key file of JSON has them; no claim that nobody asked for.
  const plain = await assertionsOf({ private_key: pem.trim().replaceAll("\n", "\\n") }, nowMs);
  const claims = new TextDecoder().decode(bytes(plain.asked[0]?.get("assertion")?.split(".")[1] ?? ""));
  deepEqual(Object.keys(JSON.parse(claims)), ["iss", "aud", "iat", "exp", "jti"]);
  equal(JSON.parse(claims).aud, "https://auth.example/token");
});

Deno.test("what is no key to sign with is said, without a word of it", async () => {
  const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const curve = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const keys: readonly (readonly [string, RegExp])[] = [
    [String(pair.privateKey.export({ type: "pkcs1", format: "pem" })), /openssl pkcs8 -topk8 -nocrypt/],
    [String(pair.publicKey.export({ type: "spki", format: "pem" })), /BEGIN PRIVATE KEY/],
    [String(curve.privateKey.export({ type: "pkcs8", format: "pem" })), /not an RSA key/],
    ["-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----", /not an RSA key/],
  ];
  for (const [private_key, message] of keys) {
    await rejects(assertionsOf({ private_key }, 0), (error) => {
      ok(error instanceof AppError);
      equal(error.code, "invalid");
      match(error.message, message);
      ok(!private_key.split("\n").some((line) => line.length > 40 && error.message.includes(line)));
      return true;
    });
  }
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
