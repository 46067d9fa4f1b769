import process from "node:process";
import { type Cost, median, type RunCost } from "./sluice_run.ts";

/** Measures work of this process. */
export async function timed(work: () => Promise<unknown>): Promise<Cost> {
  const start = performance.now();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { seconds: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6 };
}

/** A step as it reports itself. */
export function stepOf({ steps }: RunCost, kind: string): Cost {
  return { seconds: steps[kind] ?? Number.NaN, cpuSeconds: Number.NaN };
}

/** Runs a program to its end. Throws with what it said where it fails. */
export async function succeed(command: string, args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args: [...args], stderr: "piped" }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** What each way took in each round. */
export class Costs {
  readonly #rows: number;
  readonly #found = new Map<string, Cost[]>();
  peakRssBytes = 0;

  constructor(rows: number) {
    this.#rows = rows;
  }

  add(way: string, cost: Cost): void {
    this.#found.set(way, [...this.#found.get(way) ?? [], cost]);
  }

  addPeak(peakRssBytes: number): void {
    this.peakRssBytes = Math.max(this.peakRssBytes, peakRssBytes);
  }

  report(way: string, limit?: string, named = "the limit"): void {
    const seconds = this.#median(way, "seconds");
    const cpu = this.#median(way, "cpuSeconds");
    const parts = [
      `${seconds.toFixed(2)} s`,
      `${(this.#rows / seconds / 1e6).toFixed(2)} Mrow/s`,
      ...(Number.isNaN(cpu) ? [] : [`${cpu.toFixed(2)} s of processor`]),
      ...(limit === undefined
        ? []
        : [`${(this.#median(limit, "seconds") / seconds).toFixed(2)} × ${named}'s speed`]),
    ];
    console.log(`${way.padEnd(25)} ${parts.join(", ")}`);
  }

  #median(way: string, of: keyof Cost): number {
    return median((this.#found.get(way) ?? []).map((cost) => cost[of]));
  }
}
