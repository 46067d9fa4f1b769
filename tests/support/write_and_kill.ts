import assert from "node:assert/strict";

/**
 * Lets the script confirm so many things, a line each, kills it in the middle of the next, and answers them. It is given
 * the address of a store and what its names begin with.
 */
export async function writeAndKill(
  script: string,
  url: string,
  prefix: string,
  count: number,
): Promise<string[]> {
  const writer = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--no-check", script, url, prefix],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let text = "";
  for await (const part of writer.stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.split("\n").length > count) writer.kill("SIGKILL");
  }
  assert.equal((await writer.status).signal, "SIGKILL", "the writer ended by itself");
  // A last line without its end was cut while it was printed: what it says was confirmed all the same.
  return text.split("\n").slice(0, -1);
}
