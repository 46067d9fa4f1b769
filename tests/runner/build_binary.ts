import { join } from "node:path";

/** Builds dist/sluice for the tests that run it. Throws with what the build said where it fails. */
export async function buildBinary(root: string): Promise<void> {
  console.log(await runScript(root, "build.ts"));
}

/** Runs a script of build/ and returns what it printed. Throws with what it said where it fails. */
export async function runScript(root: string, script: string, args: readonly string[] = []): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--frozen", "--quiet", join(root, "build", script), ...args],
    cwd: root,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (code !== 0) throw new Error(`build/${script} failed:\n${decoder.decode(stderr)}`);
  return decoder.decode(stdout).trimEnd();
}
