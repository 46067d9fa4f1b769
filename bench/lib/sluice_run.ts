import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Whole commands, measured from outside. */

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface Cost {
  readonly seconds: number;
  /** Of the processes that did the work, without those of a database's server. */
  readonly cpuSeconds: number;
}

export interface RunCost extends Cost {
  /** Of the run's process. */
  readonly peakRssBytes: number;
  /** By the kind of the step, in seconds. */
  readonly steps: Readonly<Record<string, number>>;
}

/** Measures work that other processes do, which are gone when it ends. */
export async function costOf(work: () => Promise<unknown>): Promise<Cost> {
  const before = await childrenCpuSeconds();
  const started = performance.now();
  await work();
  const seconds = (performance.now() - started) / 1_000;
  return { seconds, cpuSeconds: await childrenCpuSeconds() - before };
}

/** Of all children that have ended, and theirs. */
async function childrenCpuSeconds(): Promise<number> {
  const stat = await Deno.readTextFile("/proc/self/stat");
  // Behind the name, which may have spaces: the 14th and 15th of these are cutime and cstime, in ticks.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

/** Makes the file that users have, dist/sluice, as it is now: what is measured is its runs. */
export async function buildSluice(): Promise<void> {
  const args = ["run", "-A", "--frozen", "--quiet", join(ROOT, "build/build.ts")];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  // The first start unpacks it.
  await sluice("version");
}

/** A project of one pipeline, as a run of it would check all others too. Returns its folder. */
export async function writeProject(
  folder: string,
  pipeline: string,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const project = join(folder, "projects", pipeline);
  for (const [path, text] of Object.entries(files)) {
    await Deno.mkdir(dirname(join(project, path)), { recursive: true });
    await Deno.writeTextFile(join(project, path), text);
  }
  return project;
}

/** `sluice run PIPELINE` with a data folder in `folder`, a new one unless it keeps that of before. */
export async function sluiceRun(
  folder: string,
  project: string,
  pipeline: string,
  { keepsData = false } = {},
): Promise<RunCost> {
  const data = join(folder, "data");
  if (!keepsData) await Deno.remove(data, { recursive: true }).catch(() => {});
  const folders = ["--project", project, "--data", data];
  let id = "";
  const cost = await costOf(async () => {
    ({ id } = parse(await sluice("run", pipeline, "--quiet", "--json", ...folders)));
  });
  const shown = parse(await sluice("show", id, "--json", ...folders));
  const steps = shown.steps.map(({ kind, duration_ms }) => [kind, (duration_ms ?? Number.NaN) / 1_000]);
  return { ...cost, peakRssBytes: shown.peak_rss_bytes ?? 0, steps: Object.fromEntries(steps) };
}

interface Shown {
  readonly id: string;
  readonly steps: readonly { readonly kind: string; readonly duration_ms: number | null }[];
  readonly peak_rss_bytes?: number | null;
}

async function sluice(...args: string[]): Promise<string> {
  const program = join(ROOT, "dist", "sluice");
  const { success, stdout, stderr } = await new Deno.Command(program, { args, cwd: ROOT }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

const parse = (stdout: string): Shown => JSON.parse(stdout.trim().split("\n").at(-1) ?? "");

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
