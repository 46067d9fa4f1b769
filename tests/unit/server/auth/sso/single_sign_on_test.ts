import assert from "node:assert/strict";
import { UnsecuredJWT } from "jose";
import { type Jar, SsoFixture } from "./sso_fixture.ts";

/** The status, and what the problem says. */
async function refusal(response: Promise<Response>): Promise<string> {
  const { status, body, headers } = await response;
  const text = await new Response(body).text();
  return `${status} ${headers.get("location") ?? text}`;
}

Deno.test("a sign-in goes by code, PKCE, state and nonce, and gives a session that ends with the provider's", async () => {
  await using sso = await SsoFixture.create();
  const jar: Jar = new Map();
  const there = await sso.begin(jar, "/runs?x=1");
  const query = Object.fromEntries(there.searchParams);
  assert.equal(there.origin, sso.issuer.url);
  // Never what a request says in Host.
  assert.equal(query["redirect_uri"], "http://sluice.example:8080/oidc/callback");
  assert.equal(query["code_challenge_method"], "S256");
  assert.deepEqual([query["response_type"], query["scope"]], ["code", "openid profile email"]);
  assert.ok(
    [query["state"], query["nonce"], query["code_challenge"]].every((text = "") => text.length >= 43),
  );

  const mia = { sub: "1", preferred_username: "mia", sid: "their session", groups: ["finance"] };
  await sso.people.groups.create({ name: "finance" }, "test");
  assert.equal(await refusal(sso.signIn(mia, { jar, next: "/runs?x=1" })), "303 /runs?x=1");
  assert.equal(await sso.me(jar), "mia");
  assert.ok(!jar.has("sluice_sso"));
  const [session] = await sso.people.sessions.list("mia");
  assert.equal(session?.method, "sso");
  assert.deepEqual((await sso.people.users.get("mia")).groups, ["finance"]);
  assert.deepEqual(sso.recorded.map(({ action }) => action), ["user.create", "group.add", "sign_in"]);
  assert.equal(await refusal(sso.signIn({ ...mia, groups: undefined })), "303 /");
  assert.deepEqual((await sso.people.users.get("mia")).groups, []);

  const end = new URL(await (await sso.ask("/logout", jar, { method: "POST" })).text());
  assert.equal(`${end.origin}${end.pathname}`, `${sso.issuer.url}/end`);
  assert.equal(end.searchParams.get("post_logout_redirect_uri"), "http://sluice.example:8080/login");
  assert.equal(end.searchParams.get("id_token_hint")?.split(".").length, 3);
  assert.equal(await sso.me(jar), "nobody");
});

Deno.test("what another browser began, what comes twice, too late or with another state gives no session", async () => {
  await using sso = await SsoFixture.create();
  const claims = { sub: "1", preferred_username: "mia" };
  assert.match(await refusal(sso.ask("/oidc/callback?code=abc&state=x")), /^400 .*sso_state/);

  // An attacker's code and state in the victim's browser.
  const attacker: Jar = new Map();
  const there = await sso.begin(attacker);
  const victim: Jar = new Map();
  const stolen = `/oidc/callback?code=abc&state=${there.searchParams.get("state")}&iss=${sso.issuer.url}`;
  assert.match(await refusal(sso.ask(stolen, victim)), /^400 .*sso_state/);
  await sso.begin(victim);
  assert.match(await refusal(sso.ask(stolen, victim)), /^401 .*invalid_sign_in/);
  assert.equal(await sso.me(victim), "nobody");

  const jar: Jar = new Map();
  assert.match(await refusal(sso.signIn(claims, { jar, back: { state: "other" } })), /^401/);
  assert.match(
    await refusal(sso.signIn(claims, { jar, back: { error: "access_denied" } })),
    /^401 .*access_denied/,
  );
  assert.match(await refusal(sso.signIn(claims, { jar, back: { iss: "https://evil.example.com" } })), /^401/);
  assert.equal(await sso.me(jar), "nobody");

  // The same cookie again, as somebody has copied it.
  await sso.begin(jar);
  const kept = new Map(jar);
  await sso.ask("/oidc/callback?code=abc&state=x", jar);
  assert.match(await refusal(sso.ask("/oidc/callback?code=abc&state=x", kept)), /^400 .*sso_state/);
  const late: Jar = new Map();
  const begun = await sso.begin(late);
  await sso.clock.advance(600_001);
  const state = begun.searchParams.get("state");
  assert.match(await refusal(sso.ask(`/oidc/callback?code=abc&state=${state}`, late)), /^400 .*sso_state/);
  const forged: Jar = new Map([["sluice_sso", "x".repeat(200)]]);
  assert.match(await refusal(sso.ask("/oidc/callback?code=abc&state=x", forged)), /^400 .*sso_state/);
  assert.equal((await sso.people.users.list({})).length, 0);
  assert.ok(sso.recorded.every(({ action }) => action === "sign_in.failed"));
});

