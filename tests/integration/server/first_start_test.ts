import { fail, match, ok, strictEqual } from "node:assert/strict";
import { sluiceArgs } from "../../support/sluice_server.ts";
import { TestProject } from "../../support/test_project.ts";

/** What the first start prints, and that the one token that is shown once is never lost. */

const FILES = { "connectors.yaml": "{}\n" };

/** A server without SLUICE_TOKEN, with the lines it prints. */
class FreshServer implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  text = "";

  constructor(project: TestProject, ...args: string[]) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: sluiceArgs(
        "serve",
        "--project",
        project.projectDir,
        "--data",
        project.dataDir,
        "--port",
        "0",
        ...args,
      ),
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The first group of the pattern in what it prints. */
  async prints(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.text)?.[1];
      if (found !== undefined) return found;
      const { done, value } = await this.#lines.read();
      if (done) fail(`expected ${pattern} in:\n${this.text}`);
      this.text += value;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#lines.cancel();
    await this.#child.status;
  }
}

const SIGN_IN = /^Sign in at (\S+\/login) with/m;
const TOKEN = /^Sign in at \S+\/login with this token, which is shown this once: (slc_\S+)\n/m;

async function statusWith(loginUrl: string, token: string): Promise<number> {
  const response = await fetch(new URL("/api/runs", loginUrl), {
    headers: { authorization: `Bearer ${token}` },
  });
  await response.body?.cancel();
  return response.status;
}

Deno.test("a port in use at the first start costs no token: the next start shows it, and only that one", async () => {
  await using project = await TestProject.create(FILES);
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const failed = await project.sluice("serve", ["--port", String(taken.addr.port)]);
  strictEqual(failed.code, 2, failed.stderr);
  ok(!failed.stdout.includes("slc_"), failed.stdout);
  let token: string;
  {
    await using server = new FreshServer(project);
    token = await server.prints(TOKEN);
    strictEqual(await statusWith(await server.prints(SIGN_IN), token), 200);
  }
  await using again = new FreshServer(project);
  const url = await again.prints(SIGN_IN);
  ok(!again.text.includes("slc_"), again.text);
  strictEqual(await statusWith(url, token), 200);
});

Deno.test("a SLUICE_TOKEN that could be guessed stops the start", async () => {
  await using project = await TestProject.create(FILES);
  const { code, stderr } = await project.sluice("serve", ["--port", "0"], { SLUICE_TOKEN: "a" });
  strictEqual(code, 2);
  match(stderr, /SLUICE_TOKEN is too short: expected 16 characters or more/);
});
