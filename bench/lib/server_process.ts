import { join } from "node:path";

/**
 * A server of this folder's in a process of its own, so that it takes no time of ours; its program writes the port as its first
 * line and ends with its stdin. Disposing of it ends it.
 */
export async function startServer(
  program: string,
  ...args: readonly string[]
): Promise<AsyncDisposable & { readonly url: string }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", join(import.meta.dirname ?? ".", program), ...args],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const { value = "" } = await child.stdout.pipeThrough(new TextDecoderStream()).getReader().read();
  return {
    url: `http://127.0.0.1:${value.trim()}`,
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      await child.status;
    },
  };
}
