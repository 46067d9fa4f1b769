import { ok } from "node:assert/strict";

/** Runs the git program in a folder, without anybody's configuration; returns what it printed. */
export async function git(dir: string, ...args: readonly string[]): Promise<string> {
  const output = await new Deno.Command("git", {
    args: ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-C", dir, ...args],
    env: { GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" },
    stdout: "piped",
    stderr: "piped",
  }).output();
  ok(output.success, new TextDecoder().decode(output.stderr));
  return new TextDecoder().decode(output.stdout).trim();
}

/** Commits all that is in the folder, and returns the commit. */
export async function commitAll(dir: string, message: string): Promise<string> {
  await git(dir, "add", "-A");
  await git(dir, "commit", "-q", "--allow-empty", "-m", message);
  return await git(dir, "rev-parse", "HEAD");
}
