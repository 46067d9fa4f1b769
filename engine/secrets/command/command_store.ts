import { AppError } from "../../../contract/errors.ts";
import type { SecretStore } from "../secret_store.ts";
import { commandWords } from "./command_words.ts";

export interface CommandStoreOptions {
  /** Commands that the operator's policy allows, each by its first words: a whole path, and what has to follow it. */
  readonly commandsAllow: readonly string[];
  /** The folder of the server's user, where such programs keep their own settings. */
  readonly home: string | undefined;
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 10_000;
const MAX_OUTPUT_BYTES = 64 * 1024;

/** `${cmd:/usr/bin/pass show shop/db}`: what a program writes, without the line break at its end. */
export function createCommandStore(
  { commandsAllow, home, timeoutMs = TIMEOUT_MS }: CommandStoreOptions,
): SecretStore {
  const allowed = commandsAllow.map((text) => commandWords(text) ?? []).filter(([path]) =>
    path !== undefined
  );
  return {
    async get(command) {
      const words = commandWords(command) ?? [];
      const [program, ...args] = words;
      const isKnown = allowed.some((first) => first.every((word, index) => words[index] === word));
      if (program === undefined || !isKnown) {
        throw new AppError(
          "forbidden",
          "the command is not among secret_commands_allow of the operator's policy",
        );
      }
      return await outputOf(program, args, home, timeoutMs);
    },
  };
}

/** Nothing of what the program says but its output is told: it may be the secret. */
async function outputOf(
  program: string,
  args: readonly string[],
  home: string | undefined,
  timeoutMs: number,
): Promise<string> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args: [...args],
      clearEnv: true,
      env: {
        PATH: "/usr/local/bin:/usr/bin:/bin",
        LANG: "C.UTF-8",
        ...(home === undefined ? {} : { HOME: home }),
      },
      cwd: "/",
      stdin: "null",
      stdout: "piped",
      stderr: "null",
      // In a group of its own: what it has started ends with it.
      detached: true,
    }).spawn();
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? "there is no such program"
      : "it cannot be started";
    throw new AppError("unavailable", `${program}: ${reason}`, { cause: error });
  }
  let failure: AppError | undefined;
  const kill = (error: AppError) => {
    failure ??= error;
    killGroup(child);
  };
  const timer = setTimeout(
    () => kill(new AppError("timeout", `${program} took longer than ${timeoutMs / 1_000} s`)),
    timeoutMs,
  );
  try {
    const bytes = await readOutput(
      child.stdout,
      () => kill(new AppError("invalid", `${program} wrote more than ${MAX_OUTPUT_BYTES / 1024} KiB`)),
    );
    const { code, signal } = await child.status;
    if (failure !== undefined) throw failure;
    if (code !== 0) {
      const how = signal === null ? `exit code ${code}` : signal;
      throw new AppError(
        "unavailable",
        `${program} ended with ${how}: try the command as the server's user to see why`,
      );
    }
    return decoded(program, bytes).replace(/\r?\n$/, "");
  } finally {
    clearTimeout(timer);
    killGroup(child);
  }
}

async function readOutput(stdout: ReadableStream<Uint8Array>, onTooMuch: () => void): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stdout) {
    size += chunk.length;
    if (size > MAX_OUTPUT_BYTES) {
      onTooMuch();
      break;
    }
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(Math.min(size, MAX_OUTPUT_BYTES));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function decoded(program: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new AppError("invalid", `${program} wrote what is no UTF-8`);
  }
}

function killGroup(child: Deno.ChildProcess): void {
  for (const pid of Deno.build.os === "windows" ? [child.pid] : [-child.pid, child.pid]) {
    try {
      Deno.kill(pid, "SIGKILL");
    } catch {
      // It has ended.
    }
  }
}
