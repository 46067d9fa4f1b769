import assert from "node:assert/strict";
import { createClient } from "@libsql/client/sqlite3";
import { fileStoreUrl } from "../../../engine/store/open.ts";
import { totpCode } from "../../../engine/control/factors/codes.ts";
import { createFakeProject } from "../../support/fake_project.ts";
import { PageServer } from "../../support/page_server.ts";
import { PageVisitor } from "../../support/page_visitor.ts";
import { SoftAuthenticator } from "../../support/soft_authenticator.ts";

const PASSWORD = "violet tractor umbrella";

async function withMia(server: PageServer): Promise<void> {
  await server.people.users.create(
    { name: "mia", role: "admin", password: PASSWORD, must_change: false },
    "test",
  );
}

async function typePassword(server: PageServer, next = "/"): Promise<PageVisitor> {
  const visitor = new PageVisitor(server.url);
  const { status, text } = await visitor.post("/login", { username: "mia", password: PASSWORD, next });
  assert.equal(status, 303, text);
  return visitor;
}

const isIn = async (visitor: PageVisitor) => (await visitor.get("/runs")).status === 200;

/** Sets up an app on the page; returns its secret and the recovery codes. */
async function addApp(visitor: PageVisitor): Promise<{ secret: string; codes: readonly string[] }> {
  assert.equal((await visitor.post("/account/factors/totp")).location, "/account/factors/totp");
  const { text } = await visitor.get("/account/factors/totp");
  const secret = secretIn(text);
  const wrong = await visitor.post("/account/factors/totp/confirm", { code: "000 000" });
  assert.equal(wrong.status, 400);
  assert.equal(secretIn(wrong.text), secret, "the same again");
  // A step early, so that the next ones are left for signing in.
  const confirmed = await visitor.post("/account/factors/totp/confirm", {
    code: await totpCode(secret, Date.now() - 30_000),
  });
  const codes = codesIn(confirmed.text);
  assert.equal(codes.length, 10, confirmed.text);
  return { secret, codes };
}

const secretIn = (text: string): string =>
  /<code>([A-Z2-7 ]{39})<\/code>/.exec(text)?.[1]?.replaceAll(" ", "") ?? assert.fail(text);
const codesIn = (text: string): string[] =>
  [...text.matchAll(/<code>([0-9A-Z-]{19})<\/code>/g)].map(([, one]) => one ?? "");

Deno.test("a password alone lets in no more once there is an app, and each code does so once", async () => {
  await using server = await PageServer.start(createFakeProject());
  await withMia(server);
  const first = await typePassword(server);
  assert.ok(await isIn(first));
  const { secret, codes } = await addApp(first);

  const visitor = await typePassword(server, "/runs?limit=5");
  assert.ok(visitor.cookies.has("sluice_sign_in") && !visitor.cookies.has("sluice_session"));
  // What is half open opens nothing.
  for (const path of ["/", "/runs", "/account/factors", "/people", "/openapi.json", "/api/runs"]) {
    const { status, location } = await visitor.get(path);
    assert.ok(status === 401 || location?.startsWith("/login"), `${path}: ${status} ${location}`);
  }
  for (const path of ["/login/enrol/totp", "/login/enrol/totp/confirm", "/login/enrol/passkey/options"]) {
    assert.match((await visitor.post(path)).location ?? "", /^\/login\?.*over/, path);
  }
  const asked = await visitor.get("/login/factor?next=%2Fruns");
  assert.ok(asked.text.includes('autocomplete="one-time-code"'), asked.text);
  assert.equal((await visitor.get("/login/factor?next=//evil.example")).text.includes("evil"), false);
  const wrong = await visitor.post("/login/factor", { code: "000000", next: "/runs" });
  assert.equal(wrong.status, 401);
  assert.ok(wrong.text.includes("not right"));
  const code = await totpCode(secret, Date.now());
  const right = await visitor.post("/login/factor", { code, next: "/runs" });
  assert.deepEqual([right.status, right.location], [303, "/runs"]);
  assert.ok(await isIn(visitor));
  assert.ok(!visitor.cookies.has("sluice_sign_in"));

  const again = await typePassword(server);
  const replayed = await again.post("/login/factor", { code });
  assert.equal(replayed.status, 401);
  assert.ok(replayed.text.includes("used already"));
  const [recovery = ""] = codes;
  assert.equal((await again.post("/login/factor", { code: recovery.toLowerCase() })).status, 303);
  assert.ok(await isIn(again));
  assert.ok((await again.get("/account/factors")).text.includes("9 of 10 are left"));

  // Five attempts, then the password again; parallel ones with a right code among them open one session.
  const guesser = await typePassword(server);
  for (let guess = 0; guess < 5; guess += 1) {
    assert.equal((await guesser.post("/login/factor", { code: `ZZZZ-ZZZZ-ZZZZ-ZZZ${guess}` })).status, 401);
  }
  assert.match((await guesser.post("/login/factor", { code: codes[1] ?? "" })).location ?? "", /over/);
  const racer = await typePassword(server);
  const cookie = racer.cookies.get("sluice_sign_in") ?? "";
  const raced = await Promise.all(
    codes.slice(1, 6).map(async (one) => {
      const visitor = new PageVisitor(server.url);
      visitor.cookies.set("sluice_sign_in", cookie);
      await visitor.post("/login/factor", { code: one });
      return visitor.cookies.has("sluice_session");
    }),
  );
  assert.equal(raced.filter(Boolean).length, 1);
});

