import { DEFINITION_PATHS } from "../../../contract/project/project_paths.ts";

const STATUS_TIMEOUT_MS = 5_000;

export interface GitOptions {
  readonly signal?: AbortSignal;
  /** The git program; looked for in PATH by default. */
  readonly program?: string;
  /** How long it may take; 5,000 by default. */
  readonly timeoutMs?: number;
}

/**
 * The commit that the project's work tree is at (40 or 64 hex digits), with `+dirty` behind it where a
 * pipeline's files differ from it. One question to git gives both, so that a commit is only named
 * where git has compared the files: undefined where the folder is no work tree or has no commit yet,
 * and also where there is no git, or it refuses the folder's owner, fails or takes too long. Throws
 * only what `signal` was aborted with.
 */
export async function gitCommit(projectDir: string, options: GitOptions = {}): Promise<string | undefined> {
  const status = await readStatus(projectDir, options);
  const lines = status?.split("\n").filter((line) => line !== "") ?? [];
  const commit = lines.map((line) => /^# branch\.oid ([0-9a-f]{40,64})$/.exec(line)?.[1])
    .find((found) => found !== undefined);
  if (commit === undefined) return undefined;
  return lines.every((line) => line.startsWith("# ")) ? commit : `${commit}+dirty`;
}

async function readStatus(projectDir: string, options: GitOptions): Promise<string | undefined> {
  const { signal, program = "git", timeoutMs = STATUS_TIMEOUT_MS } = options;
  const timeout = AbortSignal.timeout(timeoutMs);
  const ask = ["status", "--porcelain=v2", "--branch", "--no-ahead-behind", "--", ...DEFINITION_PATHS];
  try {
    // No configuration of the user and no program that the repository names. The machine's own
    // /etc/gitconfig is read: an administrator says there whose folders are safe.
    const output = await new Deno.Command(program, {
      args: ["-c", "core.fsmonitor=false", "-c", "core.quotePath=true", "-C", projectDir, ...ask],
      clearEnv: true,
      env: {
        PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin",
        LC_ALL: "C",
        GIT_CONFIG_GLOBAL: "/dev/null",
        GIT_OPTIONAL_LOCKS: "0",
        GIT_TERMINAL_PROMPT: "0",
      },
      stdin: "null",
      stdout: "piped",
      stderr: "null",
      signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
    }).output();
    signal?.throwIfAborted();
    return output.success ? new TextDecoder().decode(output.stdout) : undefined;
  } catch (error) {
    if (signal?.aborted) throw error;
    return undefined;
  }
}
