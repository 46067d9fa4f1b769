import assert from "node:assert/strict";
import { AppError } from "../../../../contract/errors.ts";
import type { BuiltInRole } from "../../../../contract/access/permissions.ts";
import type { LetIn, SessionRecord } from "../../../../engine/store/ports/access.ts";
import { StoreFixture } from "./store_fixture.ts";

const service = (id: string, role: BuiltInRole = "viewer") => (
  {
    id,
    name: `name of ${id}`,
    role,
    hash: `hash of ${id}`,
    scopes: {},
    createdAtMs: 1_000,
    createdBy: null,
    expiresAtMs: null,
  }
);
const session = (hash: string, change: Partial<SessionRecord> = {}) => ({
  hash,
  id: `id of ${hash}`,
  user: "t1",
  token: "t1",
  method: "token" as const,
  createdAtMs: 1_000,
  lastSeenAtMs: 1_000,
  expiresAtMs: 9_000,
  address: "192.0.2.1",
  agent: null,
  ...change,
});
/** Who was let in, and as what over all. */
const facts = (letIn: LetIn | undefined) =>
  letIn &&
  [letIn.identity.user.name, ...letIn.identity.roles.map(({ role, scope }) => `${role} ${scope.kind}`)];

Deno.test("findToken() finds by hash alone", async () => {
  await using fixture = new StoreFixture();
  const { access } = await fixture.open();
  await access.createService(service("t1", "operator"));
  const found = await access.findToken("hash of t1", 1_000);
  assert.deepEqual(facts(found), ["name of t1", "operator all"]);
  assert.deepEqual(found?.token, {
    id: "t1",
    name: "name of t1",
    user: "t1",
    userName: "name of t1",
    userKind: "service",
    scopes: {},
    createdAtMs: 1_000,
    createdBy: null,
    expiresAtMs: null,
    lastUsedAtMs: null,
    rotatedAtMs: null,
  });
  assert.equal(await access.findToken("name of t1", 1_000), undefined);
  assert.equal(await access.findToken("", 1_000), undefined);
});

Deno.test("createService() refuses a name in use", async () => {
  await using fixture = new StoreFixture();
  const { access } = await fixture.open();
  await access.createService(service("t1"));
  await assert.rejects(
    access.createService({ ...service("t2"), name: "NAME of t1" }),
    (error) => error instanceof AppError && error.code === "conflict" && error.message.includes("NAME of t1"),
  );
  assert.equal(await access.findToken("hash of t2", 1_000), undefined);
});

Deno.test("listTokens() goes by name", async () => {
  await using fixture = new StoreFixture();
  const { access } = await fixture.open();
  assert.deepEqual(await access.listTokens(), []);
  for (const id of ["t2", "t1"]) await access.createService(service(id));
  assert.deepEqual((await access.listTokens()).map(({ id }) => id), ["t1", "t2"]);
  assert.deepEqual((await access.listTokens("t2")).map(({ id }) => id), ["t2"]);
});

Deno.test("putToken() creates a token, then gives it another hash and role", async () => {
  await using fixture = new StoreFixture();
  const { access } = await fixture.open();
  const first = { ...service("t1", "viewer"), name: "SLUICE_TOKEN" };
  await access.putToken(first);
  await access.createSession(session("s"));
  await access.putToken({ ...first, id: "t2" });
  assert.equal((await access.findSession("s", 1_000))?.token?.id, "t1", "the same secret keeps its sessions");
  await access.putToken({ ...first, id: "t3", hash: "new", role: "admin" });
  assert.equal(await access.findToken("hash of t1", 1_000), undefined);
  assert.equal(await access.findSession("s", 1_000), undefined);
  const found = await access.findToken("new", 1_000);
  assert.deepEqual([found?.token?.id, facts(found)], ["t3", ["SLUICE_TOKEN", "admin all"]]);
  assert.equal((await access.listTokens()).length, 1);
});

Deno.test("putToken() takes over a secret that another token has", async () => {
  await using fixture = new StoreFixture();
  const { access } = await fixture.open();
  await access.createService(service("t1", "viewer"));
  await access.putToken({ ...service("t2", "admin"), hash: "hash of t1" });
  const found = await access.findToken("hash of t1", 1_000);
  assert.deepEqual(facts(found), ["name of t2", "admin all"]);
});

Deno.test("revokeToken() ends the token and its sessions, and frees its name", async () => {
  await using fixture = new StoreFixture();
  const { access } = await fixture.open();
  for (const id of ["t1", "t2"]) {
    await access.createService(service(id));
    await access.createSession(session(`session of ${id}`, { user: id, token: id }));
  }
  assert.equal(await access.revokeToken("t1"), true);
  assert.equal(await access.revokeToken("t1"), false);
  assert.equal(await access.findToken("hash of t1", 1_000), undefined);
  assert.equal(await access.findSession("session of t1", 1_000), undefined);
  assert.equal((await access.findSession("session of t2", 1_000))?.token?.id, "t2");
  await access.createService(service("t1"));
});

