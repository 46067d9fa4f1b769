import assert from "node:assert/strict";
import type { AuditEntry } from "../../../../../contract/audit/entry.ts";
import type {
  AdmissionContext,
  AdmissionRules,
  ProvidedPerson,
} from "../../../../../engine/control/sso/admission.ts";
import { admitPerson } from "../../../../../engine/control/sso/admit_person.ts";
import { createPeople } from "../../../../../engine/control/people/local_people.ts";
import type { People } from "../../../../../engine/control/people/port.ts";
import type { Store } from "../../../../../engine/store/store.ts";
import { quickHasher } from "../../../../support/quick_hasher.ts";
import { recordedAudit } from "../../../../support/recorded_audit.ts";
import { StoreFixture } from "../../store/store_fixture.ts";

const ISSUER = "https://id.example.com";
const RULES: AdmissionRules = {
  createUsers: true,
  linkByEmail: false,
  defaultRole: undefined,
  allowedDomains: [],
  groups: undefined,
};
const MIA: ProvidedPerson = {
  issuer: ISSUER,
  subject: "sub-mia",
  name: "mia",
  displayName: "Mia Moss",
  verifiedEmail: "mia@example.com",
  groups: [],
  address: "10.0.0.1",
};

interface Given {
  readonly store: Store;
  readonly people: People;
  readonly recorded: AuditEntry[];
  admit(person: Partial<ProvidedPerson>, rules?: Partial<AdmissionRules>): ReturnType<typeof admitPerson>;
}

async function withStore(
  work: (given: Given) => Promise<void>,
  owners: readonly string[] = [],
): Promise<void> {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  const clock = { now: () => 1_000 };
  const recorded: AuditEntry[] = [];
  const context: AdmissionContext = {
    people: store.people,
    access: store.access,
    sso: store.sso,
    clock,
    audit: recordedAudit(recorded),
    owners: () => Promise.resolve(new Set(owners)),
  };
  await work({
    store,
    recorded,
    people: createPeople({ ...store, hasher: quickHasher(), clock }),
    admit: (person, rules = {}) => admitPerson(context, { ...RULES, ...rules }, { ...MIA, ...person }),
  });
}

const refusal = (reason: string) => (error: Error & { code?: string; reason?: string }) => {
  assert.deepEqual([error.code, error.reason], ["forbidden", reason], error.message);
  return true;
};

Deno.test("a first sign-in makes a user without a role, and the next finds it by issuer and subject", () =>
  withStore(async ({ admit, people, recorded }) => {
    const { identity: { user, roles } } = await admit({});
    assert.deepEqual([user.name, user.email, user.displayName, user.kind], [
      "mia",
      "mia@example.com",
      "Mia Moss",
      "person",
    ]);
    assert.deepEqual(roles, []);
    assert.deepEqual(recorded.map(({ action }) => action), ["user.create"]);
    const again = await admit({ name: "other", verifiedEmail: "else@example.com" });
    assert.equal(again.identity.user.id, user.id);
    assert.equal((await people.users.list({})).length, 1);
    const [link] = await people.links.list("mia");
    assert.deepEqual([link?.subject, link?.last_used_at], ["sub-mia", "1970-01-01T00:00:01.000Z"]);
    const [listed] = await people.users.list({});
    assert.deepEqual(listed?.identities, [{ issuer: ISSUER, subject: "sub-mia" }]);
    const stranger = await admit({ issuer: "https://other.example.com", verifiedEmail: undefined });
    assert.equal(stranger.identity.user.name, "mia-2");
  }));

Deno.test("two first sign-ins at once make one user", () =>
  withStore(async ({ admit, people }) => {
    const found = await Promise.all(Array.from({ length: 5 }, () => admit({})));
    assert.equal(new Set(found.map(({ identity }) => identity.user.id)).size, 1);
    assert.equal((await people.users.list({})).length, 1);
  }));

