import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const READY_MS = 60_000;

/** With it a server of `withSluiceServer` is asked. */
export const BENCH_TOKEN = "slc_bench_token_that_is_long_enough";

/** Runs the work while a server on the project in the folder answers; its data lies in `data`, and it forgets no run. */
export async function withSluiceServer(folder: string, work: (url: string) => Promise<void>): Promise<void> {
  const server = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--quiet", `--config=${join(ROOT, "deno.json")}`, join(ROOT, "server", "main.ts")],
      ...["serve", "--project", folder, "--data", join(folder, "data"), "--port", "0"],
    ],
    env: { SLUICE_TOKEN: BENCH_TOKEN, SLUICE_KEEP_DAYS: "0", SLUICE_KEEP_RUNS: "0" },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const output = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    await work(await readUrl(output));
  } finally {
    server.kill("SIGTERM");
    await server.status;
    await output.cancel();
  }
}

async function readUrl(output: ReadableStreamDefaultReader<string>): Promise<string> {
  const untilMs = performance.now() + READY_MS;
  for (let text = ""; performance.now() < untilMs;) {
    const { value, done } = await output.read();
    text += value ?? "";
    const url = /serves (http:\S+)/.exec(text)?.[1];
    if (url !== undefined) return url;
    if (done) break;
  }
  throw new Error("The server did not become ready");
}
