import { deepEqual, equal } from "node:assert/strict";
import {
  createAccess,
  forbidden,
  type HeldRole,
  mayAsk,
  type TokenScopes,
} from "../../../../contract/access/access.ts";
import {
  BUILT_IN_ROLES,
  type BuiltInRole,
  PERMISSION_NAMES,
  permissionsOf,
  rolesThatMay,
} from "../../../../contract/access/permissions.ts";
import type { Scope } from "../../../../contract/access/scope.ts";

const ALL: Scope = { kind: "all" };
const as = (role: BuiltInRole, scope: Scope = ALL): HeldRole => (
  { role, permissions: permissionsOf(role), scope }
);
const accessOf = (
  roles: readonly HeldRole[],
  { groups = [], scopes }: { groups?: readonly string[]; scopes?: TokenScopes } = {},
) =>
  createAccess({
    principal: { id: "u1", name: "mia", kind: "person", via: "session" },
    roles,
    groups,
    ...(scopes === undefined ? {} : { scopes }),
  });
const orders = { name: "orders", tags: ["sales"] };
const payroll = { name: "payroll", tags: ["finance"], owner: "@finance" };

Deno.test("each role that is always there may what the manual says", () => {
  const allowed = Object.fromEntries(BUILT_IN_ROLES.map((role) => [role, [...permissionsOf(role)]]));
  deepEqual(allowed, {
    admin: PERMISSION_NAMES,
    engineer: [
      "pipeline:view",
      "pipeline:data",
      "pipeline:run",
      "pipeline:cancel",
      "pipeline:pause",
      "pipeline:alert",
      "pipeline:edit",
      "connector:view",
      "connector:use",
      "metrics:read",
      "notifier:test",
      "project:apply",
    ],
    operator: [
      "pipeline:view",
      "pipeline:data",
      "pipeline:run",
      "pipeline:cancel",
      "pipeline:pause",
      "pipeline:alert",
      "connector:view",
      "metrics:read",
      "notifier:test",
    ],
    viewer: ["pipeline:view", "connector:view", "metrics:read"],
  });
});

Deno.test("a role over all holds for pipelines, connectors and the server", () => {
  const access = accessOf([as("engineer")]);
  equal(access.mayWith("pipeline:edit", orders), true);
  equal(access.mayUse("connector:use", "shop"), true);
  equal(access.may("project:apply"), true);
  equal(access.may("people:manage"), false);
  equal(access.mayEverywhere("pipeline:view"), true);
});

Deno.test("a role over some pipelines holds for these alone, and for nothing of the server", () => {
  for (const scope of [{ kind: "tag", name: "sales" }, { kind: "pipeline", name: "ord*" }] as const) {
    const access = accessOf([as("admin", scope)]);
    equal(access.mayWith("pipeline:edit", orders), true);
    equal(access.mayWith("pipeline:view", payroll), false);
    equal(access.may("people:manage"), false);
    equal(access.mayAnywhere("people:manage"), false);
    equal(access.mayAnywhere("pipeline:run"), true);
    equal(access.mayEverywhere("pipeline:run"), false);
    equal(access.mayUse("connector:view", "shop"), false);
    equal(access.mayAnywhere("connector:view"), false);
  }
});

Deno.test("a role over connectors says nothing of pipelines", () => {
  const access = accessOf([as("engineer", { kind: "connector", name: "shop*" })]);
  equal(access.mayUse("connector:use", "shop_eu"), true);
  equal(access.mayUse("connector:use", "bank"), false);
  equal(access.mayWith("pipeline:view", orders), false);
});

Deno.test("roles add up", () => {
  const access = accessOf([as("viewer"), as("operator", { kind: "pipeline", name: "orders" })]);
  equal(access.mayWith("pipeline:run", orders), true);
  equal(access.mayWith("pipeline:run", payroll), false);
  equal(access.mayWith("pipeline:view", payroll), true);
});

Deno.test("whoever owns a pipeline, by name or by group, is its engineer without a grant", () => {
  equal(accessOf([], { groups: ["finance"] }).mayWith("pipeline:edit", payroll), true);
  equal(accessOf([]).mayWith("pipeline:view", payroll), false);
  equal(accessOf([]).mayWith("pipeline:edit", { ...orders, owner: "mia" }), true);
  equal(accessOf([]).mayWith("pipeline:edit", { ...orders, owner: "@mia" }), false);
});

Deno.test("whoever is granted nothing may ask for what a pipeline of theirs allows", async () => {
  const subjects = () => Promise.resolve([orders, payroll]);
  equal(await mayAsk(accessOf([], { groups: ["finance"] }), "pipeline:edit", subjects), true);
  equal(await mayAsk(accessOf([], { groups: ["sales"] }), "pipeline:view", subjects), false);
  equal(await mayAsk(accessOf([], { groups: ["finance"] }), "project:apply", subjects), false);
  equal(await mayAsk(accessOf([as("viewer")]), "pipeline:view", () => Promise.reject(new Error())), true);
});

Deno.test("a token leaves less of what its user may, and never more", () => {
  const kept = accessOf([as("admin")], {
    scopes: { permissions: ["pipeline:run", "pipeline:view"], pipelines: ["orders"] },
  });
  equal(kept.mayWith("pipeline:run", orders), true);
  equal(kept.mayWith("pipeline:run", payroll), false);
  equal(kept.mayWith("pipeline:edit", orders), false);
  equal(kept.may("people:manage"), false);
  equal(kept.mayEverywhere("pipeline:run"), false);
  const more = accessOf([as("viewer")], { scopes: { permissions: ["people:manage", "pipeline:run"] } });
  equal(more.may("people:manage"), false);
  equal(more.mayWith("pipeline:run", orders), false);
  const owner = accessOf([], { groups: ["finance"], scopes: { permissions: ["pipeline:view"] } });
  equal(owner.mayWith("pipeline:edit", payroll), false);
});

Deno.test("without a role nothing is allowed", () => {
  const access = accessOf([]);
  for (const permission of PERMISSION_NAMES) equal(access.mayEverywhere(permission), false, permission);
  equal(access.mayAnywhere("people:manage"), false);
  equal(access.mayAnywhere("connector:view"), false);
});

Deno.test("a refusal names who, what it was about and which roles may", () => {
  const error = forbidden({ name: "ci" }, "pipeline:run", 'pipeline "orders"');
  equal(error.code, "forbidden");
  equal(
    error.message,
    '"ci" may not start, retry or repeat runs of pipeline "orders": that takes the role admin, engineer or ' +
      "operator, or another one with pipeline:run",
  );
});

Deno.test("the roles that may are told from the most to the least", () => {
  deepEqual(rolesThatMay("people:manage"), ["admin"]);
  deepEqual(rolesThatMay("pipeline:view"), BUILT_IN_ROLES);
});
