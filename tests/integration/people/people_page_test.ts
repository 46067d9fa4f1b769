import assert from "node:assert/strict";
import type { BuiltInRole } from "../../../contract/access/permissions.ts";
import { createFakeProject } from "../../support/fake_project.ts";
import { PageServer } from "../../support/page_server.ts";

/** A browser that has signed in. */
async function visitor(server: PageServer, role: BuiltInRole) {
  const signIn = await fetch(`${server.url}/login`, {
    method: "POST",
    body: new URLSearchParams({ token: server.tokens[role] }),
    redirect: "manual",
  });
  await signIn.body?.cancel();
  const cookie = signIn.headers.get("set-cookie")?.split(";")[0] ?? "";
  const ask = async (method: string, path: string, fields?: Record<string, string>) => {
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers: { cookie, "sec-fetch-site": "same-origin" },
      ...(fields === undefined ? {} : { body: new URLSearchParams(fields) }),
      redirect: "manual",
    });
    return { status: response.status, text: await response.text() };
  };
  return {
    get: (path: string) => ask("GET", path),
    post: (path: string, fields: Record<string, string> = {}) => ask("POST", path, fields),
  };
}

Deno.test("users, groups and grants are made and taken back on the page", async () => {
  await using server = await PageServer.start(createFakeProject());
  const admin = await visitor(server, "admin");
  const done = async (path: string, fields?: Record<string, string>) => {
    const { status, text } = await admin.post(path, fields);
    assert.equal(status, 303, text);
  };
  await done("/people/users", { name: " mia ", email: "", role: "viewer" });
  await done("/people/groups", { name: "finance", description: "Money" });
  const { text: before } = await admin.get("/people");
  const group = /\/people\/groups\/([^/]+)\/members/.exec(before)?.[1] ?? assert.fail(before);
  await done(`/people/groups/${group}/members`, { user: "mia", action: "add" });
  await done("/people/grants", { holder: "@finance", role: "engineer", kind: "tag", over: "finance" });
  const { text } = await admin.get("/people");
  for (const said of ["@finance", "engineer (tag finance)", "tag finance", "(this one)"]) {
    assert.ok(text.includes(said), said);
  }
  await done("/people/grants/revoke", { holder: "@finance", role: "engineer", kind: "tag", over: "finance" });
  await done(`/people/groups/${group}/members`, { user: "mia", action: "drop" });
  assert.ok(!(await admin.get("/people")).text.includes("tag finance"));

  // What is refused is said beside what is there.
  for (
    const [path, fields, status, said] of [
      ["/people/users", { name: "@x" }, 400, "expected a letter"],
      ["/people/users", { name: "mia" }, 409, "choose another name"],
      ["/people/grants", { holder: "mia", role: "viewer", kind: "tag", over: "" }, 400, "scope"],
    ] as const
  ) {
    const refused = await admin.post(path, fields);
    assert.equal(refused.status, status, refused.text);
    assert.ok(refused.text.includes("mia"), "the page is there");
    assert.ok(status === 400 || refused.text.includes(said), said);
  }
  assert.equal(
    (await admin.post("/people/grants", { holder: "nobody", role: "viewer", kind: "all" })).status,
    404,
  );
});

Deno.test("the page of people is for those who manage them, and ends sessions", async () => {
  await using server = await PageServer.start(createFakeProject());
  const [admin, engineer] = [await visitor(server, "admin"), await visitor(server, "engineer")];
  assert.equal((await engineer.get("/people")).status, 403);
  assert.equal((await engineer.post("/people/users", { name: "mallory" })).status, 403);
  assert.ok(!(await engineer.get("/")).text.includes('href="/people"'));
  const { text } = await admin.get("/people");
  assert.ok(text.includes('href="/people"') && !text.includes("mallory"));
  const sessions = [
    ...text.matchAll(/\/people\/sessions\/([^/"]+)\/end[\s\S]*?End this session of ([^"]+)"/g),
  ];
  const [, id] = sessions.find(([, , user]) => user === "engineer") ?? assert.fail(text);
  assert.equal((await admin.post(`/people/sessions/${id}/end`)).status, 303);
  assert.equal((await engineer.get("/")).status, 303);
});
