import { deepStrictEqual, fail, match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { sluiceArgs, TOKEN, waitFor } from "../../support/sluice_server.ts";
import { TestProject } from "../../support/test_project.ts";

/** Whoever reaches the port must not be able to end the server, nor to keep others away from it. */

const IDLE_CONNECTIONS = 4_500;
const FILE_LIMIT = 1_024;

/** A server process that may have so many files open. */
class LimitedServer implements AsyncDisposable {
  readonly url: URL;
  readonly #child: Deno.ChildProcess;
  readonly #output: Promise<string>;

  private constructor(child: Deno.ChildProcess, url: URL, output: Promise<string>) {
    this.#child = child;
    this.url = url;
    this.#output = output;
  }

  static async start(project: TestProject): Promise<LimitedServer> {
    const child = new Deno.Command("prlimit", {
      args: [
        `--nofile=${FILE_LIMIT}:${FILE_LIMIT}`,
        Deno.execPath(),
        ...sluiceArgs("serve", "--project", project.projectDir, "--data", project.dataDir, "--port", "0"),
      ],
      env: { SLUICE_TOKEN: TOKEN },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const output = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
      .then((parts) => parts.join("\n"));
    const url = await waitFor(async () => {
      const text = await Deno.readTextFile(join(project.dataDir, "server.json")).catch(() => undefined);
      return text === undefined ? undefined : String(JSON.parse(text).url);
    }, 120_000);
    return new LimitedServer(child, new URL(url ?? fail(`no server: ${await output}`)), output);
  }

  connect(): Promise<Deno.TcpConn> {
    return Deno.connect({ hostname: this.url.hostname, port: Number(this.url.port) });
  }

  async health(): Promise<number> {
    const response = await fetch(new URL("/healthz", this.url), { signal: AbortSignal.timeout(60_000) });
    await response.body?.cancel();
    return response.status;
  }

  async stop(): Promise<string> {
    this.#child.kill("SIGTERM");
    strictEqual((await this.#child.status).code, 0);
    return await this.#output;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.#output;
  }
}

function isClosed(error: unknown): boolean {
  const { ConnectionReset, BrokenPipe, ConnectionAborted } = Deno.errors;
  return [ConnectionReset, BrokenPipe, ConnectionAborted].some((kind) => error instanceof kind);
}

Deno.test("4,500 idle connections leave a server that may have 1,024 files open serving, then and afterwards", async () => {
  await using project = await TestProject.create({ "connectors.yaml": "{}\n" });
  await using server = await LimitedServer.start(project);
  const open: Deno.TcpConn[] = [];
  const during: number[] = [];
  try {
    while (open.length < IDLE_CONNECTIONS) {
      open.push(...await Promise.all(Array.from({ length: 100 }, () => server.connect())));
      if (open.length % 1_000 === 0) during.push(await server.health());
    }
    during.push(await server.health());
  } finally {
    for (const connection of open) connection.close();
  }
  deepStrictEqual(during, [200, 200, 200, 200, 200]);
  strictEqual(await server.health(), 200);
  const output = await server.stop();
  match(output, /warn Too many connections are open/);
  ok(!/Uncaught|unhandled|Too many open files/i.test(output), output);
});

Deno.test("requests whose bodies never end do not keep others away", async () => {
  await using project = await TestProject.create({ "connectors.yaml": "{}\n" });
  await using server = await LimitedServer.start(project);
  const half = new TextEncoder().encode(
    "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999\r\n\r\ntoken=",
  );
  const open: Deno.TcpConn[] = [];
  try {
    for (let count = 0; count < 600; count++) {
      const connection = await server.connect();
      open.push(connection);
      await connection.write(half).catch((error) => isClosed(error) || Promise.reject(error));
    }
    strictEqual(await server.health(), 200);
  } finally {
    for (const connection of open) connection.close();
  }
  ok(!/Uncaught|unhandled/i.test(await server.stop()));
});
