import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { createHmac } from "node:crypto";
import { join } from "node:path";
import type { Problem } from "../../../contract/alerts/problem.ts";
import type { ApplyResult, PipelineDetail } from "../../../contract/run.ts";
import { GitRemote } from "../../../engine/definitions/git/remote.ts";
import { readRemoteSettings, type RemoteSettings } from "../../../engine/definitions/git/settings.ts";
import { commitAll, git } from "../../support/git_repository.ts";
import { GitServer } from "../../support/git_server.ts";
import { Served } from "../../support/served_project.ts";
import { waitFor } from "../../support/sluice_server.ts";
import { TestProject } from "../../support/test_project.ts";

/** Definitions out of a repository that git's own server serves. */

const TOKEN = "glpat-0123456789-token";
const MODEL = "transforms/numbers/n.sql";

const files = (n: number | string) => ({
  "etl/connectors.yaml": "lite: { type: sqlite, path: out/lite.sqlite }\n",
  "etl/pipelines/numbers.yaml": "load: { n: { connector: lite, table: n } }\n",
  [`etl/${MODEL}`]: `SELECT ${n} AS n\n`,
});

/** A work tree that pushes to a bare repository, which is served. */
class Hosted implements AsyncDisposable {
  readonly server: GitServer;
  readonly #work: TestProject;
  readonly #dir: string;

  private constructor(work: TestProject, server: GitServer) {
    this.#work = work;
    this.#dir = work.projectDir;
    this.server = server;
  }

  static async create(): Promise<Hosted> {
    const work = await TestProject.create({ "README.md": "x" });
    await git(work.folder, "init", "-q", "--bare", "-b", "main", "etl.git");
    await git(work.projectDir, "init", "-q", "-b", "main");
    await git(work.projectDir, "remote", "add", "origin", join(work.folder, "etl.git"));
    return new Hosted(work, new GitServer(work.folder, TOKEN));
  }