Deno.test("an ID token that the issuer has not made for this sign-in lets nobody in", async () => {
  await using sso = await SsoFixture.create();
  await using other = await SsoFixture.create();
  const good = { sub: "1", preferred_username: "mia" };
  const nowS = Math.floor(Date.now() / 1_000);
  const publicKey = JSON.stringify(await sso.issuer.publicJwk());
  const { SignJWT } = await import("jose");
  const claims = (nonce: string) => ({
    ...good,
    iss: sso.issuer.url,
    aud: "sluice",
    nonce,
    iat: nowS,
    exp: nowS + 300,
  });
  const hs256 = (secret: string) => (nonce: string) =>
    new SignJWT(claims(nonce)).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(secret));
  const attempts: Record<string, Parameters<SsoFixture["signIn"]>> = {
    "another nonce": [{ ...good, nonce: "other" }],
    "no nonce": [{ ...good, nonce: undefined }],
    "another audience": [{ ...good, aud: "other" }],
    "an expired one": [{ ...good, iat: nowS - 900, exp: nowS - 600 }],
    "another issuer": [{ ...good, iss: other.issuer.url }],
    "an unknown key": [good, { header: { kid: "unknown" } }],
    "nobody": [{ ...good, sub: undefined }],
    "a subject without end": [{ ...good, sub: "x".repeat(256) }],
    "another party": [{ ...good, aud: ["sluice", "other"], azp: "other" }],
    "another issuer's key": [{}, {
      token: async (nonce) => await other.issuer.sign(claims(nonce), { kid: await sso.issuer.kid() }),
    }],
    "no signature": [{}, { token: (nonce) => Promise.resolve(new UnsecuredJWT(claims(nonce)).encode()) }],
    "the client's secret": [{}, { token: hs256("the client's secret".padEnd(32, " ")) }],
    "the public key for a secret": [{}, { token: hs256(publicKey) }],
    "no token": [{}, { token: () => Promise.resolve("") }],
  };
  for (const [what, attempt] of Object.entries(attempts)) {
    const jar: Jar = new Map();
    const said = await refusal(sso.signIn(attempt[0], { ...attempt[1], jar }));
    assert.match(said, /^(401|429) /, what);
    assert.equal(await sso.me(jar), "nobody", what);
    sso.address += "0";
  }
  assert.equal((await sso.people.users.list({})).length, 0);
});

Deno.test("keys are read again for one that is not known, and the provider's failures say what it did", async () => {
  await using sso = await SsoFixture.create();
  const mia = { sub: "1", preferred_username: "mia" };
  assert.equal(await refusal(sso.signIn(mia)), "303 /");
  await sso.issuer.addKey();
  sso.issuer.forgetKeys();
  assert.equal(await refusal(sso.signIn(mia)), "303 /");
  assert.equal(sso.issuer.asked.filter((path) => path === "/jwks").length, 2);
  assert.equal(sso.issuer.asked.filter((path) => path.startsWith("/.well-known")).length, 1);

  const answers: Record<string, () => Response> = {
    "more than": () =>
      new Response("x".repeat(2 * 1_024 * 1_024), { headers: { "content-type": "application/json" } }),
    "elsewhere": () =>
      new Response(null, { status: 302, headers: { location: "http://169.254.169.254/latest" } }),
  };
  for (const [words, answer] of Object.entries(answers)) {
    sso.issuer.answer = (request) => request.url.endsWith("/token") ? answer() : undefined;
    const said = await refusal(sso.signIn(mia));
    assert.match(said, /^503 /);
    assert.ok(said.includes(words), said);
  }
  sso.issuer.answer = (request) =>
    request.url.endsWith("/token")
      ? Response.json({ error: "invalid_grant", error_description: "<b>" }, { status: 400 })
      : undefined;
  const said = await refusal(sso.signIn(mia));
  assert.match(said, /^401 .*invalid_grant/);
  assert.ok(!said.includes("<b>"));
});

