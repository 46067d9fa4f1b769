import { memoryUsage } from "node:process";
import type { ServerStatus } from "../../../contract/runs/server_status.ts";
import { diskOf } from "../admission/disk.ts";
import type { RunProcesses } from "../attempt/run_processes.ts";
import type { MetricSample } from "../../../text/exposition.ts";
import type { MetricSamples } from "./metric_table.ts";

/** What /proc counts processor time in, on every Linux that this runs on. */
const TICKS_PER_SECOND = 100;

/** What the process of the server uses, as Linux tells it; what a system does not tell is left out. */
export async function processSamples(): Promise<MetricSamples> {
  const [status, stat, boot, limits, openFiles] = await Promise.all([
    readOrEmpty("/proc/self/status"),
    readOrEmpty("/proc/self/stat"),
    readOrEmpty("/proc/stat"),
    readOrEmpty("/proc/self/limits"),
    countEntries("/proc/self/fd"),
  ]);
  // The name of the program, in brackets, may have spaces in it: what follows is counted from behind them.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [cpuTicks, startTicks] = [Number(fields[11]) + Number(fields[12]), Number(fields[19])];
  return {
    process_cpu_seconds_total: one(cpuTicks / TICKS_PER_SECOND),
    process_resident_memory_bytes: one(kibOf(status, "VmRSS")),
    process_virtual_memory_bytes: one(kibOf(status, "VmSize")),
    process_start_time_seconds: one(
      Number(/^btime (\d+)$/m.exec(boot)?.[1]) + startTicks / TICKS_PER_SECOND,
    ),
    process_open_fds: one(openFiles),
    process_max_fds: one(Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1])),
    sluice_server_heap_bytes: one(memoryUsage().heapUsed),
  };
}

/** Together for runs of one pipeline, of which there is one at a time. */
export async function runProcessSamples(processes: RunProcesses): Promise<MetricSamples> {
  const samples = await Promise.all(
    processes.list().map(async ({ pid, pipeline }) => {
      // One that has ended meanwhile has no memory.
      const bytes = kibOf(await readOrEmpty(`/proc/${pid}/status`), "VmRSS");
      return Number.isNaN(bytes) ? [] : [{ labels: { pipeline }, value: bytes }];
    }),
  );
  return { sluice_run_process_resident_memory_bytes: samples.flat() };
}

export async function diskSamples(dataDir: string): Promise<MetricSamples> {
  const disk = await diskOf(dataDir);
  return disk === undefined ? {} : {
    sluice_data_disk_free_bytes: one(disk.freeBytes),
    sluice_data_disk_size_bytes: one(disk.totalBytes),
  };
}

export const statusSamples = (
  { starts_runs, disk }: Pick<ServerStatus, "starts_runs" | "disk">,
): MetricSamples => ({
  sluice_server_starts_runs: one(starts_runs ? 1 : 0),
  ...(disk === null ? {} : { sluice_data_disk_reserve_bytes: one(disk.reserve_bytes) }),
});

const one = (value: number): MetricSample[] => Number.isNaN(value) ? [] : [{ labels: {}, value }];

/** Bytes of a line of /proc/…/status that is in kB; NaN where there is none. */
function kibOf(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) * 1_024;
}

async function readOrEmpty(path: string): Promise<string> {
  return await Deno.readTextFile(path).catch(() => "");
}

async function countEntries(folder: string): Promise<number> {
  try {
    let count = 0;
    for await (const _entry of Deno.readDir(folder)) count += 1;
    return count;
  } catch {
    return NaN;
  }
}
