import type { RunProcess } from "../../runs/attempt/spawn.ts";

/** What one process that looks at sources or models may use up. */
export interface ProcessBudget {
  readonly timeMs: number;
  /** Of the whole process, as the system counts it. */
  readonly memoryBytes: number;
}

export const DEFAULT_BUDGET: ProcessBudget = { timeMs: 60_000, memoryBytes: 2_000_000_000 };

/** Often enough for a process that takes gigabytes a second. */
const LOOK_EVERY_MS = 100;

/** Kills the process when its time is up, or when it takes too much memory. */
export function watchBudget(process: RunProcess, budget: ProcessBudget) {
  let exceeded: "time" | "memory" | undefined;
  const stop = (reason: "time" | "memory") => {
    exceeded ??= reason;
    process.kill();
  };
  const timer = setTimeout(() => stop("time"), budget.timeMs);
  const look = setInterval(async () => {
    if (await residentBytes(process.pid) > budget.memoryBytes) stop("memory");
  }, LOOK_EVERY_MS);
  return {
    get exceeded() {
      return exceeded;
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      clearInterval(look);
    },
  };
}

/** Linux's count of the process's memory; 0 elsewhere, or where the process is gone. */
export async function residentBytes(pid: number): Promise<number> {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(await Deno.readTextFile(`/proc/${pid}/status`))?.[1];
    return kib === undefined ? 0 : Number(kib) * 1024;
  } catch {
    return 0;
  }
}
