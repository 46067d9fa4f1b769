import assert from "node:assert/strict";
import { isIssuer, matchesSubject, patternFault } from "../../../../../contract/access/links.ts";
import { CERTIFICATE_ISSUER } from "../../../../../contract/access/links.ts";
import { ClientCertificates } from "../../../../../server/auth/client_certificates.ts";
import { createPeople } from "../../../../../engine/control/people/local_people.ts";
import { findWorkload } from "../../../../../engine/control/sso/find_workload.ts";
import { quickHasher } from "../../../../support/quick_hasher.ts";
import { StoreFixture } from "../../store/store_fixture.ts";

const GITHUB = "https://token.actions.githubusercontent.com";
const clock = { now: () => 1_000 };
const code = (expected: string) => (error: Error & { code?: string }) => error.code === expected;

Deno.test("a pattern of subjects stays within the parts of a subject, and begins with what its issuer gives to one", () => {
  const branches = "repo:acme/data:ref:refs/heads/*";
  assert.ok(matchesSubject(branches, "repo:acme/data:ref:refs/heads/main"));
  assert.ok(!matchesSubject(branches, "repo:acme/data:ref:refs/heads/feature/x"));
  assert.ok(!matchesSubject(branches, "repo:acme/data:ref:refs/heads/main:x"));
  assert.ok(matchesSubject("repo:acme/data:**", "repo:acme/data:environment:prod/eu"));
  assert.ok(!matchesSubject("repo:acme/*:environment:prod", "repo:acme/data:x/y:environment:prod"));
  assert.ok(!matchesSubject("repo:acme/data:*", "repo:acmeXdata:x"));
  assert.ok(!matchesSubject("repo:acme/data:**", `repo:acme/data:${"x".repeat(300)}`));
  for (const pattern of ["*", "**", "re*:x", "repo*:acme/x", "repo:acme/data", "a:b:***", "repo:a/*/*/*/*"]) {
    assert.notEqual(patternFault(pattern), undefined, pattern);
  }
  for (const pattern of [branches, "repo:acme/*:environment:prod", "system:serviceaccount:jobs:*"]) {
    assert.equal(patternFault(pattern), undefined, pattern);
  }
});

Deno.test("an issuer is reached over https, or over http on this machine", () => {
  for (const issuer of [GITHUB, "http://127.0.0.1:3000", "http://localhost:1/realms/x", "http://[::1]:1"]) {
    assert.ok(isIssuer(issuer), issuer);
  }
  for (
    const issuer of [
      "http://id.example.com",
      "ftp://x",
      "https://u:p@x.org",
      "https://x.org/?a",
      "",
      "http://127.evil.org",
    ]
  ) {
    assert.ok(!isIssuer(issuer), issuer);
  }
});

Deno.test("a workload is whom its issuer and subject are linked to, and nobody once that is removed or disabled", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  const { access, sso } = store;
  const people = createPeople({ ...store, hasher: quickHasher(), clock });
  await people.users.create({ name: "ci", kind: "service", role: "operator" }, "test");
  await people.users.create({ name: "mia" }, "test");
  const find = async (subject: string, issuer = GITHUB) =>
    (await findWorkload({ access, links: sso.links, clock }, issuer, subject))?.letIn.identity.user.name;
  const link = await people.links.add("ci", {
    issuer: GITHUB,
    subject: "repo:acme/data:ref:refs/heads/*",
    is_pattern: true,
  }, "test");
  assert.equal(await find("repo:acme/data:ref:refs/heads/main"), "ci");
  assert.equal(await find("repo:acme/data:ref:refs/heads/main", "https://evil.example.com"), undefined);
  assert.equal(await find("repo:acme/data:pull_request"), undefined);
  assert.equal(await find("repo:acme/data:ref:refs/heads/*"), "ci");

  const own = { issuer: GITHUB, subject: "repo:acme/data:ref:refs/heads/mia" };
  await people.links.add("mia", own, "test");
  assert.equal(await find(own.subject), "mia");
  await assert.rejects(people.links.add("ci", own, "test"), code("conflict"));
  await assert.rejects(
    people.links.add("mia", { ...own, subject: "a:bc:*", is_pattern: true }, "test"),
    code("invalid"),
  );
  await assert.rejects(
    people.links.add("ci", { ...own, subject: "*", is_pattern: true }, "test"),
    code("invalid"),
  );
  await assert.rejects(people.links.remove("mia", link.id), code("not_found"));

  await people.users.change("ci", { disabled: true });
  assert.equal(await find("repo:acme/data:ref:refs/heads/main"), undefined);
  await people.users.change("ci", { disabled: false });
  await people.links.remove("ci", link.id);
  assert.equal(await find("repo:acme/data:ref:refs/heads/main"), undefined);
});

