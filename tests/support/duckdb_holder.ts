import { ok } from "node:assert/strict";

/** Another process that has a DuckDB file open, until it is disposed. */
export async function inOtherProcess(
  path: string,
  mode: "read" | "write",
): Promise<AsyncDisposable & { readonly pid: number }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", new URL("./hold_duckdb.ts", import.meta.url).pathname, path, mode],
    cwd: new URL("../../", import.meta.url).pathname,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  ok(value !== undefined, "the other process did not open the file");
  return {
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      await reader.cancel();
      await child.status;
    },
  };
}