  async push(content: Record<string, string>, message: string, branch = "main"): Promise<string> {
    await this.#work.write(content);
    const commit = await commitAll(this.#dir, message);
    await git(this.#dir, "push", "-q", "-f", "origin", `HEAD:refs/heads/${branch}`);
    return commit;
  }

  async git(...args: string[]): Promise<void> {
    await git(this.#dir, ...args);
  }

  get env(): Record<string, string> {
    return {
      SLUICE_GIT_URL: this.server.url("etl.git"),
      SLUICE_GIT_TOKEN: TOKEN,
      SLUICE_GIT_FOLDER: "etl",
      SLUICE_GIT_INTERVAL: "off",
      SLUICE_GIT_WEBHOOK_SECRET: "hook-secret-0123456789",
    };
  }

  settings(change: Partial<RemoteSettings> = {}): RemoteSettings {
    const settings = readRemoteSettings((name) => this.env[name]);
    ok(settings !== undefined);
    return { ...settings, ...change };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.#work[Symbol.asyncDispose]();
  }
}

Deno.test("a server takes its definitions from the repository, and each push that it is told of", async () => {
  await using hosted = await Hosted.create();
  await hosted.push(files(1), "One");
  await using served = await Served.start({}, hosted.env);
  const { server } = served;
  const sqlNow = async () => {
    const { files } = await server.call<PipelineDetail>("GET", "/api/pipelines/numbers");
    return files.find(({ path }) => path === MODEL)?.content;
  };
  strictEqual(await sqlNow(), "SELECT 1 AS n\n");
  strictEqual((await served.runToEnd("numbers")).rows_loaded, 1);

  const body = JSON.stringify({ ref: "refs/heads/main" });
  const post = (headers: Record<string, string>) =>
    fetch(`${server.url}/hooks/git`, { method: "POST", headers, body }).then(async (response) => {
      await response.body?.cancel();
      return response.status;
    });
  const second = await hosted.push(files(2), "Two");
  strictEqual(await post({ "x-hub-signature-256": `sha256=${"0".repeat(64)}` }), 401);
  strictEqual(await post({}), 401);
  const sign = createHmac("sha256", "hook-secret-0123456789").update(body).digest("hex");
  strictEqual(await post({ "x-hub-signature-256": `sha256=${sign}` }), 202);
  await waitFor(async () => (await sqlNow()) === "SELECT 2 AS n\n" || undefined, 30_000);

  // A push with a fault leaves what is in force, and says so.
  await hosted.push(files("nothing"), "Wrong");
  strictEqual(await post({ "x-gitlab-token": "hook-secret-0123456789" }), 202);
  const faulty = async () =>
    (await server.call<PipelineDetail>("GET", "/api/pipelines/numbers")).faults.length > 0 || undefined;
  await waitFor(faulty, 120_000);
  strictEqual(await sqlNow(), "SELECT 2 AS n\n");

  // What somebody puts in force by name stays; the branch comes back when it is asked for.
  await hosted.push(files(3), "Three", "feature");
  const applied = await server.call<ApplyResult>("POST", "/api/apply", { ref: "feature" });
  strictEqual(applied.source?.ref, "feature");
  strictEqual(await sqlNow(), "SELECT 3 AS n\n");
  const kept = await server.call<ApplyResult>("POST", "/api/apply", { keep_ref: true });
  deepStrictEqual([kept.unchanged, kept.source], [["numbers"], undefined]);
  // A branch that is written anew is followed, too.
  await hosted.git("reset", "-q", "--hard", second);
  await hosted.push({}, "Two again");
  const followed = await server.call<ApplyResult>("POST", "/api/apply");
  strictEqual(followed.source?.ref, "main");
  strictEqual(await sqlNow(), "SELECT 2 AS n\n");

  // A repository that is gone is a problem, and leaves what is in force, at a restart as well.
  hosted.server.answer = () => new Response("gone", { status: 503 });
  await served.restart();
  const unread = () => served.server.call<Problem[]>("GET", "/api/problems");
  await waitFor(async () => (await unread()).some(({ kind }) => kind === "definitions") || undefined, 30_000);
  const [problem] = (await unread()).filter(({ kind }) => kind === "definitions");
  match(problem?.message ?? "", /definitions stay as they were: Cannot read http:.*503/);
  ok(!JSON.stringify(problem).includes(TOKEN));
  strictEqual((await served.runToEnd("numbers")).state, "succeeded");
});

Deno.test("fetch() reads one commit whole or not at all, and says what is wrong", async () => {
  await using hosted = await Hosted.create();
  const first = await hosted.push({
    ...files(1),
    "etl/big.txt": crypto.getRandomValues(new Uint8Array(9_000)).toHex(),
  }, "One");
  await hosted.git("tag", "-a", "v1", "-m", "first");
  await hosted.git("push", "-q", "origin", "v1");
  const { signal } = new AbortController();
  const remote = (change: Partial<RemoteSettings> = {}) => new GitRemote(hosted.settings(change), signal);
  for (const ref of ["main", "v1"]) {
    await using opened = await remote().fetch(ref);
    deepStrictEqual([opened.commit.id, opened.commit.subject], [first, "One"]);
    strictEqual(await remote().latest(ref), first);
  }
  // A tag of the branch's name is not taken for it.
  await hosted.git("tag", "main", first);
  await hosted.git("push", "-q", "origin", "refs/tags/main");
  const later = await hosted.push(files(2), "Two");
  {
    await using opened = await remote().fetch("main");
    deepStrictEqual([opened.commit.id, await remote().latest("main")], [later, later]);
  }
  await hosted.git("push", "-q", "-f", "origin", `${first}:refs/heads/main`);
  await rejects(remote().fetch("none"), { code: "not_found", message: /no branch or tag "none"/ });
  await rejects(remote({ token: undefined }).latest("main"), {
    code: "unauthorized",
    message: /set SLUICE_GIT_TOKEN/,
  });
  const refused = await remote({ token: "wrong-token" }).latest("main").catch((error) => error);
  match(String(refused), /refuses the token in SLUICE_GIT_TOKEN/);
  ok(!String(refused).includes("wrong-token"));
  await rejects(remote({ url: hosted.server.url("none.git") }).latest("main"), { code: "not_found" });

  hosted.server.answer = () =>
    new Response(null, { status: 302, headers: { location: "http://127.0.0.1:1/other.git/info/refs?x" } });
  await rejects(remote().latest("main"), { message: /leads elsewhere.*127\.0\.0\.1:1\/other\.git\)/ });
  hosted.server.answer = () =>
    new Response("<html>sign in</html>", { headers: { "content-type": "text/html" } });
  await rejects(remote().latest("main"), { code: "unavailable" });
  hosted.server.answer = undefined;

  // It begins to send, and says that it cannot.
  hosted.server.answer = ({ method }) =>
    method === "POST"
      ? new Response("0008NAK\n0025\x03fatal: the disk there is full\n0000", {
        headers: { "content-type": "application/x-git-upload-pack-result" },
      })
      : undefined;
  await rejects(remote().fetch("main"), { code: "unavailable", message: /sent less than the commit/ });
  hosted.server.answer = undefined;
  await rejects(remote({ url: hosted.server.url("etl.git").replace("http:", "https:") }).latest("main"), {
    code: "unavailable",
    message: /fetch failed: \w+/,
  });

  // Cut at any place of the transfer.
  for (const bytes of [1, 40, 300, 900, 2_000]) {
    hosted.server.breakAfter = bytes;
    const told = await remote().fetch("main").then(() => "all", String);
    match(told, /Cannot read|no branch or tag|sent nothing/, `${bytes}: ${told}`);
  }
  hosted.server.breakAfter = undefined;
  await using opened = await remote().fetch("main");
  strictEqual(opened.commit.id, first);
});
