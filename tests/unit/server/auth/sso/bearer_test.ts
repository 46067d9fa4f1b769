import assert from "node:assert/strict";
import { UnsecuredJWT } from "jose";
import { HostileIssuer } from "../../../../support/hostile_issuer.ts";
import { SsoFixture } from "./sso_fixture.ts";

const MAIN = "repo:acme/data:ref:refs/heads/main";

async function ask(sso: SsoFixture, token: string): Promise<string> {
  const response = await sso.ask("/api", new Map(), { headers: { authorization: `Bearer ${token}` } });
  const text = await response.text();
  return response.status === 200 ? JSON.parse(text).name : `${response.status} ${JSON.parse(text).detail}`;
}

async function withService(work: (sso: SsoFixture) => Promise<void>, env: Record<string, string> = {}) {
  await using sso = await SsoFixture.create(env);
  await sso.people.users.create({ name: "ci", kind: "service", role: "operator" }, "test");
  await sso.people.links.add("ci", { issuer: sso.issuer.url, subject: MAIN }, "test");
  await work(sso);
}

async function form(
  sso: SsoFixture,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Record<string, string>; headers: Headers }> {
  const response = await sso.ask("/oauth/token", new Map(), {
    method: "POST",
    body: new URLSearchParams(fields),
    headers,
  });
  assert.equal(response.headers.get("cache-control"), "no-store");
  return { status: response.status, body: await response.json(), headers: response.headers };
}

Deno.test("a token of a trusted issuer lets in whom its subject is linked to, and any other says why not", () =>
  withService(async (sso) => {
    await using other = await HostileIssuer.start();
    const claims = { aud: "sluice-api", sub: MAIN };
    const nowS = Math.floor(sso.clock.now() / 1_000);
    assert.equal(await ask(sso, await sso.issuer.sign(claims)), "ci");
    assert.equal(await ask(sso, await sso.issuer.sign(claims, { typ: "at+jwt" })), "ci");
    const wrong: Record<string, string> = {
      "linked": await sso.issuer.sign({ ...claims, sub: "repo:evil/data:ref:refs/heads/main" }),
      "claim aud": await sso.issuer.sign({ ...claims, aud: "sluice" }),
      "expired": await sso.issuer.sign({ ...claims, exp: nowS - 60 }),
      "claim nbf": await sso.issuer.sign({ ...claims, nbf: nowS + 600 }),
      "claim iat": await sso.issuer.sign({ ...claims, iat: "x" as unknown as number }),
      "claim sub": await sso.issuer.sign({ aud: "sluice-api" }),
      "none that this server trusts": await other.sign(claims),
      "no key": await sso.issuer.sign(claims, { kid: "unknown" }),
      "is not signed": await other.sign({ ...claims, iss: sso.issuer.url }, { kid: await sso.issuer.kid() }),
      "another type": await sso.issuer.sign(claims, { typ: "logout+jwt" }),
      "of an event": await sso.issuer.sign({ ...claims, events: {} }),
      "ID token": await sso.issuer.sign({ ...claims, aud: ["sluice", "sluice-api"], nonce: "x" }),
    };
    for (const [words, token] of Object.entries(wrong)) {
      const said = await ask(sso, token);
      assert.ok(said.startsWith("401 ") && said.includes(words), `${words}: ${said}`);
      sso.address += "0";
    }
    const unsigned = new UnsecuredJWT({ ...claims, iss: sso.issuer.url, exp: nowS + 9_999 }).encode();
    assert.match(await ask(sso, unsigned), /^401/);
    // Nothing that lasts longer is made with it.
    const headers = { authorization: `Bearer ${await sso.issuer.sign(claims)}` };
    const account = await sso.ask("/account", new Map(), { headers });
    assert.equal(account.status, 403, await account.text());
    await sso.people.users.change("ci", { disabled: true });
    assert.match(await ask(sso, await sso.issuer.sign(claims)), /^401 .*no active user/);
  }));

