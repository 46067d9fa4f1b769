import assert from "node:assert/strict";
import { type Access, createAccess, type TokenScopes } from "../../../../../contract/access/access.ts";
import { guardedPeople } from "../../../../../engine/control/access/guarded_people.ts";
import { createPeople } from "../../../../../engine/control/people/local_people.ts";
import type { People } from "../../../../../engine/control/people/port.ts";
import type { Store } from "../../../../../engine/store/store.ts";
import { quickHasher } from "../../../../support/quick_hasher.ts";
import { StoreFixture } from "../../store/store_fixture.ts";

const clock = { now: () => 1_000 };
const OWNED = [{ name: "orders", tags: [], owner: "@finance" }, { name: "flights", tags: [], owner: "leo" }];
const PASSWORD = "correct horse battery staple";

interface Office {
  /** Unguarded. */
  readonly people: People;
  readonly store: Store;
  as(name: string, scopes?: TokenScopes): Promise<People>;
}

/** ada is admin; the clerk has a role of the operator's own, which may manage people and look at pipelines. */
async function withOffice(work: (office: Office) => Promise<void>): Promise<void> {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  const people = createPeople({ ...store, hasher: quickHasher(), clock });
  const { users, roles, groups, grants } = people;
  await roles.put("clerk", { permissions: ["people:manage", "pipeline:view"] }, "test");
  await users.create({ name: "ada", role: "admin" }, "test");
  await users.create({ name: "clara", role: "clerk" }, "test");
  await users.create({ name: "mia" }, "test");
  for (const name of ["finance", "bosses", "lookers"]) await groups.create({ name }, "test");
  await grants.add({ holder: "@bosses", role: "admin" }, "test");
  const accessOf = async (name: string, scopes?: TokenScopes): Promise<Access> => {
    const { id, kind } = await users.get(name);
    const identity = await store.people.users.identity(id);
    assert.ok(identity !== undefined);
    const principal = { id, name, kind, via: "token", address: "127.0.0.1" } as const;
    return createAccess({ principal, ...identity, ...(scopes === undefined ? {} : { scopes }) });
  };
  await work({
    people,
    store,
    as: async (name, scopes) =>
      guardedPeople(people, await accessOf(name, scopes), { subjects: () => Promise.resolve(OWNED) }),
  });
}

const refused = (error: Error & { code?: string; reason?: string }) => {
  assert.equal(error.code, "forbidden", error.message);
  assert.equal(error.reason, "permission_missing");
  assert.match(error.message, /nobody gives, or manages, more than they may themselves/);
  return true;
};

Deno.test("whoever may manage people alone gives nobody more than they may, by whichever way", () =>
  withOffice(async ({ people, as }) => {
    const clerk = await as("clara");
    const adas = await people.tokens.create({ name: "laptop", user: "ada" }, "test");
    const refusals: readonly (() => Promise<unknown>)[] = [
      () => clerk.grants.add({ holder: "clara", role: "admin" }, "clara"),
      () => clerk.grants.add({ holder: "mia", role: "operator", scope: { kind: "tag", name: "x" } }, "clara"),
      () => clerk.grants.add({ holder: "@lookers", role: "Engineer" }, "clara"),
      () => clerk.grants.remove("ada", {}),
      () => clerk.grants.remove("@bosses", {}),
      () => clerk.roles.put("clerk", { permissions: ["people:manage", "audit:read"] }, "clara"),
      () => clerk.roles.put("mine", { permissions: ["secrets:manage"] }, "clara"),
      () => clerk.groups.addMember("bosses", "clara"),
      () => clerk.groups.removeMember("bosses", "ada"),
      () => clerk.groups.remove("@BOSSES"),
      // Its owner's role over the pipeline comes with the name.
      () => clerk.groups.addMember("finance", "clara"),
      () => clerk.users.create({ name: "leo" }, "clara"),
      () => clerk.users.create({ name: "eve", role: "admin" }, "clara"),
      () => clerk.users.change("mia", { name: "Leo" }),
      () => clerk.users.change("ada", { email: "clara@example.com" }),
      () => clerk.users.change("ada", { disabled: true }),
      () => clerk.users.remove("ada"),
      () => clerk.passwords.set("ada", { password: PASSWORD }, "test"),
      () => clerk.factors.reset("ada", "test"),
      // The link in the answer is the account.
      () => clerk.invitations.invite({ name: "ada" }, "clara"),
      () => clerk.invitations.invite({ name: "eve", role: "admin" }, "clara"),
      () => clerk.invitations.invite({ name: "leo" }, "clara"),
      () => clerk.links.add("ada", { issuer: "https://id.example.com", subject: "clara" }, "clara"),
      () => clerk.links.remove("ada", "any"),
      () => clerk.tokens.create({ name: "mine", user: "ada" }, "clara"),
      () => clerk.tokens.create({ name: "bot", role: "admin" }, "clara"),
      () => clerk.tokens.create({ name: "leo", role: "viewer" }, "clara"),
      () => clerk.tokens.rotate(adas.id, {}),
      () => clerk.tokens.revoke(adas.id),
    ];
    for (const refusal of refusals) await assert.rejects(refusal(), refused, String(refusal));
    const { grants, email, state } = await people.users.get("ada");
    assert.deepEqual({ grants, email, state }, {
      grants: [{ role: "admin", scope: { kind: "all" } }],
      email: null,
      state: "active",
    });
  }));

Deno.test("what whoever manages people has themselves they give and take", () =>
  withOffice(async ({ people, as }) => {
    const clerk = await as("clara");
    await clerk.users.create({ name: "eve", role: "clerk" }, "clara");
    await clerk.users.change("eve", { email: "eve@example.com" });
    await clerk.invitations.invite({ name: "ivy", role: "clerk" }, "clara");
    await clerk.passwords.set("eve", { password: PASSWORD }, "test");
    await clerk.roles.put("looker", { permissions: ["pipeline:view"] }, "clara");
    await clerk.grants.add({ holder: "@lookers", role: "looker" }, "clara");
    await clerk.groups.addMember("lookers", "ada");
    const token = await clerk.tokens.create({ name: "laptop", user: "eve" }, "clara");
    await clerk.tokens.rotate(token.id, {});
    await clerk.users.change("clara", { display_name: "Clara" });
    await clerk.grants.remove("eve", {});
    await clerk.users.remove("eve");
    await assert.rejects(clerk.users.remove("nobody"), /There is no user "nobody"/);
    assert.deepEqual((await people.users.list({})).map(({ name }) => name).includes("eve"), false);
  }));

Deno.test("a token that is kept to managing people is no way to the rest of what its user may", () =>
  withOffice(async ({ as }) => {
    const kept = await as("ada", { permissions: ["people:manage"] });
    await assert.rejects(kept.tokens.create({ name: "more", user: "ada" }, "ada"), refused);
    await assert.rejects(kept.passwords.set("ada", { password: PASSWORD }, "test"), refused);
    await assert.rejects(kept.tokens.create({ name: "bot" }, "ada"), refused);
    await kept.users.create({ name: "eve" }, "ada");
    const whole = await as("ada");
    await whole.grants.add({ holder: "eve", role: "admin" }, "ada");
    await whole.users.create({ name: "leo" }, "ada");
  }));

Deno.test("no service is called as a group is named in grants and by owners", () =>
  withOffice(async ({ people }) => {
    const named = people.tokens.create({ name: "@finance" }, "ada");
    await assert.rejects(named, /"@finance" cannot be the name of a service/);
  }));