Deno.test("groups, address and name may come from /userinfo, which is believed for the same subject alone", async () => {
  await using sso = await SsoFixture.create({ SLUICE_OIDC_GROUPS_CLAIM: "realm.groups" });
  await sso.people.groups.create({ name: "ops" }, "test");
  sso.issuer.userinfo = {
    sub: "1",
    preferred_username: "leo",
    email: "leo@example.com",
    email_verified: true,
    realm: { groups: ["ops"] },
  };
  assert.equal(await refusal(sso.signIn({ sub: "1" })), "303 /");
  const { email, groups } = await sso.people.users.get("leo");
  assert.deepEqual([email, groups], ["leo@example.com", ["ops"]]);
  assert.match(await refusal(sso.signIn({ sub: "2" })), /^401/);
  // An address in the ID token is not verified by what /userinfo says of its own.
  assert.equal(await refusal(sso.signIn({ sub: "1", email: "boss@example.com" })), "303 /");
  sso.issuer.userinfo = { ...sso.issuer.userinfo, sub: "3", preferred_username: "kim" };
  assert.equal(await refusal(sso.signIn({ sub: "3", email: "leo@example.com" })), "303 /");
  assert.equal((await sso.people.users.get("kim")).email, null);
});

Deno.test("a user who is disabled, and one who is not known where none are made, are told so", async () => {
  await using sso = await SsoFixture.create({ SLUICE_OIDC_CREATE_USERS: "0" });
  assert.match(await refusal(sso.signIn({ sub: "1" })), /^403 .*not_linked/);
  await sso.people.users.create({ name: "mia" }, "test");
  await sso.people.links.add("mia", { issuer: sso.issuer.url, subject: "1" }, "test");
  const jar: Jar = new Map();
  assert.equal(await refusal(sso.signIn({ sub: "1" }, { jar })), "303 /");
  await sso.people.users.change("mia", { disabled: true });
  assert.equal(await sso.me(jar), "nobody");
  assert.match(await refusal(sso.signIn({ sub: "1" }, { jar })), /^403 .*user_disabled/);
  const failed = sso.recorded.filter(({ action }) => action === "sign_in.failed");
  assert.deepEqual(failed.map(({ details }) => details?.["reason"]), ["not_linked", "user_disabled"]);
});

Deno.test("whoever fails often is slowed down, and costs the provider no more requests", async () => {
  await using sso = await SsoFixture.create();
  sso.issuer.answer = (request) =>
    request.url.endsWith("/token") ? Response.json({ error: "invalid_grant" }, { status: 400 }) : undefined;
  for (let attempt = 0; attempt < 10; attempt++) {
    assert.match(await refusal(sso.signIn({ sub: "1" })), /^401/);
  }
  const slowed = sso.signIn({ sub: "1" });
  while (sso.clock.sleepers === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  await sso.clock.advance(100);
  assert.match(await refusal(slowed), /^429/);
});

Deno.test("a logout token of the provider ends the sessions that it names, once", async () => {
  await using sso = await SsoFixture.create();
  const [one, two, other] = [new Map(), new Map(), new Map()] as [Jar, Jar, Jar];
  await sso.signIn({ sub: "1", preferred_username: "mia", sid: "a" }, { jar: one });
  await sso.signIn({ sub: "1", sid: "b" }, { jar: two });
  await sso.signIn({ sub: "2", preferred_username: "leo", sid: "c" }, { jar: other });
  const event = { "http://schemas.openid.net/event/backchannel-logout": {} };
  const send = async (claims: Record<string, unknown>, header: Record<string, unknown> = {}) => {
    const token = await sso.issuer.sign(
      { aud: "sluice", jti: crypto.randomUUID(), events: event, ...claims },
      {
        typ: "logout+jwt",
        ...header,
      },
    );
    const { status } = await sso.ask("/oidc/backchannel-logout", new Map(), {
      method: "POST",
      body: new URLSearchParams({ logout_token: token }),
    });
    return status;
  };
  for (
    const bad of [
      { sid: "a", nonce: "x" },
      { sid: "a", events: undefined },
      { sid: "a", events: { "http://schemas.openid.net/event/backchannel-logout": "yes" } },
      { sid: "a", aud: "other" },
      { sid: "a", jti: undefined },
      {},
    ]
  ) assert.equal(await send(bad), 400, JSON.stringify(bad));
  assert.equal(await send({ sid: "a" }, { typ: "at+jwt" }), 400);
  assert.deepEqual([await sso.me(one), await sso.me(two)], ["mia", "mia"]);
  assert.equal(await send({ sid: "a", jti: "once" }), 200);
  assert.deepEqual([await sso.me(one), await sso.me(two)], ["nobody", "mia"]);
  assert.equal(await send({ sid: "b", jti: "once" }), 400);
  assert.equal(await send({ sub: "1" }), 200);
  assert.deepEqual([await sso.me(two), await sso.me(other)], ["nobody", "leo"]);
});