Deno.test("tokens with keys that are not there make us ask for keys once in a while, and never while that fails", () =>
  withService(async (sso) => {
    const claims = { aud: "sluice-api", sub: MAIN };
    const bad = await Promise.all(
      Array.from({ length: 8 }, (_, at) => sso.issuer.sign(claims, { kid: `unknown ${at}` })),
    );
    const asked = (path: string) => sso.issuer.asked.filter((one) => one === path).length;
    await Promise.all(bad.map((token) => ask(sso, token)));
    assert.ok(asked("/jwks") <= 1, String(asked("/jwks")));
    assert.equal(asked("/.well-known/openid-configuration"), 1);
  }));

Deno.test("while the issuer is away its tokens get a 503, and nobody is asked for each of them", () =>
  withService(async (sso) => {
    let count = 0;
    sso.issuer.answer = () => {
      count++;
      return new Response("no", { status: 500 });
    };
    const token = await sso.issuer.sign({ aud: "sluice-api", sub: MAIN });
    for (let at = 0; at < 20; at++) assert.match(await ask(sso, token), /^503 The identity provider/);
    assert.equal(count, 1);
    assert.equal(sso.logged.filter((message) => message.includes("metadata")).length, 1);
    sso.issuer.answer = () => undefined;
    await sso.clock.advance(5_001);
    assert.equal(await ask(sso, token), "ci");
  }));

Deno.test("a document that names another issuer, or places that are not its own, is not believed", () =>
  withService(async (sso) => {
    const token = await sso.issuer.sign({ aud: "sluice-api", sub: MAIN });
    for (
      const metadata of [
        { issuer: "http://127.0.0.1:1" },
        { jwks_uri: "http://169.254.169.254/keys" },
        { jwks_uri: "http://keys.example.com/keys" },
        { jwks_uri: "file:///etc/passwd" },
        { jwks_uri: undefined },
      ]
    ) {
      sso.issuer.metadata = metadata;
      assert.match(await ask(sso, token), /^503 /, JSON.stringify(metadata));
      // The metadata are good for an hour, and a failure for some seconds.
      await sso.clock.advance(3_700_000);
    }
  }));

Deno.test("a service gets a token for an hour by one of its own, no more than that may, and it ends with that", () =>
  withService(async (sso) => {
    const { token: secret, id } = await sso.people.tokens.create({ name: "secret", user: "ci" }, "test");
    const own = { grant_type: "client_credentials", client_id: "ci", client_secret: secret };
    const basic = (name: string, password: string) => ({
      authorization: `Basic ${btoa(`${encodeURIComponent(name)}:${encodeURIComponent(password)}`)}`,
    });
    const got = await form(sso, { grant_type: "client_credentials" }, basic("CI", secret));
    assert.deepEqual([got.status, got.body["token_type"], got.body["expires_in"]], [200, "Bearer", 3_600]);
    const token = got.body["access_token"] ?? "";
    assert.match(token, /^slc_/);
    assert.equal(await ask(sso, token), "ci");
    assert.deepEqual(sso.recorded.map(({ action, actor }) => [action, actor.name]), [["token.issue", "ci"]]);
    assert.equal((await sso.people.tokens.list("ci")).length, 1);

    const narrow = await form(sso, { ...own, scope: "pipeline:view connector:view" });
    assert.equal(narrow.body["scope"], "pipeline:view connector:view");
    const seen = await sso.ask("/api", new Map(), {
      headers: { authorization: `Bearer ${narrow.body["access_token"]}` },
    });
    assert.deepEqual(await seen.json(), { name: "ci", run: false });

    const refused = async (fields: Record<string, string>, headers = {}) => {
      const { status, body, headers: sent } = await form(sso, fields, headers);
      if (status === 401) assert.match(sent.get("www-authenticate") ?? "", /^Basic/);
      return `${status} ${body["error"]}`;
    };
    // Neither a session of twelve hours nor another token comes of one for an hour.
    assert.equal(await refused({ ...own, client_secret: token }), "401 invalid_client");
    const page = await sso.ask("/token-sign-in", new Map(), { method: "POST", body: token });
    assert.equal(await page.text(), "nobody");
    assert.equal(await refused({ ...own, client_id: "other" }), "401 invalid_client");
    assert.equal(await refused({ ...own, client_secret: "slc_x" }), "401 invalid_client");
    assert.equal(await refused({ grant_type: "client_credentials" }), "401 invalid_client");
    assert.equal(await refused({ ...own, grant_type: "password" }), "400 unsupported_grant_type");
    assert.equal(await refused({ client_id: "ci" }), "400 invalid_request");
    assert.equal(await refused(own, basic("ci", secret)), "400 invalid_request");
    assert.equal(await refused({ ...own, scope: "everything" }), "400 invalid_scope");
    const { token: kept } = await sso.people.tokens.create({
      name: "kept",
      user: "ci",
      scopes: { permissions: ["pipeline:view"] },
    }, "test");
    assert.equal(await refused({ ...own, client_secret: kept, scope: "pipeline:run" }), "400 invalid_scope");
    await sso.people.users.create({ name: "mia" }, "test");
    const { token: hers } = await sso.people.tokens.create({ name: "t", user: "mia" }, "test");
    assert.equal(await refused({ ...own, client_id: "mia", client_secret: hers }), "400 unauthorized_client");

    await sso.people.tokens.revoke(id);
    assert.match(await ask(sso, token), /^401/);
    await sso.clock.advance(3_600_001);
    assert.match(await ask(sso, narrow.body["access_token"] ?? ""), /^401/);
  }));