Deno.test("a client's certificate is a service's, by its SHA-256 as openssl or a browser writes it", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  const people = createPeople({ ...store, hasher: quickHasher(), clock });
  await people.users.create({ name: "robot", kind: "service" }, "test");
  await people.users.create({ name: "mia" }, "test");
  const hex = "0123456789abcdef".repeat(4);
  const colons = hex.toUpperCase().replaceAll(/(..)(?=.)/g, "$1:");
  const add = (user: string, subject: string, more = {}) =>
    people.links.add(user, { issuer: CERTIFICATE_ISSUER, subject, ...more }, "test");
  const { subject } = await add("robot", `sha256 Fingerprint=${colons}`);
  assert.equal(subject, hex);
  const certificates = new ClientCertificates({
    workloads: { access: store.access, links: store.sso.links, clock },
    clock,
    log: () => {},
  });
  assert.equal((await certificates.find(hex))?.identity.user.name, "robot");
  assert.equal(await certificates.find("f".repeat(64)), undefined);
  await assert.rejects(add("robot", hex), code("conflict"));
  await assert.rejects(add("mia", "f".repeat(64)), code("invalid"));
  for (const text of ["", "f".repeat(63), `${hex}0`, "g".repeat(64), "*"]) {
    await assert.rejects(add("robot", text), code("invalid"), text);
  }
  await assert.rejects(add("robot", hex, { is_pattern: true }), code("invalid"));
  await people.users.change("robot", { disabled: true });
  assert.equal(await certificates.find(hex), undefined);
});

Deno.test("removing a link ends the sessions and the tokens that it gave, and removing a token those issued for it", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  const { access, retention, sso } = store;
  const people = createPeople({ ...store, hasher: quickHasher(), clock });
  const { id: user } = await people.users.create({ name: "mia", role: "viewer" }, "test");
  const { id: link } = await people.links.add("mia", { issuer: GITHUB, subject: "s" }, "test");
  const session = {
    user,
    token: null,
    method: "sso",
    createdAtMs: 0,
    lastSeenAtMs: 0,
    expiresAtMs: 9_000,
    address: null,
    agent: null,
  } as const;
  await access.createSession({ ...session, id: "a", hash: "session a" });
  await access.createSession({ ...session, id: "b", hash: "session b" });
  await sso.sessions.add({ session: "a", issuer: GITHUB, subject: "s", sid: "1", idToken: null });
  assert.deepEqual(await sso.sessions.list({ issuer: GITHUB, sid: "1" }), ["a"]);
  assert.deepEqual(await sso.sessions.list({ issuer: GITHUB, subject: "s", sid: "2" }), []);
  const issued = {
    user,
    scopes: { permissions: ["pipeline:view"] },
    createdAtMs: 1_000,
    expiresAtMs: 5_000,
  } as const;
  await access.issueToken({ ...issued, id: "i", hash: "by link", for: { link } });
  const found = await access.findToken("by link", 4_999);
  assert.deepEqual([found?.identity.user.name, found?.isIssued, found?.token?.scopes], [
    "mia",
    true,
    { permissions: ["pipeline:view"] },
  ]);
  assert.equal(await access.findToken("by link", 5_000), undefined);
  await people.links.remove("mia", link);
  assert.equal(await access.findToken("by link", 2_000), undefined);
  assert.equal(await access.findSession("session a", 2_000), undefined);
  assert.ok(await access.findSession("session b", 2_000));

  const { id: token } = await people.tokens.create({ name: "t", user: "mia" }, "test");
  await access.issueToken({ ...issued, id: "j", hash: "by token", for: { token } });
  assert.equal((await access.findToken("by token", 2_000))?.token?.id, token);
  assert.equal((await people.tokens.list("mia")).length, 1);
  await access.issueToken({ ...issued, id: "l", hash: "ends sooner", for: { token }, expiresAtMs: 1_500 });
  assert.deepEqual([await retention.forgetIssuedTokens(1_499), await retention.forgetIssuedTokens(1_500)], [
    0,
    1,
  ]);
  await people.tokens.revoke(token);
  assert.equal(await access.findToken("by token", 2_000), undefined);
  await assert.rejects(
    access.issueToken({ ...issued, id: "k", hash: "none", for: { token } }),
    code("conflict"),
  );
});
