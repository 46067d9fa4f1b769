import { join } from "node:path";
import { isGone, sluiceArgs, SluiceServer, TOKEN, waitFor } from "../../support/sluice_server.ts";

/** Enough where others use the machine as well. */
const READY_MS = 120_000;

/** A data folder, and whatever server is on it at the moment. */
export class Place {
  readonly #projectDir: string;
  readonly #dataDir: string;
  readonly #storePath: string;
  readonly #env: Readonly<Record<string, string>>;
  #server: SluiceServer | undefined;

  constructor(
    projectDir: string,
    dataDir: string,
    storePath: string,
    env: Readonly<Record<string, string>>,
  ) {
    this.#projectDir = projectDir;
    this.#dataDir = dataDir;
    this.#storePath = storePath;
    this.#env = env;
  }

  get dataDir(): string {
    return this.#dataDir;
  }

  /** Undefined while there is none that answers. */
  get server(): SluiceServer | undefined {
    return this.#server;
  }

  async start(): Promise<SluiceServer> {
    const env = { ...this.#env };
    return this.#server = await SluiceServer.start(this.#projectDir, this.#dataDir, env, READY_MS);
  }

  /** Begins to start one and kills it so much later, whatever it is at. */
  async startAndKill(afterMs: number): Promise<void> {
    const child = new Deno.Command(Deno.execPath(), {
      args: sluiceArgs("serve", "--project", this.#projectDir, "--data", this.#dataDir, "--port", "0"),
      env: { ...this.#env, SLUICE_TOKEN: TOKEN },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await pause(afterMs);
    signal(child.pid, "SIGKILL");
    await child.status;
  }

  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await server?.kill();
  }

  /** SIGTERM, and SIGKILL so much later where it is still there. */
  async stopAndKill(afterMs: number): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    signal(server.pid, "SIGTERM");
    await waitFor(async () => await isGone(server.pid) || undefined, afterMs);
    await server.kill();
  }

  /** In order. Returns what it printed. */
  async stop(): Promise<string> {
    const server = this.#server;
    this.#server = undefined;
    return await server?.stop() ?? "";
  }

  /** Returns when the control store was written to once more, or after so long: most goes wrong right behind a write. */
  async untilWritten(withinMs: number): Promise<void> {
    const sizeOf = () =>
      Deno.stat(`${this.#storePath}-wal`).then(({ size, mtime }) => `${size} ${mtime?.getTime()}`, () => "");
    const untilMs = performance.now() + withinMs;
    for (const before = await sizeOf(); await sizeOf() === before && performance.now() < untilMs;);
  }

  /** Processes of runs, those that wait for one, and scripts: of this data folder. */
  async processes(): Promise<number[]> {
    const found: number[] = [];
    for await (const { name } of Deno.readDir("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      const command = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
      const cwd = await Deno.readLink(`/proc/${name}/cwd`).catch(() => "");
      if (cwd === this.#projectDir && command.includes(join(this.#dataDir, "tmp"))) found.push(Number(name));
    }
    return found;
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Returns whether the process was there. */
export function signal(pid: number, name: Deno.Signal): boolean {
  try {
    Deno.kill(pid, name);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || String(error).includes("os error 3")) return false;
    throw error;
  }
}
