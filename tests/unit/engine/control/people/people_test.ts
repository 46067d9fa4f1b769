import assert from "node:assert/strict";
import { PERMISSION_NAMES } from "../../../../../contract/access/permissions.ts";
import { createPeople } from "../../../../../engine/control/people/local_people.ts";
import type { People } from "../../../../../engine/control/people/port.ts";
import { quickHasher } from "../../../../support/quick_hasher.ts";
import { StoreFixture } from "../../store/store_fixture.ts";

const clock = { now: () => 1_000 };

async function withPeople(work: (people: People, fixture: StoreFixture) => Promise<void>): Promise<void> {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  await work(createPeople({ ...store, hasher: quickHasher(), clock }), fixture);
}

const code = (expected: string, message = /./) => (error: Error & { code?: string }) => {
  assert.equal(error.code, expected, error.message);
  assert.match(error.message, message);
  return true;
};

Deno.test("a user is made with a role, put into a group, and shows both", () =>
  withPeople(async ({ users, groups, grants }) => {
    await users.create({ name: "mia", email: "mia@example.com", role: "viewer" }, "ada");
    await groups.create({ name: "finance" }, "ada");
    await groups.addMember("@finance", "MIA");
    await grants.add(
      { holder: "@finance", role: "engineer", scope: { kind: "tag", name: "finance" } },
      "ada",
    );
    const { id: _id, ...mia } = await users.get("mia");
    assert.deepEqual(mia, {
      name: "mia",
      kind: "person",
      state: "active",
      email: "mia@example.com",
      display_name: null,
      identities: [],
      groups: ["finance"],
      grants: [{ role: "viewer", scope: { kind: "all" } }],
      created_at: "1970-01-01T00:00:01.000Z",
      created_by: "ada",
      last_seen_at: null,
      factors: [],
    });
    const [finance] = await groups.list();
    assert.deepEqual(finance?.grants, [{ role: "engineer", scope: { kind: "tag", name: "finance" } }]);
    assert.deepEqual(finance?.members, [{ user: "mia", source: "local" }]);
    await groups.removeMember("finance", "mia");
    await assert.rejects(groups.removeMember("finance", "mia"), code("not_found", /not in the group/));
  }));

Deno.test("who is meant is found with a word on what may have been meant", () =>
  withPeople(async ({ users, grants, groups, tokens, sessions, roles }) => {
    await users.create({ name: "mia" }, "ada");
    await assert.rejects(users.get("mai"), code("not_found", /did you mean mia/));
    await assert.rejects(groups.remove("@mia"), code("not_found", /no group/));
    await assert.rejects(grants.add({ holder: "mia", role: "viewr" }, "ada"), code("invalid", /viewer/));
    await assert.rejects(users.create({ name: "@x" }, "ada"), code("invalid"));
    await assert.rejects(users.create({ name: "leo", role: "root" }, "ada"), code("invalid"));
    await assert.rejects(users.get("leo"), code("not_found"));
    await assert.rejects(
      grants.remove("mia", { role: "viewer" }),
      code("not_found", /not the role "viewer"/),
    );
    await assert.rejects(tokens.revoke("none"), code("not_found"));
    await assert.rejects(sessions.end("none"), code("not_found"));
    await assert.rejects(roles.remove("none"), code("not_found"));
    await assert.rejects(roles.remove("admin"), code("conflict"));
    await assert.rejects(roles.put("Admin", { permissions: ["pipeline:view"] }, "ada"), code("invalid"));
  }));

