import assert from "node:assert/strict";
import type { UserRecord } from "../../../../engine/store/ports/people.ts";
import { StoreFixture } from "./store_fixture.ts";

const user = (id: string, change: Partial<UserRecord> = {}): UserRecord => ({
  id,
  name: `name-${id}`,
  kind: "person",
  state: "active",
  email: null,
  displayName: null,
  createdAtMs: 1_000,
  createdBy: null,
  lastSeenAtMs: null,
  ...change,
});
const group = (id: string) => (
  { id, name: `group-${id}`, description: null, createdAtMs: 1_000, createdBy: "mia" }
);
const grant = (id: string, role: string) => ({ id, role, createdAtMs: 1_000, createdBy: null });
const conflict = { code: "conflict" };

Deno.test("users are found by id, or by name in whatever case", async () => {
  await using fixture = new StoreFixture();
  const { people: { users } } = await fixture.open();
  await users.create(user("u1", { email: "Mia@example.com" }));
  await users.create(user("u2", { name: "u1" }));
  assert.equal((await users.find("NAME-u1"))?.id, "u1");
  assert.equal((await users.find("u1"))?.id, "u1", "an id is meant before a name");
  assert.equal(await users.find("nobody"), undefined);
  await assert.rejects(users.create(user("u3", { name: "Name-U1" })), conflict);
  await assert.rejects(users.create(user("u3", { email: "mia@EXAMPLE.com" })), /address/);
  assert.deepEqual((await users.list()).map(({ id }) => id), ["u1", "u2"]);
  assert.deepEqual((await users.list({ after: "name-u1", limit: 1 })).map(({ id }) => id), ["u2"]);
});

Deno.test("a user is changed and removed, with all that was granted to it", async () => {
  await using fixture = new StoreFixture();
  const { people: { users, grants } } = await fixture.open();
  await users.create(user("u1"));
  await users.create(user("u2"));
  assert.equal(await users.change("u1", { displayName: "Mia" }), true);
  assert.equal((await users.find("u1"))?.displayName, "Mia");
  assert.equal(await users.change("none", { state: "disabled" }), false);
  await assert.rejects(users.change("u1", { name: "NAME-u2" }), conflict);
  await grants.add({ ...grant("g1", "viewer"), to: { user: "u1" }, scope: { kind: "all" } });
  assert.equal(await users.remove("u1"), true);
  assert.equal(await users.remove("u1"), false);
  assert.deepEqual(await grants.list(), []);
});

Deno.test("what a user may is granted to it, to its groups, by roles of whoever runs the server too", async () => {
  await using fixture = new StoreFixture();
  const { people: { users, groups, roles, grants } } = await fixture.open();
  await users.create(user("u1"));
  for (const id of ["g1", "g2"]) await groups.create(group(id));
  await groups.addMember("g1", "u1", "local");
  await roles.put({
    name: "auditor",
    description: null,
    permissions: ["project:apply"],
    createdAtMs: 1_000,
    createdBy: null,
  });
  await grants.add({
    ...grant("1", "operator"),
    to: { user: "u1" },
    scope: { kind: "pipeline", name: "orders*" },
  });
  await grants.add({ ...grant("2", "Auditor"), to: { group: "g1" }, scope: { kind: "all" } });
  await grants.add({ ...grant("3", "admin"), to: { group: "g2" }, scope: { kind: "all" } });
  await grants.add({ ...grant("4", "gone"), to: { user: "u1" }, scope: { kind: "all" } });
  const identity = await users.identity("u1");
  assert.deepEqual(identity?.groups, ["group-g1"]);
  assert.deepEqual(
    identity?.roles.map(({ role, scope, permissions }) => [role, scope, permissions.has("project:apply")])
      .toSorted(),
    [
      ["Auditor", { kind: "all" }, true],
      ["operator", { kind: "pipeline", name: "orders*" }, false],
    ],
  );
  assert.equal(await users.identity("none"), undefined);
});

Deno.test("a grant is there once, and is removed by role and scope, or with all of its holder", async () => {
  await using fixture = new StoreFixture();
  const { people: { users, groups, grants } } = await fixture.open();
  await users.create(user("u1"));
  await groups.create(group("g1"));
  const tag = { kind: "tag", name: "sales" } as const;
  for (const id of ["1", "2"]) await grants.add({ ...grant(id, "viewer"), to: { user: "u1" }, scope: tag });
  await grants.add({ ...grant("3", "operator"), to: { user: "u1" }, scope: tag });
  await grants.add({ ...grant("4", "viewer"), to: { group: "g1" }, scope: { kind: "all" } });
  assert.deepEqual((await grants.list()).map(({ holder, role, scope }) => [holder, role, scope.kind]), [
    ["@group-g1", "viewer", "all"],
    ["name-u1", "operator", "tag"],
    ["name-u1", "viewer", "tag"],
  ]);
  assert.equal(await grants.remove({ user: "u1" }, { role: "viewer", scope: { kind: "all" } }), 0);
  assert.equal(await grants.remove({ user: "u1" }, { role: "viewer", scope: tag }), 1);
  assert.equal(await grants.remove({ user: "u1" }), 1);
  assert.equal(await groups.remove("g1"), true);
  assert.deepEqual(await grants.list(), []);
});

Deno.test("a user is put into a group once, and taken out", async () => {
  await using fixture = new StoreFixture();
  const { people: { users, groups } } = await fixture.open();
  await users.create(user("u1"));
  await groups.create(group("g1"));
  for (const _ of [1, 2]) await groups.addMember("g1", "u1", "local");
  assert.deepEqual((await groups.list())[0]?.members, [{ user: "name-u1", source: "local" }]);
  assert.equal(await groups.removeMember("g1", "u1"), true);
  assert.equal(await groups.removeMember("g1", "u1"), false);
  await assert.rejects(groups.create({ ...group("g4"), name: "GROUP-g1" }), conflict);
});

Deno.test("a role is changed, and not removed while it is granted", async () => {
  await using fixture = new StoreFixture();
  const { people: { users, roles, grants } } = await fixture.open();
  const role = { name: "runner", description: null, createdAtMs: 1_000, createdBy: null };
  await roles.put({ ...role, permissions: ["pipeline:view"] });
  await roles.put({ ...role, permissions: ["pipeline:view", "pipeline:run"], createdAtMs: 2_000 });
  assert.deepEqual(await roles.list(), [{ ...role, permissions: ["pipeline:view", "pipeline:run"] }]);
  await users.create(user("u1"));
  await grants.add({ ...grant("1", "runner"), to: { user: "u1" }, scope: { kind: "all" } });
  await assert.rejects(roles.remove("runner"), conflict);
  await grants.remove({ user: "u1" });
  assert.equal(await roles.remove("RUNNER"), true);
  assert.equal(await roles.remove("runner"), false);
});
