import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { createFakeProject } from "../../support/fake_project.ts";
import { PageServer } from "../../support/page_server.ts";

const PEM = "-----BEGIN KEY-----\r\nMIIB<canary>&4711\r\n-----END KEY-----\r\n";

/** The cookie of somebody who has signed in. */
async function signIn(server: PageServer, role: "admin" | "engineer"): Promise<string> {
  const response = await fetch(`${server.url}/login`, {
    method: "POST",
    body: new URLSearchParams({ token: server.tokens[role] }),
    redirect: "manual",
  });
  await response.body?.cancel();
  return response.headers.get("set-cookie")?.split(";")[0] ?? "";
}

Deno.test("the page sets, replaces and deletes secrets, and never shows one", async () => {
  const logged: string[] = [];
  await using server = await PageServer.start(createFakeProject(), (_level, message) => logged.push(message));
  const texts: string[] = [];
  const cookies = { admin: await signIn(server, "admin"), engineer: await signIn(server, "engineer") };
  const ask = async (path: string, role: "admin" | "engineer", fields?: Record<string, string>) => {
    const response = await fetch(`${server.url}${path}`, {
      headers: { cookie: cookies[role], origin: server.url },
      redirect: "manual",
      ...(fields === undefined ? {} : { method: "POST", body: new URLSearchParams(fields) }),
    });
    const text = await response.text();
    texts.push(text);
    return { status: response.status, location: response.headers.get("location"), text };
  };
  match((await ask("/secrets", "admin")).text, /No secrets yet/);
  const set = await ask("/secrets/set", "admin", { name: " TLS_KEY ", value: PEM });
  deepStrictEqual([set.status, set.location], [303, "/secrets"]);
  const page = await ask("/secrets", "admin");
  match(page.text, /TLS_KEY/);
  match(page.text, /1 sealed text, by the data key [0-9a-f]{8}, wrapped by the key [0-9a-f]{16}/);
  match(page.text, /<textarea[^>]*autocomplete="off"[^>]*>\s*<\/textarea>/);

  strictEqual((await ask("/secrets/set", "admin", { name: "../x", value: PEM })).status, 400);
  strictEqual((await ask("/secrets/set", "admin", { name: "EMPTY", value: "\r\n" })).status, 400);
  strictEqual((await ask("/secrets/rotate", "admin", {})).location, "/secrets");
  strictEqual((await ask("/secrets/delete", "admin", { name: "NONE" })).status, 404);
  for (const path of ["/secrets", "/secrets/set", "/secrets/rotate", "/secrets/delete"]) {
    const fields = path === "/secrets" ? undefined : { name: "TLS_KEY", value: "x" };
    strictEqual((await ask(path, "engineer", fields)).status, 403, path);
  }
  ok(!(await ask("/", "engineer")).text.includes('href="/secrets"'));
  strictEqual((await ask("/secrets/delete", "admin", { name: "TLS_KEY" })).location, "/secrets");
  match((await ask("/secrets", "admin")).text, /No secrets yet/);
  for (const text of [...texts, ...logged]) ok(!text.includes("canary"), text);
});