Deno.test("another password ends what is half open, and a disabled user's goes nowhere", async () => {
  await using server = await PageServer.start(createFakeProject());
  await withMia(server);
  const { codes } = await addApp(await typePassword(server));
  const before = await typePassword(server);
  await new Promise((resolve) => setTimeout(resolve, 2));
  await server.people.passwords.set(
    "mia",
    { password: "another violet umbrella", must_change: false },
    "test",
  );
  assert.match((await before.post("/login/factor", { code: codes[0] ?? "" })).location ?? "", /over/);
  assert.ok(!await isIn(before));
  const visitor = new PageVisitor(server.url);
  await visitor.post("/login", { username: "mia", password: "another violet umbrella" });
  await server.people.users.change("mia", { disabled: true });
  assert.match((await visitor.get("/login/factor")).location ?? "", /over/);
  await visitor.post("/login/factor", { code: codes[1] ?? "" });
  assert.ok(!await isIn(visitor));
});

Deno.test("factors are changed by whoever has just shown who they are", async () => {
  await using server = await PageServer.start(createFakeProject());
  await withMia(server);
  const visitor = await typePassword(server);
  const { codes } = await addApp(visitor);
  // As if the session had begun a while ago.
  const client = createClient({ url: fileStoreUrl(server.storePath) });
  await client.execute("update sign_ins set created_at = created_at - 660000");
  client.close();
  for (
    const path of ["totp", "totp/confirm", "totp/remove", "recovery", "passkeys/options", "passkeys/x/remove"]
  ) {
    const { location, text } = await visitor.post(`/account/factors/${path}`, {
      code: "1",
      name: "x",
      answer: "{}",
    });
    assert.equal(location, "/account/prove", `${path}: ${text}`);
  }
  const prove = await visitor.get("/account/prove");
  assert.ok(prove.text.includes('autocomplete="current-password"'));
  assert.equal((await visitor.post("/account/prove", { password: "wrong" })).status, 401);
  assert.equal((await visitor.post("/account/prove", { code: "000000" })).status, 401);
  assert.equal((await visitor.post("/account/prove", { password: PASSWORD })).status, 303);
  assert.equal((await visitor.post("/account/factors/totp/remove")).location, "/account/factors");
  assert.equal((await typePassword(server)).cookies.has("sluice_session"), true, "no factor is left");
  const other = await typePassword(server);
  assert.equal((await other.post("/account/prove", { code: codes[2] ?? "" })).status, 401, "nor a code");
  // A token's session is not one's own means, and a service has no factors.
  const admin = new PageVisitor(server.url);
  await admin.post("/login", { token: server.tokens.admin });
  const refused = await admin.post("/account/factors/totp");
  assert.equal(refused.status, 409);
  assert.ok(refused.text.includes("A service has tokens alone"));
  // What a token is kept to is not the account.
  const { token } = await server.people.tokens.create(
    { name: "kept", user: "mia", scopes: { permissions: ["people:manage"] } },
    "test",
  );
  const kept = new PageVisitor(server.url);
  await kept.post("/login", { token });
  assert.ok(await isIn(kept));
  for (const path of ["/account", "/account/factors", "/account/prove"]) {
    assert.equal((await kept.get(path)).status, 403, path);
  }
  assert.equal((await kept.post("/account/prove", { password: PASSWORD })).status, 403);
});

