import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { buildBinary } from "./runner/build_binary.ts";
import { buildProgram, TEST_PROGRAM } from "./runner/build_program.ts";
import { findGroups, type Group, type Need } from "./runner/groups.ts";
import type { FileResult } from "./runner/run_file.ts";
import { type GroupResult, runGroup } from "./runner/run_group.ts";
import { startServers } from "./runner/servers.ts";
import { Slots } from "./runner/slots.ts";

/**
 * `deno task test [PATH …] [--filter TEXT]`: sets up what the tests need, runs them group by group,
 * and says in its last line how many passed and failed. It can never hang: every file has its time,
 * and so has the whole.
 */

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Most files wait a part of their time: for a process to start or to die, for a server, for the disk. */
const MORE_PLACES = 1;

/** The whole is to take less than 35 minutes on two cores. */
const LIMIT_MS = 34 * 60_000;

async function main(args: readonly string[]): Promise<number> {
  const { paths, filter } = readArguments(args);
  const groups = await findGroups(join(root, "tests"), paths);
  if (groups.length === 0) {
    console.log(`No tests under ${paths.join(", ") || "tests/"}`);
    return close([{ ...EMPTY, failed: 1 }]);
  }
  const deadlineMs = performance.now() + LIMIT_MS;
  // What needs nothing runs while the rest is brought and started.
  const servers = startServers(root, groups);
  const needs = (what: Need) => groups.some((group) => group.needs.includes(what));
  const binary = needs("binary") ? buildBinary(root) : undefined;
  const program = needs("program") ? buildProgram(root) : undefined;
  for (const begun of [servers, binary, program]) begun?.catch(() => {});
  const environmentOf = async (group: Group) => {
    if (group.needs.length === 0) return {};
    if (group.needs.includes("binary")) await binary;
    const { environment } = await servers;
    return group.needs.includes("program")
      ? { ...environment, [TEST_PROGRAM]: await program ?? "" }
      : environment;
  };
  // The files of the next group fill the places that the last ones of a group leave.
  const slots = new Slots(navigator.hardwareConcurrency + MORE_PLACES);
  const running = groups.map((group, order) => {
    const options = { root, environment: environmentOf(group), deadlineMs, order };
    return runGroup(group, filter === undefined ? options : { ...options, filter }, slots).catch(cannotRun);
  });
  const results: GroupResult[] = [];
  for (const [index, group] of groups.entries()) results.push(tell(group, await (running[index] ?? EMPTY)));
  await servers.then((started) => started[Symbol.asyncDispose](), () => {});
  tellSlowest(results.flatMap(({ files }) => files));
  return close(results);
}

const EMPTY: GroupResult = { passed: 0, failed: 0, skipped: 0, durationMs: 0, report: "", files: [] };

function cannotRun(error: unknown): GroupResult {
  const message = error instanceof Error ? error.message : String(error);
  return { ...EMPTY, failed: 1, report: `FAILED  These tests cannot run: ${message}` };
}

const SLOWEST = 10;

/** So that the next one sees where the time goes. */
function tellSlowest(files: readonly FileResult[]): void {
  if (files.length <= SLOWEST) return;
  console.log(`\nThe slowest of ${files.length} files:`);
  for (
    const { name, durationMs } of files.toSorted((a, b) => b.durationMs - a.durationMs).slice(0, SLOWEST)
  ) {
    console.log(`${(durationMs / 1_000).toFixed(1).padStart(8)} s  ${name}`);
  }
  console.log();
}

function tell(group: Group, result: GroupResult): GroupResult {
  const counts = formatCounts(result);
  console.log(`${group.name.padEnd(12)} ${counts}  (${(result.durationMs / 1_000).toFixed(1)} s)`);
  if (result.report !== "") console.log(`\n${result.report}\n`);
  return result;
}

/** Prints the closing line, true to what ran, and answers the exit code. */
function close(results: readonly GroupResult[]): number {
  const sum = (pick: (result: GroupResult) => number) =>
    results.reduce((total, result) => total + pick(result), 0);
  const total = {
    passed: sum((result) => result.passed),
    failed: sum((result) => result.failed),
    skipped: sum((result) => result.skipped),
  };
  console.log(formatCounts(total));
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}

function formatCounts(
  { passed, failed, skipped }: Pick<GroupResult, "passed" | "failed" | "skipped">,
): string {
  return `${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`;
}

function readArguments(args: readonly string[]): { paths: string[]; filter?: string } {
  const paths: string[] = [];
  let filter: string | undefined;
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? "";
    if (arg === "--filter") filter = args[++index];
    else if (arg.startsWith("--filter=")) filter = arg.slice("--filter=".length);
    else paths.push(resolve(root, arg));
  }
  return filter === undefined ? { paths } : { paths, filter };
}

Deno.exit(await main(Deno.args));
