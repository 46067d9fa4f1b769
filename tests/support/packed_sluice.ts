import { fail } from "node:assert/strict";
import { fileURLToPath } from "node:url";

/** What `deno task build` makes; the test command builds it before these tests. */
export const PACKED_SLUICE = fileURLToPath(new URL("../../dist/sluice", import.meta.url));

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface PackedOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** In a network of its own without any address, where this user may have one. */
  readonly hasNoNetwork?: boolean;
  readonly binary?: string;
}

/** Runs the one file with nothing in its environment but what is given. */
export async function runPacked(args: readonly string[], options: PackedOptions): Promise<Outcome> {
  const { code, stdout, stderr } = await packedCommand(args, options).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Its output is piped, and its input where that is asked for. */
export function packedCommand(
  args: readonly string[],
  options: PackedOptions,
  stdin: "null" | "piped" = "null",
): Deno.Command {
  const { cwd, env = {}, hasNoNetwork = false, binary = PACKED_SLUICE } = options;
  const command = [binary, ...args];
  if (hasNoNetwork && Deno.uid() === 0 && Deno.build.os === "linux") command.unshift("unshare", "--net");
  const [program = "", ...rest] = command;
  return new Deno.Command(program, {
    args: rest,
    cwd,
    env,
    clearEnv: true,
    stdin,
    stdout: "piped",
    stderr: "piped",
  });
}

/** A folder for a test, and a cache for the file to unpack itself into. */
export async function withTempFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "sluice-packed-" }));
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The names in a folder that are not hidden; none where there is no folder. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).toSorted();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** A server of the one file on a free port. */
export class PackedServer implements AsyncDisposable {
  readonly url: string;
  readonly token: string;
  readonly #child: Deno.ChildProcess;
  readonly #stderr: Promise<string>;

  private constructor(child: Deno.ChildProcess, url: string, token: string, stderr: Promise<string>) {
    this.#child = child;
    this.url = url;
    this.token = token;
    this.#stderr = stderr;
  }

  /** Reads address and first token off what it prints, as a person does. */
  static async start(projectDir: string, options: PackedOptions): Promise<PackedServer> {
    const child = packedCommand(["serve", "--project", projectDir, "--port", "0"], options).spawn();
    const stderr = new Response(child.stderr).text();
    let printed = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      printed += text;
      const url = /(http:\/\/\S+)/.exec(printed)?.[1];
      const token = /(slc_[\w-]+)/.exec(printed)?.[1];
      if (url !== undefined && token !== undefined) return new PackedServer(child, url, token, stderr);
    }
    return fail(`the server ended without an address: ${printed}${await stderr}`);
  }

  /** The JSON that the API answers. */
  async call(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    const response = await fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${this.token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) fail(`${method} ${path} answered ${response.status}: ${text}`);
    return JSON.parse(text);
  }

  /** Sends SIGTERM and answers the exit code and what went to stderr. */
  async stop(): Promise<{ code: number; stderr: string }> {
    this.#child.kill("SIGTERM");
    const { code } = await this.#child.status;
    return { code, stderr: await this.#stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.#child.status;
    await this.#stderr;
  }
}