Deno.test("who must have a factor gets one before anything else, and keeps one", async () => {
  await using server = await PageServer.start(createFakeProject(), () => {}, "admins");
  await withMia(server);
  await server.people.users.create(
    { name: "noa", role: "operator", password: PASSWORD, must_change: false },
    "test",
  );
  const noa = new PageVisitor(server.url);
  await noa.post("/login", { username: "noa", password: PASSWORD });
  assert.ok(await isIn(noa), "only admins must");

  const visitor = await typePassword(server);
  assert.ok(!await isIn(visitor));
  assert.ok((await visitor.get("/login/factor")).text.includes("A second factor is needed"));
  assert.match((await visitor.post("/login/factor", { code: "000000" })).location ?? "", /over/);
  const setUp = await visitor.post("/login/enrol/totp", { next: "/runs" });
  const secret = secretIn(setUp.text);
  assert.equal((await visitor.post("/login/enrol/totp/confirm", { code: "000000" })).status, 400);
  const other = await typePassword(server);
  const code = await totpCode(secret, Date.now());
  const done = await visitor.post("/login/enrol/totp/confirm", { code, next: "/runs" });
  assert.equal(codesIn(done.text).length, 10);
  assert.ok(done.text.includes('href="/runs"'));
  assert.ok(await isIn(visitor));
  // Whoever has the password alone is too late to enrol another.
  assert.match((await other.post("/login/enrol/totp")).location ?? "", /over/);
  const last = await visitor.post("/account/factors/totp/remove");
  assert.equal(last.status, 409);
  assert.ok(last.text.includes("add another one first"));
});

Deno.test("passkeys sign in alone and after a password, by the forms that the script fills in", async () => {
  await using server = await PageServer.start(createFakeProject());
  await withMia(server);
  const origin = `http://localhost:${new URL(server.url).port}`;
  const device = await SoftAuthenticator.create(origin);
  const visitor = await typePassword(server);
  const asked = await visitor.post("/account/factors/passkeys/options");
  const registration = JSON.stringify(await device.register(JSON.parse(asked.text)));
  const stranger = await typePassword(server);
  assert.equal(
    (await stranger.post("/account/factors/passkeys", { name: "x", answer: registration })).status,
    409,
  );
  const added = await visitor.post("/account/factors/passkeys", {
    name: "<b>Laptop</b>",
    answer: registration,
  });
  assert.equal(codesIn(added.text).length, 10, added.text);
  const list = await visitor.get("/account/factors");
  assert.ok(list.text.includes("&lt;b&gt;Laptop&lt;/b&gt;") && !list.text.includes("<b>Laptop"));

  const alone = new PageVisitor(server.url);
  const options = JSON.parse((await alone.post("/login/passkey/options")).text);
  assert.equal(options.userVerification, "required");
  const answer = JSON.stringify(await device.sign(options));
  const thief = new PageVisitor(server.url);
  assert.match(
    (await thief.post("/login/passkey", { answer })).location ?? "",
    /gone_challenge/,
    "no cookie",
  );
  assert.equal((await alone.post("/login/passkey", { answer, next: "/runs" })).location, "/runs");
  assert.ok(await isIn(alone));
  const sessions = await server.people.sessions.list("mia");
  assert.ok(sessions.some(({ method }) => method === "passkey"));
  for (const junk of ["", "{", "[]", '{"id":"x"}', JSON.stringify({ ...JSON.parse(answer), id: "../.." })]) {
    assert.equal((await alone.post("/login/passkey", { answer: junk })).status, 400, junk);
  }

  const second = await typePassword(server);
  const check = JSON.parse((await second.post("/login/factor/passkey/options")).text);
  assert.equal(check.allowCredentials.length, 1);
  const signed = await device.sign(check, { isUserVerified: false, userHandle: null });
  const entered = await second.post("/login/factor/passkey", {
    answer: JSON.stringify(signed),
    next: "/runs",
  });
  assert.equal(entered.location, "/runs");
  assert.ok(await isIn(second));
});

