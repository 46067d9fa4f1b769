import { deepEqual, equal, throws } from "node:assert/strict";
import { ROLES } from "../../../../engine/store/ports/access.ts";
import {
  describeRole,
  may,
  type Permission,
  PERMISSIONS,
  requirePermission,
  rolesThatMay,
} from "../../../../server/auth/permissions.ts";

const names = [
  "read",
  "scrape",
  "preview",
  "run",
  "pause",
  "alert",
  "define",
  "operate",
  "manage_tokens",
] as const satisfies readonly Permission[];

Deno.test("each role may what the manual says", () => {
  deepEqual(Object.keys(PERMISSIONS), names);
  const allowed = Object.fromEntries(ROLES.map((role) => [role, names.filter((name) => may(role, name))]));
  deepEqual(allowed, {
    admin: names,
    operator: ["read", "scrape", "preview", "run", "pause", "alert"],
    viewer: ["read", "scrape"],
  });
});

Deno.test("requirePermission() names the user, what it was about and who may", () => {
  const user = { name: "ci", role: "viewer" } as const;
  throws(() => requirePermission(user, "run"), {
    code: "forbidden",
    message:
      '"ci" has the role viewer and may not start, retry or cancel runs: that takes the role admin or operator',
  });
  requirePermission(user, "read");
});

Deno.test("a role and a permission are described for people", () => {
  equal(describeRole("viewer"), "look at pipelines, runs, logs, SQL and columns; read the metrics");
  deepEqual(rolesThatMay("manage_tokens"), ["admin"]);
});
