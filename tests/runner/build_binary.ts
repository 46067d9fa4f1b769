import { join } from "node:path";

/** Builds dist/sluice for the tests that run it. Throws with what the build said where it fails. */
export async function buildBinary(root: string): Promise<void> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--frozen", "--quiet", join(root, "build", "build.ts")],
    cwd: root,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (code !== 0) throw new Error(`deno task build failed:\n${decoder.decode(stderr)}`);
  console.log(decoder.decode(stdout).trimEnd());
}
