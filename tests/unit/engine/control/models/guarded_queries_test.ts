import { deepEqual, equal, rejects } from "node:assert/strict";
import { createAccess } from "../../../../../contract/access/access.ts";
import { BUILT_IN_ROLES, permissionsOf } from "../../../../../contract/access/permissions.ts";
import type { Scope } from "../../../../../contract/access/scope.ts";
import { Guard } from "../../../../../engine/control/access/guard.ts";
import { GuardedQueries } from "../../../../../engine/control/access/guarded_queries.ts";
import type { Queries, QueryLimits } from "../../../../../engine/control/queries/port.ts";
import { FakeQueries } from "../../../../support/fake_queries.ts";

const { signal } = new AbortController();
const WANTED = { limit: 1, cells: "shown" } as const;
const SUBJECTS = [{ name: "orders", tags: [] }, { name: "payroll", tags: [] }];

/** Queries as somebody with one role over one pipeline, or all, may ask them. */
function queriesAs(role: (typeof BUILT_IN_ROLES)[number], scope: Scope) {
  const limits: (QueryLimits | undefined)[] = [];
  const inner = new FakeQueries();
  const asked: Queries = {
    preview: (request) => inner.preview(request),
    query(request, _signal, given) {
      limits.push(given);
      return inner.query(request);
    },
    complete: (request) => inner.complete(request),
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
  return { queries: new GuardedQueries(asked, new Guard(access, places)), inner, limits };
}

Deno.test("GuardedQueries show rows of a pipeline, and run SQL that is sent for who may change it", async () => {
  const { queries, inner } = queriesAs("operator", { kind: "pipeline", name: "orders" });
  const preview = (pipeline: string, isSent = false) =>
    queries.preview(
      { pipeline, model: "daily", ...WANTED, ...(isSent ? { project: { files: [] } } : {}) },
      signal,
    );
  equal((await preview("orders")).pipeline, "orders");
  await rejects(preview("orders", true), { code: "forbidden" });
  await rejects(preview("payroll"), { code: "not_found" });
  equal(inner.asked.length, 1);
  const engineer = queriesAs("engineer", { kind: "pipeline", name: "orders" }).queries;
  await engineer.preview({ pipeline: "orders", model: "daily", project: { files: [] }, ...WANTED }, signal);
});

Deno.test("GuardedQueries let a query read what may be looked at, and nothing else be there", async () => {
  const { queries, limits } = queriesAs("operator", { kind: "pipeline", name: "orders" });
  await queries.query({ sql: "SELECT 1", ...WANTED }, signal);
  await queries.query({ sql: "SELECT 1", pipeline: "orders", ...WANTED }, signal);
  deepEqual(limits.map((one) => [one?.mayRead("orders"), one?.mayRead("payroll")]), [[true, false], [
    true,
    false,
  ]]);
  await rejects(queries.query({ sql: "SELECT 1", pipeline: "payroll", ...WANTED }, signal), {
    code: "not_found",
  });
  await rejects(queries.complete({ sql: "SEL", pipeline: "payroll" }, signal), { code: "not_found" });
  const viewer = queriesAs("viewer", { kind: "all" }).queries;
  await rejects(viewer.query({ sql: "SELECT 1", ...WANTED }, signal), { code: "forbidden" });
  await rejects(viewer.complete({ sql: "SEL" }, signal), { code: "forbidden" });
});
