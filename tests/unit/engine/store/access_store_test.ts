import assert from "node:assert/strict";
import { AppError } from "../../../../contract/errors.ts";
import type { Role } from "../../../../engine/store/ports/access.ts";
import { StoreFixture } from "./store_fixture.ts";

const token = (id: string, role: Role = "viewer") => (
  { id, name: `name of ${id}`, role, hash: `hash of ${id}`, createdAtMs: 1_000 }
);
const record = (id: string, role: Role = "viewer") => (
  { id, name: `name of ${id}`, role, createdAtMs: 1_000, lastUsedAtMs: null }
);

Deno.test("findToken() finds by hash alone", async () => {
  await using fixture = new StoreFixture();
  const { access } = await fixture.open();
  await access.createToken(token("t1", "operator"));
  assert.deepEqual(await access.findToken("hash of t1"), record("t1", "operator"));
  assert.equal(await access.findToken("name of t1"), undefined);
  assert.equal(await access.findToken(""), undefined);
});

Deno.test("createToken() refuses a name in use", async () => {
  await using fixture = new StoreFixture();
  const { access } = await fixture.open();
  await access.createToken(token("t1"));
  await assert.rejects(
    access.createToken({ ...token("t2"), name: "name of t1" }),
    (error) => error instanceof AppError && error.code === "conflict" && error.message.includes("name of t1"),
  );
  assert.equal(await access.findToken("hash of t2"), undefined);
});

Deno.test("listTokens() goes by name", async () => {
  await using fixture = new StoreFixture();
  const { access } = await fixture.open();
  assert.deepEqual(await access.listTokens(), []);
  for (const id of ["t2", "t1"]) await access.createToken(token(id));
  assert.deepEqual(await access.listTokens(), [record("t1"), record("t2")]);
});

Deno.test("putToken() creates a token, then gives it another hash and role", async () => {
  await using fixture = new StoreFixture();
  const { access } = await fixture.open();
  const first = { ...token("t1", "viewer"), name: "SLUICE_TOKEN" };
  await access.putToken(first);
  await access.createSession({ hash: "s", tokenId: "t1", expiresAtMs: 9_000 });
  await access.putToken({ ...first, id: "t2" });
  assert.equal((await access.findSession("s", 1_000))?.id, "t1", "the same secret keeps its sessions");
  await access.putToken({ ...first, id: "t3", hash: "new", role: "admin" });
  assert.equal(await access.findToken("hash of t1"), undefined);
  assert.equal(await access.findSession("s", 1_000), undefined);
  const found = await access.findToken("new");
  assert.deepEqual([found?.id, found?.name, found?.role], ["t3", "SLUICE_TOKEN", "admin"]);
  assert.equal((await access.listTokens()).length, 1);
});

Deno.test("putToken() takes over a secret that another token has", async () => {
  await using fixture = new StoreFixture();
  const { access } = await fixture.open();
  await access.createToken(token("t1", "viewer"));
  await access.putToken({ ...token("t2", "admin"), hash: "hash of t1" });
  const found = await access.findToken("hash of t1");
  assert.deepEqual([found?.name, found?.role], ["name of t2", "admin"]);
});

Deno.test("revokeToken() ends the token and its sessions, and frees its name", async () => {
  await using fixture = new StoreFixture();
  const { access } = await fixture.open();
  for (const id of ["t1", "t2"]) {
    await access.createToken(token(id));
    await access.createSession({ hash: `session of ${id}`, tokenId: id, expiresAtMs: 9_000 });
  }
  assert.equal(await access.revokeToken("t1"), true);
  assert.equal(await access.revokeToken("t1"), false);
  assert.equal(await access.findToken("hash of t1"), undefined);
  assert.equal(await access.findSession("session of t1", 1_000), undefined);
  assert.equal((await access.findSession("session of t2", 1_000))?.id, "t2");
  await access.createToken(token("t1"));
});

Deno.test("touchToken() notes the last use", async () => {
  await using fixture = new StoreFixture();
  const { access } = await fixture.open();
  await access.createToken(token("t1"));
  await access.touchToken("t1", 5_000);
  await access.touchToken("none", 5_000);
  assert.equal((await access.findToken("hash of t1"))?.lastUsedAtMs, 5_000);
});

Deno.test("findSession() finds a session until it expires or is ended", async () => {
  await using fixture = new StoreFixture();
  const { access } = await fixture.open();
  await access.createToken(token("t1", "operator"));
  await access.createSession({ hash: "s", tokenId: "t1", expiresAtMs: 9_000 });
  assert.deepEqual(await access.findSession("s", 8_999), record("t1", "operator"));
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
    access.createSession({ hash: "s", tokenId: "none", expiresAtMs: 9_000 }),
    (error) => error instanceof AppError && error.code === "conflict",
  );
});

Deno.test("createSession() keeps the 50 sessions of a token that last longest", async () => {
  await using fixture = new StoreFixture();
  const { access } = await fixture.open();
  await access.createToken(token("t1"));
  for (let n = 1; n <= 55; n++) {
    await access.createSession({ hash: `s${n}`, tokenId: "t1", expiresAtMs: 9_000 + n });
  }
  assert.equal(await access.findSession("s5", 1_000), undefined);
  assert.equal((await access.findSession("s6", 1_000))?.id, "t1");
});
