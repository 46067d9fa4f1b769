import type { Group } from "./groups.ts";
import { type FileResult, runFile } from "./run_file.ts";
import type { Slots } from "./slots.ts";

export interface GroupResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly durationMs: number;
  /** What failed and why, for a person; empty where nothing did. */
  readonly report: string;
  readonly files: readonly FileResult[];
}

export interface GroupOptions {
  readonly root: string;
  readonly filter?: string;
  /** What the group's tests need, as soon as it is there: the variables that say where. */
  readonly environment: Promise<Readonly<Record<string, string>>>;
  /** When all tests have to be done, as performance.now() counts. */
  readonly deadlineMs: number;
  /** Files of a group with a lower order get a free place first. */
  readonly order: number;
}

/** A file that takes longer hangs. */
const FILE_LIMIT_MS = 8 * 60_000;

/**
 * Runs one group, each file in a process of its own: native libraries do not survive that several
 * isolates of one process come and go, and a crash is then one file's. A file that is not done when
 * its time is up counts as failed. Throws where what the group needs cannot be had.
 */
export async function runGroup(group: Group, options: GroupOptions, slots: Slots): Promise<GroupResult> {
  const environment = await options.environment;
  let startedMs: number | undefined;
  const begin = (file: string) => {
    startedMs ??= performance.now();
    const limitMs = Math.min(group.besideMs ?? FILE_LIMIT_MS, options.deadlineMs - performance.now());
    return runFile(file, { ...options, environment, limitMs });
  };
  const run = (file: string) =>
    group.besideMs === undefined ? slots.use(options.order, () => begin(file)) : begin(file);
  const results: FileResult[] = [];
  if (group.isParallel) results.push(...await Promise.all(group.files.map(run)));
  else for (const file of group.files) results.push(await run(file));
  const sum = (pick: (result: FileResult) => number) =>
    results.reduce((total, result) => total + pick(result), 0);
  return {
    passed: sum((result) => result.passed),
    failed: sum((result) => result.failed),
    skipped: sum((result) => result.skipped),
    durationMs: performance.now() - (startedMs ?? performance.now()),
    report: results.map((result) => result.report).filter((report) => report !== "").join("\n\n"),
    files: results,
  };
}
