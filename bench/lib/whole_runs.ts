import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** Runs of the whole command, beside the physical limit of the same work. */

export interface Timed {
  readonly seconds: number;
  /** Of this process: what is left of a core for the rest of a run; not a number where another did the work. */
  readonly cpuSeconds: number;
}

export async function timed(work: () => Promise<unknown>): Promise<Timed> {
  const start = performance.now();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { seconds: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6 };
}

/** Throws with what the program said where it fails. */
export async function succeed(program: string, args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args: [...args], stderr: "piped" }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

interface SluiceRun {
  readonly id: string;
  readonly steps: readonly { readonly kind: string; readonly duration_ms: number | null }[];
  readonly peak_rss_bytes?: number | null;
}

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** One run of the pipeline of `folder`/project with a new data folder, and its step of that kind as it reports itself. */
export async function sluiceRun(
  folder: string,
  pipeline: string,
  kind: "extract" | "load",
): Promise<{ readonly whole: Timed; readonly step: Timed; readonly peakRssBytes: number }> {
  await Deno.remove(join(folder, "data"), { recursive: true }).catch(() => {});
  let run: SluiceRun | undefined;
  const whole = await timed(async () => run = await sluice(folder, "run", pipeline));
  const shown = await sluice(folder, "show", run?.id ?? "");
  const stepMs = shown.steps.find((step) => step.kind === kind)?.duration_ms ?? Number.NaN;
  return {
    whole,
    step: { seconds: stepMs / 1_000, cpuSeconds: Number.NaN },
    peakRssBytes: shown.peak_rss_bytes ?? 0,
  };
}

async function sluice(folder: string, ...command: string[]): Promise<SluiceRun> {
  const project = ["--project", join(folder, "project"), "--data", join(folder, "data")];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--frozen",
      "--quiet",
      join(ROOT, "server/main.ts"),
      ...command,
      "--json",
      ...project,
    ],
    cwd: ROOT,
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1) ?? "");
}

/** One line: the median, rows a second, and where there is a limit how near to it that is. */
export function report(what: string, rows: number, rounds: readonly Timed[], limit?: readonly Timed[]): void {
  const seconds = median(rounds, "seconds");
  const cpu = median(rounds, "cpuSeconds");
  const cpuText = Number.isNaN(cpu) || cpu < 0.01 ? "" : `, ${cpu.toFixed(2)} s of processor`;
  const ratio = limit === undefined
    ? ""
    : `, ${(median(limit, "seconds") / seconds).toFixed(2)} × the limit's speed${cpuText}`;
  console.log(
    `${what.padEnd(24)} ${seconds.toFixed(2)} s, ${(rows / seconds / 1e6).toFixed(2)} Mrow/s${ratio}`,
  );
}

function median(rounds: readonly Timed[], of: keyof Timed): number {
  const values = rounds.map((one) => one[of]).sort((a, b) => a - b);
  return values[values.length >> 1] ?? Number.NaN;
}
