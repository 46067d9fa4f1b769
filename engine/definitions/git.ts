import { dirname, isAbsolute, join, resolve } from "node:path";

/** What of a project makes its pipelines: a change elsewhere (data, outputs) does not make it dirty. */
const WATCHED_PATHS = ["connectors.yaml", "pipelines", "transforms", "scripts"];
const STATUS_TIMEOUT_MS = 5_000;
const COMMIT_PATTERN = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
const MAX_REF_DEPTH = 5;

/**
 * The commit that the project's work tree is at, with `+dirty` behind it where a pipeline's files
 * differ from it. `undefined` where it is no work tree or has no commit yet. HEAD is read from the
 * files, so that the git program is needed for `+dirty` alone.
 */
export async function gitCommit(projectDir: string, signal?: AbortSignal): Promise<string | undefined> {
  const gitDir = await findGitDir(resolve(projectDir));
  if (gitDir === undefined) return undefined;
  const commit = await headCommit(gitDir) ??
    await runGit(projectDir, ["rev-parse", "--verify", "HEAD"], signal);
  const hash = commit?.trim() ?? "";
  if (!COMMIT_PATTERN.test(hash)) return undefined;
  const status = await runGit(projectDir, ["status", "--porcelain", "--", ...WATCHED_PATHS], signal);
  return status === undefined || status.trim() === "" ? hash : `${hash}+dirty`;
}

async function findGitDir(start: string): Promise<string | undefined> {
  for (let folder = start;; folder = dirname(folder)) {
    const path = join(folder, ".git");
    const info = await orUndefined(Deno.stat(path));
    if (info?.isDirectory) return path;
    if (info?.isFile) {
      // A linked work tree or a submodule: the file names the real folder.
      const target = /^gitdir:\s*(.+?)\s*$/m.exec(await readText(path) ?? "")?.[1];
      return target === undefined ? undefined : isAbsolute(target) ? target : join(folder, target);
    }
    if (dirname(folder) === folder) return undefined;
  }
}

async function headCommit(gitDir: string): Promise<string | undefined> {
  const common = (await readText(join(gitDir, "commondir")))?.trim();
  const commonDir = common === undefined ? gitDir : isAbsolute(common) ? common : join(gitDir, common);
  let content = (await readText(join(gitDir, "HEAD")))?.trim();
  for (let depth = 0; depth < MAX_REF_DEPTH && content !== undefined; depth++) {
    if (COMMIT_PATTERN.test(content)) return content;
    const ref = /^ref: (refs\/[^\0]+)$/.exec(content)?.[1];
    if (ref === undefined || ref.split("/").includes("..")) return undefined;
    content = (await readText(join(gitDir, ref)) ?? await readText(join(commonDir, ref)))?.trim() ??
      await packedCommit(commonDir, ref);
  }
  return undefined;
}

async function packedCommit(commonDir: string, ref: string): Promise<string | undefined> {
  const packed = await readText(join(commonDir, "packed-refs"));
  const line = packed?.split("\n").find((candidate) => candidate.endsWith(` ${ref}`));
  return line?.slice(0, line.indexOf(" "));
}

/** The program's output, `undefined` where there is no git, it fails or it takes too long. */
async function runGit(
  projectDir: string,
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const timeout = AbortSignal.timeout(STATUS_TIMEOUT_MS);
  try {
    // No configuration of the user or the machine, and no program that the repository names.
    const output = await new Deno.Command("git", {
      args: ["-c", "core.fsmonitor=false", "-c", "core.quotePath=true", "-C", projectDir, ...args],
      clearEnv: true,
      env: {
        PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin",
        LC_ALL: "C",
        GIT_CONFIG_NOSYSTEM: "1",
        GIT_CONFIG_GLOBAL: "/dev/null",
        GIT_OPTIONAL_LOCKS: "0",
        GIT_TERMINAL_PROMPT: "0",
      },
      stdin: "null",
      stdout: "piped",
      stderr: "null",
      signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
    }).output();
    return output.success ? new TextDecoder().decode(output.stdout) : undefined;
  } catch (error) {
    if (signal?.aborted) throw error;
    return undefined;
  }
}

function readText(path: string): Promise<string | undefined> {
  return orUndefined(Deno.readTextFile(path));
}

/** What cannot be read is the same as not there: the commit is a help, never a reason to fail. */
async function orUndefined<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch {
    return undefined;
  }
}