Deno.test("a new user is called neither as another is, nor as a pipeline's owner, nor as the server's own", () =>
  withStore(async ({ admit, people }) => {
    await people.users.create({ name: "Ada", email: "boss@example.com" }, "test");
    const nameOf = async (subject: string, name: string) =>
      (await admit({ subject, name, verifiedEmail: undefined })).identity.user.name;
    assert.equal(await nameOf("1", "ada"), "ada-2");
    assert.equal(await nameOf("2", "Finance_Lead"), "Finance_Lead-2");
    assert.equal(await nameOf("3", "SLUICE_TOKEN"), "SLUICE_TOKEN-2");
    assert.equal(await nameOf("4", "@admins"), "admins");
    assert.equal(await nameOf("5", "Zoë\u0000<b>"), "Zoe-b");
    assert.equal(await nameOf("6", "日本"), "6");
    // Whoever types that address means its owner.
    assert.equal(await nameOf("7", "Boss@example.com"), "Boss@example.com-2");
    assert.equal(await nameOf("__proto__", "__proto__"), "__proto__-2");
  }, ["finance_lead"]));

Deno.test("an address of mail links nobody unless the operator allows it", () =>
  withStore(async ({ admit, people, recorded }) => {
    const { id } = await people.users.create(
      { name: "boss", email: "MIA@example.com", role: "admin" },
      "test",
    );
    await assert.rejects(admit({}), refusal("email_in_use"));
    // What the provider has not verified is nothing: somebody else is made, without the address.
    assert.equal((await admit({ verifiedEmail: undefined })).identity.user.email, null);
    const linked = await admit({ subject: "second" }, { linkByEmail: true });
    assert.equal(linked.identity.user.id, id);
    assert.ok(recorded.some(({ action }) => action === "user.link"));
    await people.users.create({ name: "robot", kind: "service", email: "robot@example.com" }, "test");
    await assert.rejects(
      admit({ subject: "third", verifiedEmail: "robot@example.com" }, { linkByEmail: true }),
      refusal("not_a_person"),
    );
    assert.deepEqual(await people.links.list("robot"), []);
  }));

Deno.test("whoever is not known, of another domain or disabled is refused", () =>
  withStore(async ({ admit, people }) => {
    await assert.rejects(admit({}, { createUsers: false }), refusal("not_linked"));
    const rules = { allowedDomains: ["example.com"] };
    await assert.rejects(admit({ verifiedEmail: undefined }, rules), refusal("domain_not_allowed"));
    await assert.rejects(
      admit({ verifiedEmail: "mia@evil-example.com" }, rules),
      refusal("domain_not_allowed"),
    );
    await assert.rejects(
      admit({ verifiedEmail: "x@example.com@evil.org" }, rules),
      refusal("domain_not_allowed"),
    );
    assert.equal((await people.users.list({})).length, 0);
    await admit({ verifiedEmail: "mia@EXAMPLE.com" }, { ...rules, defaultRole: "viewer" });
    assert.equal((await people.users.get("mia")).grants[0]?.role, "viewer");
    await people.users.change("mia", { disabled: true });
    await assert.rejects(admit({}, rules), refusal("user_disabled"));
  }));

Deno.test("groups of the provider are replaced at each sign-in, and those put in by hand stay", () =>
  withStore(async ({ admit, people, recorded }) => {
    for (const name of ["finance", "ops", "admins"]) await people.groups.create({ name }, "test");
    await people.grants.add({ holder: "@admins", role: "admin" }, "test");
    const groups = async (names: readonly string[], rules: Partial<AdmissionRules> = {}) =>
      (await admit({ groups: names }, rules)).identity.groups;
    assert.deepEqual(await groups(["/Finance", "admins", "unknown", "/a/ops"]), ["admins", "finance"]);
    await people.groups.addMember("ops", "mia");
    await people.groups.addMember("finance", "mia");
    assert.deepEqual(await groups([]), ["finance", "ops"]);
    assert.deepEqual((await people.groups.list()).find(({ name }) => name === "finance")?.members, [
      { user: "mia", source: "local" },
    ]);
    assert.deepEqual(
      recorded.filter(({ action }) => action.startsWith("group.")).map(({ action, target }) => [
        action,
        target?.name,
      ]),
      [["group.add", "admins"], ["group.add", "finance"], ["group.drop", "admins"]],
    );
    const mapping = { groups: new Map([["idp-ops", ["ops", "admins"]]]) };
    // With a mapping a name alone says nothing.
    assert.deepEqual(await groups(["admins"], mapping), ["finance", "ops"]);
    assert.deepEqual(await groups(["idp-ops"], mapping), ["admins", "finance", "ops"]);
  }));
