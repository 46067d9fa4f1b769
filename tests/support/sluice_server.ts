import { fail } from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ENGINE_FLAGS } from "../../engine/runs/attempt/spawn.ts";
import type { Run, RunDetail } from "../../contract/run.ts";
import { CHECKOUT, PROGRAM, type Program } from "./program.ts";

export const TOKEN = "slc_test_token_that_is_long_enough";
const READY_MS = 30_000;
/** Most tests that leave a run under way do not want to wait for it. */
const STOP_AT_ONCE = { SLUICE_DRAIN: "0" };

/** The arguments of deno for `sluice …`. */
export function sluiceArgs(...args: string[]): string[] {
  return argsOf(PROGRAM, args);
}

/** The same of the checkout's modules, as `deno task sluice` runs them. */
export function checkoutArgs(...args: string[]): string[] {
  return argsOf(CHECKOUT, args);
}

const argsOf = ({ main, flags }: Program, args: readonly string[]): string[] => [
  "run",
  "-A",
  "--quiet",
  ENGINE_FLAGS,
  ...flags,
  fileURLToPath(main),
  ...args,
];

/** A real server process on a project and a data folder of a test. */
export class SluiceServer implements AsyncDisposable {
  readonly url: string;
  readonly #child: Deno.ChildProcess;
  readonly #output: Promise<string>;
  #isGone = false;

  private constructor(child: Deno.ChildProcess, url: string, output: Promise<string>) {
    this.#child = child;
    this.url = url;
    this.#output = output;
  }

  /** Starts `sluice serve` on a free port and waits until it is ready. */
  static async start(
    projectDir: string,
    dataDir: string,
    env: Record<string, string> = {},
    readyMs = READY_MS,
  ): Promise<SluiceServer> {
    const child = new Deno.Command(Deno.execPath(), {
      args: sluiceArgs("serve", "--project", projectDir, "--data", dataDir, "--port", "0"),
      env: { ...STOP_AT_ONCE, ...env, SLUICE_TOKEN: TOKEN },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const output = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
      .then((parts) => parts.join("\n"));
    const url = await waitFor(() => announcedUrl(dataDir, child.pid), readyMs);
    if (url === undefined) {
      try {
        child.kill("SIGKILL");
      } catch {
        // It ended by itself: what it said is what counts.
      }
      fail(`the server did not become ready:\n${await output}`);
    }
    const server = new SluiceServer(child, url, output);
    await waitFor(
      async () => (await fetch(`${url}/healthz`).then(drained, () => undefined))?.ok || undefined,
      readyMs,
    );
    return server;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Asks the API as the first admin, whatever it answers. */
  request(
    method: string,
    path: string,
    { body, headers = {}, signal }: {
      body?: unknown;
      headers?: Record<string, string>;
      signal?: AbortSignal;
    } = {},
  ): Promise<Response> {
    return fetch(this.url + path, {
      method,
      headers: { Authorization: `Bearer ${TOKEN}`, "Content-Type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /** Calls the API as the first admin; answers the body, and fails for a status that was not asked for. */
  async call<T>(method: string, path: string, body?: unknown, status = [200, 202]): Promise<T> {
    const response = await this.request(method, path, { body });
    const text = await response.text();
    if (!status.includes(response.status)) fail(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  }

  trigger(pipeline: string, body: unknown = {}): Promise<Run> {
    return this.call("POST", `/api/pipelines/${pipeline}/runs`, body);
  }

  run(id: string): Promise<RunDetail> {
    return this.call("GET", `/api/runs/${id}`);
  }

  /** Waits until the run has ended; fails where that takes too long. */
  async ended(id: string, withinMs = 60_000): Promise<RunDetail> {
    const run = await waitFor(async () => {
      const now = await this.run(id);
      return now.state === "queued" || now.state === "running" ? undefined : now;
    }, withinMs);
    return run ?? fail(`run ${id} did not end: ${JSON.stringify(await this.run(id))}`);
  }

  /** The pid of a run's process, or undefined where none is at work. */
  async runProcess(): Promise<number | undefined> {
    const text = await Deno.readTextFile(`/proc/${this.pid}/task/${this.pid}/children`).catch(() => "");
    const others = (await Array.fromAsync(Deno.readDir(`/proc/${this.pid}/task`)).catch(() => []))
      .map((task) => `/proc/${this.pid}/task/${task.name}/children`);
    const all = [text, ...await Promise.all(others.map((path) => Deno.readTextFile(path).catch(() => "")))];
    const pid = all.join(" ").trim().split(/\s+/).find((entry) => entry !== "");
    return pid === undefined ? undefined : Number(pid);
  }

  /** Ends it at once, as a power cut would. */
  async kill(): Promise<void> {
    if (this.#isGone) return;
    this.#isGone = true;
    signalIfThere(this.#child, "SIGKILL");
    await this.#child.status;
    await this.#output;
  }

  /** Waits until it has ended by itself. */
  async ending(): Promise<void> {
    await this.#child.status;
    this.#isGone = true;
    await this.#output;
  }

  /** Asks it to stop, and answers what it printed. */
  async stop(): Promise<string> {
    if (!this.#isGone) {
      this.#isGone = true;
      this.#child.kill("SIGTERM");
      const timer = setTimeout(() => this.#child.kill("SIGKILL"), 60_000);
      await this.#child.status;
      clearTimeout(timer);
    }
    return await this.#output;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** It may have ended by itself. */
function signalIfThere(child: Deno.ChildProcess, name: Deno.Signal): void {
  try {
    child.kill(name);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

async function announcedUrl(dataDir: string, pid: number): Promise<string | undefined> {
  try {
    const announced: unknown = JSON.parse(await Deno.readTextFile(join(dataDir, "server.json")));
    if (typeof announced !== "object" || announced === null) return undefined;
    if (!("pid" in announced) || announced.pid !== pid || !("url" in announced)) return undefined;
    return typeof announced.url === "string" ? announced.url : undefined;
  } catch {
    return undefined;
  }
}

async function drained(response: Response): Promise<Response> {
  await response.body?.cancel();
  return response;
}

/** Whether there is no such process any more. */
export async function isGone(pid: number): Promise<boolean> {
  try {
    // A process whose parent has not asked for its status yet is still listed.
    return /^State:\s+Z/m.test(await Deno.readTextFile(`/proc/${pid}/status`));
  } catch (error) {
    // ESRCH: it went away between opening and reading.
    if (error instanceof Deno.errors.NotFound || String(error).includes("os error 3")) return true;
    throw error;
  }
}

/** Asks until there is an answer, at most so long. */
export async function waitFor<T>(
  ask: () => Promise<T | undefined>,
  withinMs: number,
): Promise<T | undefined> {
  const untilMs = Date.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined || Date.now() > untilMs) return answer;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
