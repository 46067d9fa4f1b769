import assert from "node:assert/strict";
import { BUILT_IN_ROLES as ROLES, type BuiltInRole as Role } from "../../../contract/access/permissions.ts";
import { createFakeProject, RUN_IDS } from "../../support/fake_project.ts";
import { PageServer } from "../../support/page_server.ts";

/** What each role may do with the pages, over real requests with the cookie that signing in gave. */

const LOOK = [
  "/",
  "/pipelines/orders",
  "/pipelines/flights/tables/raw.flights",
  "/runs",
  `/runs/${RUN_IDS.failed}`,
  `/runs/${RUN_IDS.failed}/log`,
];
const ACT: Readonly<Record<string, readonly Role[]>> = {
  "/pipelines/orders/runs": ["admin", "engineer", "operator"],
  "/pipelines/orders/verification": ["admin", "engineer", "operator"],
  "/pipelines/orders/verification/stop": ["admin", "engineer", "operator"],
  "/pipelines/orders/pause": ["admin", "engineer", "operator"],
  "/pipelines/orders/resume": ["admin", "engineer", "operator"],
  [`/runs/${RUN_IDS.running}/cancel`]: ["admin", "engineer", "operator"],
  [`/runs/${RUN_IDS.failed}/retry`]: ["admin", "engineer", "operator"],
};

/** The session cookie, or none. */
async function signIn(server: PageServer, role: Role | undefined): Promise<Record<string, string>> {
  if (role === undefined) return {};
  const response = await fetch(`${server.url}/login`, {
    method: "POST",
    body: new URLSearchParams({ token: server.tokens[role], next: "/.//evil.example" }),
    redirect: "manual",
  });
  await response.body?.cancel();
  assert.deepEqual([response.status, response.headers.get("location")], [303, "/"]);
  return { cookie: response.headers.get("set-cookie")?.split(";")[0] ?? "" };
}

for (const role of [undefined, ...ROLES]) {
  Deno.test(`what the pages let ${role === undefined ? "nobody" : `a ${role}`} do`, async () => {
    await using server = await PageServer.start(createFakeProject());
    const cookie = await signIn(server, role);
    const statusOf = async (method: string, path: string) => {
      const response = await fetch(server.url + path, {
        method,
        headers: { ...cookie, "sec-fetch-site": "same-origin" },
        ...(method === "POST" ? { body: new URLSearchParams() } : {}),
        redirect: "manual",
      });
      await response.body?.cancel();
      const location = response.headers.get("location") ?? "";
      return location.startsWith("/login") ? "sign in" : response.status;
    };
    for (const path of LOOK) {
      assert.equal(await statusOf("GET", path), role === undefined ? "sign in" : 200, path);
    }
    for (const [path, roles] of Object.entries(ACT)) {
      const expected = role === undefined ? "sign in" : roles.includes(role) ? 303 : 403;
      assert.equal(await statusOf("POST", path), expected, path);
    }
  });
}