Deno.test("touchToken() notes the last use", async () => {
  await using fixture = new StoreFixture();
  const { access } = await fixture.open();
  await access.createService(service("t1"));
  await access.touchToken("t1", 5_000);
  await access.touchToken("none", 5_000);
  assert.equal((await access.findToken("hash of t1", 1_000))?.token?.lastUsedAtMs, 5_000);
});

Deno.test("findSession() finds a session until it expires or is ended", async () => {
  await using fixture = new StoreFixture();
  const { access } = await fixture.open();
  await access.createService(service("t1", "operator"));
  await access.createSession(session("s"));
  const found = await access.findSession("s", 8_999);
  assert.deepEqual(facts(found), ["name of t1", "operator all"]);
  const { hash: _hash, ...kept } = session("s");
  assert.deepEqual(found?.session, kept);
  assert.equal(await access.findSession("s", 9_000), undefined);
  assert.equal(await access.findSession("other", 1_000), undefined);
  await access.endSession("s");
  await access.endSession("none");
  assert.equal(await access.findSession("s", 1_000), undefined);
});

Deno.test("createSession() refuses a token that is not there", async () => {
  await using fixture = new StoreFixture();
  const { access } = await fixture.open();
  await assert.rejects(
    access.createSession(session("s", { token: "none" })),
    (error) => error instanceof AppError && error.code === "conflict",
  );
});

Deno.test("createSession() keeps the 50 sessions of a user that last longest", async () => {
  await using fixture = new StoreFixture();
  const { access } = await fixture.open();
  await access.createService(service("t1"));
  for (let n = 1; n <= 55; n++) {
    await access.createSession(session(`s${n}`, { expiresAtMs: 9_000 + n }));
  }
  assert.equal(await access.findSession("s5", 1_000), undefined);
  assert.equal((await access.findSession("s6", 1_000))?.token?.id, "t1");
});

Deno.test("a token of a user's is good until it expires, and only while the user is active", async () => {
  await using fixture = new StoreFixture();
  const { access, people } = await fixture.open();
  await access.createService(service("t1", "operator"));
  const token = {
    id: "t2",
    name: "ci",
    user: "t1",
    scopes: { pipelines: ["a"] },
    hash: "h",
    createdAtMs: 1_000,
  };
  await access.createToken({ ...token, createdBy: "mia", expiresAtMs: 5_000 });
  await assert.rejects(
    access.createToken({ ...token, id: "t3", hash: "i", createdBy: null, expiresAtMs: null }),
  );
  assert.deepEqual((await access.findToken("h", 4_999))?.token?.scopes, { pipelines: ["a"] });
  assert.equal(await access.findToken("h", 5_000), undefined);
  await access.createSession(session("s", { token: "t2" }));
  assert.equal((await access.findSession("s", 4_999))?.token?.id, "t2");
  assert.equal(await access.findSession("s", 5_000), undefined, "a session ends with its token");
  await people.users.change("t1", { state: "disabled" });
  assert.equal(await access.findToken("hash of t1", 1_000), undefined);
  assert.equal(await access.findSession("s", 1_000), undefined);
  assert.equal(await access.findUser("t1", null, 1_000), undefined);
});

Deno.test("revokeToken() leaves a service that has another token, and a person without one", async () => {
  await using fixture = new StoreFixture();
  const { access, people } = await fixture.open();
  await access.createService(service("t1"));
  const token = { scopes: {}, createdAtMs: 1_000, createdBy: null, expiresAtMs: null };
  await access.createToken({ ...token, id: "t2", name: "second", user: "t1", hash: "h2" });
  await people.users.create({ ...PERSON, id: "u1", name: "mia" });
  await access.createToken({ ...token, id: "t3", name: "mine", user: "u1", hash: "h3" });
  for (const id of ["t1", "t3"]) assert.equal(await access.revokeToken(id), true);
  assert.notEqual(await people.users.find("t1"), undefined);
  assert.notEqual(await people.users.find("mia"), undefined);
  assert.equal(await access.revokeToken("t2"), true);
  assert.equal(await people.users.find("t1"), undefined);
});

Deno.test("sessions are listed, touched and ended, one by its id or all of a user", async () => {
  await using fixture = new StoreFixture();
  const { access } = await fixture.open();
  await access.createService(service("t1"));
  for (const hash of ["a", "b", "c"]) await access.createSession(session(hash, { token: null }));
  await access.createSession(session("over", { expiresAtMs: 1_500 }));
  await access.touchSession("id of b", 3_000);
  assert.deepEqual((await access.listSessions(2_000, "t1")).map(({ id }) => id)[0], "id of b");
  assert.equal((await access.listSessions(2_000)).length, 3);
  assert.deepEqual(await access.listSessions(2_000, "other"), []);
  assert.equal(await access.endSessionById("id of a"), true);
  assert.equal(await access.endSessionById("id of a"), false);
  assert.equal(await access.endSessionsOf("t1"), 3);
  assert.deepEqual(await access.listSessions(1_000), []);
});

const PERSON = {
  kind: "person",
  state: "active",
  email: null,
  displayName: null,
  createdAtMs: 1_000,
  createdBy: null,
  lastSeenAtMs: null,
} as const;
