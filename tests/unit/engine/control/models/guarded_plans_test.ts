import { deepEqual, equal, rejects } from "node:assert/strict";
import { createAccess } from "../../../../../contract/access/access.ts";
import { BUILT_IN_ROLES, permissionsOf } from "../../../../../contract/access/permissions.ts";
import type { Scope } from "../../../../../contract/access/scope.ts";
import { Guard } from "../../../../../engine/control/access/guard.ts";
import { GuardedPlans } from "../../../../../engine/control/access/guarded_plans.ts";
import type { PlanLimits, PlanRequest, Plans } from "../../../../../engine/control/models/port.ts";

const SUBJECTS = [
  { name: "orders", tags: [] },
  { name: "payroll", tags: [] },
];
const { signal } = new AbortController();
const fileOf = (name: string) => ({ path: `pipelines/${name}.yaml`, content: "" });
const planOf = (...pipelines: readonly string[]): PlanRequest => ({
  project: { files: [...pipelines.map(fileOf), { path: "transforms/payroll/a.sql", content: "" }] },
  against: { kind: "in_force" },
});

/** Plans as somebody with one role over one pipeline, or all, may ask for them. */
function plansAs(role: (typeof BUILT_IN_ROLES)[number], scope: Scope) {
  const limits: (PlanLimits | undefined)[] = [];
  const inner: Plans = {
    plan(_request, _signal, given) {
      limits.push(given);
      return Promise.resolve({ faults: [], pipelines: [] });
    },
  };
  const access = createAccess({
    principal: { id: "1", name: "ann", kind: "person", via: "token", address: "127.0.0.1" },
    roles: [{ role, permissions: permissionsOf(role), scope }],
    groups: [],
  });
  const places = {
    subjects: () => Promise.resolve(SUBJECTS),
    pipelineOfProblem: () => Promise.resolve(undefined),
  };
  return { plans: new GuardedPlans(inner, new Guard(access, places)), limits };
}

Deno.test("GuardedPlans take what changes the pipelines of the files, and say nothing of others", async () => {
  const { plans, limits } = plansAs("engineer", { kind: "pipeline", name: "orders" });
  await plans.plan(planOf("orders"), signal);
  const [given] = limits;
  deepEqual([given?.mayView("orders"), given?.mayView("payroll")], [true, false]);
  deepEqual([given?.mayCompare("orders"), given?.mayCompare("payroll")], [true, false]);
  await rejects(plans.plan(planOf("orders", "payroll"), signal), { code: "not_found" });
  await rejects(plans.plan({ ...planOf("orders"), pipeline: "payroll" }, signal), { code: "not_found" });
  await rejects(plans.plan(planOf("brand_new"), signal), { code: "forbidden" });
  equal(limits.length, 1);
});

Deno.test("GuardedPlans of all pipelines take new ones too, and none by who may only look", async () => {
  const all = plansAs("engineer", { kind: "all" });
  await all.plans.plan(planOf("orders", "brand_new"), signal);
  deepEqual([all.limits[0]?.mayView("payroll"), all.limits[0]?.mayCompare("brand_new")], [true, true]);
  for (const role of ["operator", "viewer"] as const) {
    await rejects(plansAs(role, { kind: "all" }).plans.plan(planOf("orders"), signal), { code: "forbidden" });
  }
});