Deno.test("an issued token ends no later than the one that it was issued for", () =>
  withService(async (sso) => {
    const { token } = await sso.people.tokens.create(
      { name: "short", user: "ci", expires_in: "10m" },
      "test",
    );
    const { body } = await form(sso, {
      grant_type: "client_credentials",
      client_id: "ci",
      client_secret: token,
    });
    assert.equal(body["expires_in"], 600);
    await sso.clock.advance(600_000);
    assert.match(await ask(sso, body["access_token"] ?? ""), /^401/);
  }));

Deno.test("a token of a trusted issuer is exchanged for one of ours, which ends with the link", () =>
  withService(async (sso) => {
    const grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    const assertion = await sso.issuer.sign({ aud: "sluice-api", sub: MAIN });
    const { status, body } = await form(sso, { grant_type, assertion, scope: "pipeline:view" });
    assert.deepEqual([status, body["expires_in"], body["scope"]], [200, 3_600, "pipeline:view"]);
    assert.equal(await ask(sso, body["access_token"] ?? ""), "ci");
    const wrong = await form(sso, { grant_type, assertion: `${assertion}x` });
    assert.deepEqual([wrong.status, wrong.body["error"]], [400, "invalid_grant"]);
    assert.doesNotMatch(wrong.body["error_description"] ?? "", /["\\]/);
    const [link] = await sso.people.links.list("ci");
    await sso.people.links.remove("ci", link?.id ?? "");
    assert.match(await ask(sso, body["access_token"] ?? ""), /^401/);
  }));

Deno.test("guessing at the token endpoint is slow", () =>
  withService(async (sso) => {
    const guess = (at: number) =>
      form(sso, { grant_type: "client_credentials", client_id: "ci", client_secret: `slc_${at}` });
    for (let at = 0; at < 10; at++) assert.equal((await guess(at)).status, 401);
    const slowed = guess(10);
    while (sso.clock.sleepers === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    await sso.clock.advance(100);
    assert.deepEqual([(await slowed).status, (await slowed).body["error"]], [429, "slow_down"]);
    assert.deepEqual(sso.recorded.map(({ action }) => action), Array(11).fill("token.refused"));
  }));

Deno.test("metadata say where tokens are to be had", () =>
  withService(async (sso) => {
    const response = await sso.ask("/.well-known/oauth-authorization-server");
    const { issuer, token_endpoint, grant_types_supported } = await response.json();
    assert.deepEqual([issuer, token_endpoint], [
      "http://sluice.example:8080",
      "http://sluice.example:8080/oauth/token",
    ]);
    assert.equal(grant_types_supported.length, 2);
  }));
