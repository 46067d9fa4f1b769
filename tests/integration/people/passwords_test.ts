import assert from "node:assert/strict";
import { createClient } from "@libsql/client/sqlite3";
import { join } from "node:path";
import { fileStoreUrl } from "../../../engine/store/open.ts";
import { MailServer } from "../../support/mail_server.ts";
import { sluiceArgs, SluiceServer, waitFor } from "../../support/sluice_server.ts";
import { TestProject } from "../../support/test_project.ts";

/** Passwords through the real server, the real commands and a real mail server. */

const PASSWORD = "violet tractor umbrella";
const PUBLIC_URL = "https://sluice.example.com";

/** Runs a command on the server's data folder. */
async function sluice(project: TestProject, args: readonly string[], stdin = "", env = {}) {
  const child = new Deno.Command(Deno.execPath(), {
    args: sluiceArgs(...args, "--project", project.projectDir, "--data", project.dataDir),
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(stdin));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

async function post(url: string, path: string, fields: Record<string, string>, cookie = "", headers = {}) {
  const response = await fetch(`${url}${path}`, {
    method: "POST",
    body: new URLSearchParams(fields),
    headers: { "sec-fetch-site": "same-origin", ...(cookie === "" ? {} : { cookie }), ...headers },
    redirect: "manual",
  });
  return {
    status: response.status,
    text: await response.text(),
    location: response.headers.get("location"),
    cookie: response.headers.getSetCookie().map((one) => one.split(";")[0] ?? "").join("; "),
  };
}

const signIn = (url: string, username: string, password: string, cookie = "") =>
  post(url, "/login", { username, password, next: "/" }, cookie);

Deno.test("people are invited, sign in, forget their passwords and get others, and guessing gets nowhere", async () => {
  await using mail = new MailServer();
  await using project = await TestProject.create({ "connectors.yaml": "files: { type: file }\n" });
  await using server = await SluiceServer.start(project.projectDir, project.dataDir, {
    SLUICE_SMTP_URL: `smtp://127.0.0.1:${mail.port}?security=none`,
    SLUICE_MAIL_FROM: "Sluice <sluice@example.com>",
    SLUICE_PUBLIC_URL: PUBLIC_URL,
  });
  const { url } = server;
  const linkOf = async (count: number): Promise<string> => {
    const received = await waitFor(() => Promise.resolve(mail.received[count - 1]), 10_000);
    const text = (received?.body ?? "").replaceAll("=\r\n", "").replaceAll("=3D", "=");
    return /https:\/\/sluice\.example\.com\/password\?link=([\w-]+)/.exec(text)?.[1] ?? assert.fail(text);
  };

  // Made by the command, with a password from stdin.
  const made = await sluice(
    project,
    ["users", "create", "ana", "--role", "admin", "--password-stdin"],
    `${PASSWORD}\n`,
  );
  assert.equal(made.code, 0, made.err);
  assert.ok(!(made.out + made.err).includes(PASSWORD));
  const weak = await sluice(project, ["users", "set-password", "ana", "--password-stdin"], "password1234\n");
  assert.equal(weak.code, 2);
  assert.match(weak.err, /common/);
  const admin = await signIn(url, "ana", PASSWORD);
  assert.deepEqual([admin.status, admin.location], [303, "/"]);

  // Invited on the page: a poisoned Host or forwarded header changes nothing in the mail.
  const invited = await post(
    url,
    "/people/invitations",
    { name: "mia", email: "mia@example.com", role: "viewer" },
    admin.cookie,
    { "x-forwarded-host": "evil.example" },
  );
  assert.equal(invited.status, 200, invited.text);
  assert.ok(invited.text.includes("a mail is on its way to mia@example.com"));
  assert.ok(!invited.text.includes("/password?link="), "who invites does not see the link");
  const invitation = await linkOf(1);
  assert.deepEqual(mail.received[0]?.to, ["mia@example.com"]);
  const page = await fetch(`${url}/password?link=${invitation}`);
  assert.match(await page.text(), /autocomplete="new-password"/);
  assert.equal(page.headers.get("referrer-policy"), "same-origin");
  assert.match((await sluice(project, ["users"])).out, /mia\s+person\s+invited/);
  const choose = (link: string, password: string) =>
    post(url, "/password", { link, password, again: password });
  assert.equal((await choose(invitation, "password1234")).status, 400);
  assert.equal((await choose(invitation, PASSWORD)).location, "/login?by=password&done=password");
  assert.equal((await choose(invitation, PASSWORD)).status, 404);
  const mia = await signIn(url, "mia@example.com", PASSWORD);
  assert.equal(mia.status, 303);

  // Forgotten: the answer is the same for everybody.
  const asked = await post(url, "/forgot", { username: "mia" });
  const nobody = await post(url, "/forgot", { username: "nobody" });
  const said = ({ text }: { text: string }) => text.replace(/data-now="\d+"/, "");
  assert.deepEqual([asked.status, said(asked)], [nobody.status, said(nobody)]);
  const reset = await linkOf(2);
  assert.equal((await choose(reset, "quite another one")).status, 303);
  const account = await fetch(`${url}/account`, { headers: { cookie: mia.cookie }, redirect: "manual" });
  await account.body?.cancel();
  assert.equal(account.status, 303, "the reset has ended her session");
  const again = await signIn(url, "mia", "quite another one");
  assert.equal(again.status, 303);

  // An admin sets one: by a session that has begun long ago after showing who it is, and mia hears of it.
  const token = await sluice(project, ["tokens", "create", "laptop", "--user", "mia"]);
  assert.equal(token.code, 0, token.err);
  // Her own, by that one; and nobody's where nobody is named.
  const own = ["tokens", "create", "mine", "--user", "me", "--expires", "1d", "--json"];
  const mine = await sluice(project, own, "", { SLUICE_TOKEN: token.out.trim() });
  assert.deepEqual([mine.code, JSON.parse(mine.out).user], [0, "mia"], mine.err);
  const nobodys = await sluice(project, own, "", { SLUICE_TOKEN: "" });
  assert.deepEqual([nobodys.code, /needs a token of yours/.test(nobodys.err)], [2, true], nobodys.err);
  const put = async (headers: Record<string, string>, json: unknown) => {
    const response = await fetch(`${url}/api/users/mia/password`, {
      method: "PUT",
      headers: { "content-type": "application/json", "sec-fetch-site": "same-origin", ...headers },
      body: JSON.stringify(json),
    });
    return { status: response.status, body: await response.json() };
  };
  const store = createClient({ url: fileStoreUrl(join(project.dataDir, "sluice.db")) });
  await store.execute("update sign_ins set created_at = created_at - 660000");
  store.close();
  const early = await put({ cookie: admin.cookie }, { password: "one by the admin" });
  assert.deepEqual([early.status, early.body.reason], [409, "proof_needed"], JSON.stringify(early.body));
  const shown = await post(url, "/account/prove", { password: PASSWORD, next: "/people" }, admin.cookie);
  assert.deepEqual([shown.status, shown.location], [303, "/people"], shown.text);
  const set = await put({ cookie: admin.cookie }, { password: "one by the admin" });
  assert.deepEqual(set, { status: 200, body: { tokens_ended: 2, mailed: true, problem: null } });
  const told = await waitFor(() => Promise.resolve(mail.received[2]), 10_000);
  assert.match(told?.body ?? "", /^ana has set another password of mia at Sluice on 20/);
  // The server's command is no session.
  const kept = await sluice(
    project,
    ["users", "set-password", "mia", "--password-stdin", "--keep-tokens"],
    "another by the admin\n",
  );
  assert.deepEqual([kept.code, kept.out], [0, "Set the password of mia, and ended its sessions\n"], kept.err);

  // Three hundred at the same time: ten are looked at, the rest are told to wait, and Ana's browser gets in meanwhile.
  const guesses = Promise.all(
    Array.from({ length: 300 }, (_, n) => signIn(url, "ana", `guess number ${n}`)),
  );
  const known = await signIn(url, "ana", PASSWORD, admin.cookie);
  assert.equal(known.status, 303);
  const statuses = (await guesses).map(({ status }) => status);
  assert.ok(statuses.filter((status) => status === 401).length <= 10, JSON.stringify(statuses));
  assert.equal(statuses.filter((status) => ![401, 429].includes(status)).length, 0);

  const output = await server.stop();
  for (const secret of [PASSWORD, "quite another one", invitation, reset, "guess number"]) {
    assert.ok(!output.includes(secret), "nothing of it is in the log");
  }
});