Deno.test("the last who may manage people stays, by whichever way", () =>
  withPeople(async ({ users, groups, grants, roles }) => {
    await users.create({ name: "mia", role: "admin" }, "ada");
    const kept = code("conflict", /leave nobody/);
    await assert.rejects(users.remove("mia"), kept);
    await assert.rejects(users.change("mia", { disabled: true }), kept);
    await assert.rejects(grants.remove("mia", {}), kept);
    // Another way to the same: by a group, with a role of one's own.
    await roles.put("boss", { permissions: [...PERMISSION_NAMES] }, "ada");
    await groups.create({ name: "bosses" }, "ada");
    await users.create({ name: "leo" }, "ada");
    await groups.addMember("bosses", "leo");
    await grants.add({ holder: "@bosses", role: "boss" }, "ada");
    await grants.remove("mia", { role: "admin" });
    await assert.rejects(groups.removeMember("bosses", "leo"), kept);
    await assert.rejects(groups.remove("bosses"), kept);
    await assert.rejects(roles.put("boss", { permissions: ["notifier:test"] }, "ada"), kept);
    // Who may manage people and no more cannot make anybody admin.
    await assert.rejects(roles.put("Boss", { permissions: ["people:manage"] }, "ada"), kept);
    await roles.put("boss", { permissions: [...PERMISSION_NAMES], description: "all" }, "ada");
    await roles.put("clerk", { permissions: ["people:manage"] }, "ada");
    await grants.add({ holder: "mia", role: "clerk" }, "ada");
    await assert.rejects(users.remove("leo"), kept);
    await grants.remove("mia", { role: "clerk" });
    await assert.rejects(users.remove("leo"), kept);
    await assert.rejects(roles.remove("boss"), code("conflict", /is granted/));
    await grants.add({ holder: "mia", role: "admin" }, "ada");
    await groups.remove("bosses");
    await users.remove("leo");
    // Over some pipelines alone it is not that role.
    await users.create({ name: "kim" }, "ada");
    await grants.add({ holder: "kim", role: "admin", scope: { kind: "pipeline", name: "*" } }, "ada");
    await assert.rejects(users.remove("mia"), kept);
  }));

Deno.test("the server's own users are left to it, and do not count as those who manage people", () =>
  withPeople(async ({ users, grants }, fixture) => {
    const { access } = await fixture.open();
    await users.create({ name: "mia", role: "admin" }, "ada");
    for (const name of ["local commands", "SLUICE_TOKEN"]) {
      await access.putToken({ id: name, name, role: "admin", hash: name, createdAtMs: 1_000 });
      const kept = code("conflict", /server's own/);
      await assert.rejects(users.remove(name), kept);
      await assert.rejects(users.change(name, { disabled: true }), kept);
      await assert.rejects(grants.remove(name, {}), kept);
      // Whoever set the variable can sign in by it; the token of local commands is nobody's.
      if (name === "local commands") {
        await assert.rejects(users.remove("mia"), code("conflict", /leave nobody/));
      } else await users.remove("mia");
    }
  }));

Deno.test("a token is a user's, or has a service of its own, and says what it leaves", () =>
  withPeople(async ({ users, tokens }, fixture) => {
    const { access } = await fixture.open();
    await users.create({ name: "mia", role: "operator" }, "ada");
    const scopes = { pipelines: ["orders"], permissions: ["pipeline:run" as const] };
    const hers = await tokens.create({ name: "laptop", user: "mia", expires_in: "90d", scopes }, "ada");
    assert.match(hers.token, /^slc_/);
    assert.equal(hers.role, "operator");
    assert.equal(hers.expires_at, new Date(1_000 + 90 * 86_400_000).toISOString());
    assert.deepEqual(hers.scopes, scopes);
    const ci = await tokens.create({ name: "ci", role: "engineer" }, "ada");
    assert.deepEqual([ci.user, ci.role, ci.expires_at, ci.created_by], ["ci", "engineer", null, "ada"]);
    assert.deepEqual((await tokens.list("mia")).map(({ name }) => name), ["laptop"]);
    await assert.rejects(tokens.create({ name: "x", user: "mia", role: "viewer" }, "ada"), code("invalid"));
    for (const wrong of ["0d", "5", "4000d", "soon", "-1d"]) {
      await assert.rejects(tokens.create({ name: "y", expires_in: wrong }, "ada"), code("invalid"), wrong);
    }
    await assert.rejects(users.get("y"), code("not_found"), "nothing is left of a token that was refused");
    await assert.rejects(tokens.create({ name: "laptop", user: "mia" }, "ada"), code("conflict"));
    await assert.rejects(tokens.create({ name: "ci" }, "ada"), code("conflict"));
    await tokens.revoke(ci.id);
    await assert.rejects(users.get("ci"), code("not_found"), "the service goes with its only token");
    await users.change("mia", { disabled: true });
    assert.deepEqual((await access.listTokens()).map(({ name }) => name), ["laptop"]);
  }));
