import assert from "node:assert/strict";
import { userInfo } from "node:os";
import type { AuditLine } from "../../../contract/audit/line.ts";
import { CONNECTORS, NONE_READY } from "../../support/served_project.ts";
import { SluiceServer } from "../../support/sluice_server.ts";
import { TestProject } from "../../support/test_project.ts";

const FILES = {
  "connectors.yaml": CONNECTORS,
  "pipelines/open.yaml": "transform: small\n",
  "pipelines/payroll.yaml": 'transform: small\nowner: "@finance"\n',
  "pipelines/secret.yaml": "transform: small\ntags: [hidden]\n",
  "rows.csv": "id\n1\n",
  "transforms/small/one.sql": "SELECT 1 AS n\n",
};

Deno.test("who is granted what holds for commands without a server, then for a server's API and pages", async () => {
  await using project = await TestProject.create(FILES);
  const sluice = async (command: string, ...args: string[]) => {
    const { code, stdout, stderr } = await project.sluice(command, args);
    assert.equal(code, 0, `${command} ${args.join(" ")}: ${stderr}`);
    return stdout.trim();
  };
  await sluice("users", "create", "mia");
  await sluice("groups", "create", "finance");
  await sluice("groups", "add", "finance", "mia");
  await sluice("grant", "mia", "viewer", "--pipeline", "op*");
  const token = (await sluice("tokens", "create", "laptop", "--user", "mia", "--expires", "1d")).split("\n")
    .at(-1);
  assert.match(token ?? "", /^slc_/);
  await sluice("secrets", "set", "PASSWORD", "--file", `${project.projectDir}/rows.csv`);
  const left: AuditLine[] = JSON.parse(await sluice("audit", "--json"));
  const did = left.map(({ actor, action }) => [actor.name, action]);
  const local = `local:${userInfo().username}`;
  assert.deepEqual(did.toReversed().slice(0, 6), [
    [local, "user.create"],
    [local, "group.create"],
    [local, "group.add"],
    [local, "grant.add"],
    [local, "token.create"],
    [local, "secret.put"],
  ]);

  await using server = await SluiceServer.start(project.projectDir, project.dataDir, NONE_READY);
  const ask = async (path: string, method = "GET") => {
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(method === "GET" ? {} : { body: "{}" }),
    });
    return { status: response.status, text: await response.text() };
  };
  const names = async () =>
    JSON.parse((await ask("/api/pipelines")).text).map(({ name }: { name: string }) => name);
  assert.deepEqual(await names(), ["open", "payroll"]);
  assert.equal((await ask("/api/pipelines/secret")).status, 404);
  assert.equal((await ask("/api/pipelines/open/runs", "POST")).status, 403);
  const { status, text } = await ask("/api/pipelines/payroll/runs", "POST");
  assert.equal(status, 202, text);
  assert.equal(JSON.parse(text).triggered_by, "mia");

  // Commands go through the server now.
  const hidden = JSON.parse(await sluice("grant", "@finance", "viewer", "--tag", "hidden", "--json"));
  assert.deepEqual([hidden.holder, hidden.scope], ["@finance", { kind: "tag", name: "hidden" }]);
  assert.deepEqual(await names(), ["open", "payroll", "secret"]);
  await sluice("revoke", "@finance", "viewer", "--tag", "hidden");
  assert.deepEqual(await names(), ["open", "payroll"]);

  // Who may change a pipeline may not read with it whatever a connector leads to.
  const put = async () => {
    const response = await fetch(`${server.url}/api/pipelines/mine`, {
      method: "PUT",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ definition: { extract: { rows: { connector: "files", path: "rows.csv" } } } }),
    });
    return { status: response.status, text: await response.text() };
  };
  assert.equal((await put()).status, 403);
  await sluice("grant", "mia", "engineer", "--pipeline", "mine");
  const unnamed = await put();
  assert.deepEqual([unnamed.status, JSON.parse(unnamed.text).detail], [404, 'There is no connector "files"']);
  await sluice("grant", "mia", "viewer", "--connector", "files");
  assert.equal((await put()).status, 403);
  await sluice("grant", "mia", "engineer", "--connector", "fil*");
  const named = await put();
  assert.equal(named.status, 200, named.text);

  const signIn = await fetch(`${server.url}/login`, {
    method: "POST",
    body: new URLSearchParams({ token: token ?? "" }),
    redirect: "manual",
  });
  await signIn.body?.cancel();
  const cookie = signIn.headers.get("set-cookie")?.split(";")[0] ?? "";
  const page = async (path: string) => {
    const response = await fetch(`${server.url}${path}`, { headers: { cookie }, redirect: "manual" });
    return { status: response.status, text: await response.text() };
  };
  const overview = await page("/");
  assert.ok(overview.text.includes("payroll") && !overview.text.includes("secret"), overview.text);
  assert.equal((await page("/pipelines/secret")).status, 404);
  const sessions = JSON.parse(await sluice("sessions", "--json"));
  assert.deepEqual(sessions.map(({ user, method }: { user: string; method: string }) => [user, method]), [
    ["mia", "token"],
  ]);
  await sluice("sessions", "end", sessions[0].id);
  assert.equal((await page("/")).status, 303);
  await sluice("users", "disable", "mia");
  assert.equal((await ask("/api/pipelines")).status, 401);
});