Deno.test("an admin takes away what somebody has lost, and ends what was signed in with it", async () => {
  await using server = await PageServer.start(createFakeProject());
  await withMia(server);
  const visitor = await typePassword(server);
  const { codes } = await addApp(visitor);
  const half = await typePassword(server);
  const admin = new PageVisitor(server.url);
  await admin.post("/login", { token: server.tokens.admin });
  const people = await admin.get("/people");
  const path = /\/people\/users\/[^/"]+\/factors/.exec(people.text)?.[0] ?? assert.fail(people.text);
  assert.ok(people.text.includes("authenticator app"));
  const engineer = new PageVisitor(server.url);
  await engineer.post("/login", { token: server.tokens.engineer });
  assert.equal((await engineer.post(path)).status, 403);
  assert.ok(await isIn(visitor));
  assert.equal((await admin.post(path)).status, 200);
  assert.ok(!await isIn(visitor));
  assert.match((await half.post("/login/factor", { code: codes[0] ?? "" })).location ?? "", /over/);
  assert.ok((await typePassword(server)).cookies.has("sluice_session"));
});

Deno.test("others' passwords and factors are changed by whoever has just shown who they are", async () => {
  await using server = await PageServer.start(createFakeProject());
  await withMia(server);
  const { id } = await server.people.users.create({ name: "ben", password: PASSWORD }, "test");
  await server.store.factors.putPendingTotp(id, "sealed", 1);
  await server.store.factors.activateTotp(id, 1, 1, 1);
  await server.people.tokens.create({ name: "laptop", user: "ben" }, "ben");
  const age = async () => {
    const client = createClient({ url: fileStoreUrl(server.storePath) });
    await client.execute("update sign_ins set created_at = created_at - 660000");
    await client.execute("delete from fresh_proofs");
    client.close();
  };
  const [mia, byToken] = [await typePassword(server), new PageVisitor(server.url)];
  await byToken.post("/login", { token: server.tokens.admin });
  // Whoever has just signed in, by whatever means, has shown it.
  assert.equal((await byToken.get(`/people/users/${id}/password`)).status, 200);
  await age();
  const typed = { password: "another violet umbrella", again: "another violet umbrella" };
  const path = `/people/users/${id}/password`;
  const asked = `/account/prove?${new URLSearchParams({ next: path })}`;
  for (const visitor of [mia, byToken]) {
    assert.equal((await visitor.get(path)).location, asked);
    assert.equal((await visitor.post(path, typed)).location, asked);
    assert.equal(
      (await visitor.post(`/people/users/${id}/factors`)).location,
      "/account/prove?next=%2Fpeople",
    );
  }
  const prove = (next: string) => mia.post("/account/prove", { password: PASSWORD, next });
  assert.ok((await byToken.get(asked)).text.includes("sign out and in again"));
  assert.ok((await mia.get(asked)).text.includes(`name="next" value="${path}"`));
  assert.equal((await mia.post("/account/prove", { password: "wrong", next: path })).status, 401);
  assert.ok(await server.store.passwords.get(id).then((kept) => kept?.hash.includes("violet") !== true));
  assert.equal((await prove("//evil.example")).location, "/");
  assert.equal((await prove(path)).location, path);
  const form = await mia.get(path);
  assert.match(form.text, /name="end_tokens" value="yes" checked/);
  const weak = await mia.post(path, { password: "password1234", again: "password1234" });
  assert.deepEqual([weak.status, (await server.people.tokens.list("ben")).length], [400, 1]);
  const set = await mia.post(path, { ...typed, end_tokens: "yes" });
  assert.ok(set.text.includes("The password of ben is set; its sessions and 1 token have ended"), set.text);
  assert.ok(set.text.includes("No mail was sent"));
  const gone = await mia.post(`/people/users/${id}/factors`);
  assert.ok(gone.text.includes("The authenticator app of ben is gone"), gone.text);
  assert.deepEqual((await server.people.users.get("ben")).factors, []);
});
