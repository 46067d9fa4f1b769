import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ENGINE_FLAGS } from "../../engine/runs/attempt/spawn.ts";
import { type Measured, median, show } from "./measured.ts";

/** Rounds of the same work by `sluice run` and by DuckDB alone, one after the other, each in a process of its own. */

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface Work {
  /** The address of the benchmark's own program, which does the work by DuckDB alone for `--bare FOLDER`. */
  readonly program: string;
  readonly folder: string;
  /** The project with the pipeline `bench`. */
  readonly project: string;
  readonly rounds: number;
  /** Called before each run of ours. */
  readonly prepare?: () => Promise<void>;
}

/** Prints each round, and returns the medians. */
export async function measureSideBySide(work: Work): Promise<{ bare: Measured; ours: Measured }> {
  const bare: Measured[] = [];
  const ours: Measured[] = [];
  for (let round = 0; round < work.rounds; round += 1) {
    bare.push(await measureBare(work));
    await work.prepare?.();
    ours.push(await measureOurs(work));
    console.log(`round ${round + 1}: bare ${show(bare.at(-1))}, sluice ${show(ours.at(-1))}`);
  }
  return { bare: median(bare), ours: median(ours) };
}

/** What a program for `--bare` prints at its end. */
export async function printPeakMemory(): Promise<void> {
  const status = await Deno.readTextFile("/proc/self/status");
  console.log(Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1_024);
}

async function measureBare({ program, folder }: Work): Promise<Measured> {
  const started = performance.now();
  const output = await run([fileURLToPath(program), "--bare", folder]);
  return { seconds: (performance.now() - started) / 1_000, peakRssBytes: Number(output.trim()) };
}

/** The command from its start to its end, with a new data folder. */
async function measureOurs({ folder, project }: Work): Promise<Measured> {
  const data = join(folder, "data");
  await Deno.remove(data, { recursive: true }).catch(() => {});
  const main = join(ROOT, "server", "main.ts");
  const folders = ["--project", project, "--data", data];
  const started = performance.now();
  const { id } = lastLine(await run([main, "run", "bench", "--quiet", "--json", ...folders]));
  const seconds = (performance.now() - started) / 1_000;
  const { peak_rss_bytes: peakRssBytes } = lastLine(await run([main, "show", id, "--json", ...folders]));
  return { seconds, peakRssBytes: peakRssBytes ?? 0 };
}

async function run(args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", ENGINE_FLAGS, `--config=${join(ROOT, "deno.json")}`, ...args],
    cwd: ROOT,
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

function lastLine(text: string): { readonly id: string; readonly peak_rss_bytes?: number | null } {
  return JSON.parse(text.trim().split("\n").at(-1) ?? "");
}
