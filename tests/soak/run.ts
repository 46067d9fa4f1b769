import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { formatBytes } from "../../text/format.ts";
import { buildProgram, TEST_PROGRAM } from "../runner/build_program.ts";
import { findGroups } from "../runner/groups.ts";
import { startServers } from "../runner/servers.ts";
import type { ProcessSample } from "./process_sample.ts";
import type { SoakOptions } from "./soak.ts";

/**
 * `deno task soak [--minutes N] [--pause MS]`: small runs of every kind, one after the other, on a real server; with
 * `--light` as the tests do. Ends with 1 where that grows, or leaves a file, a connection or a process behind.
 */
const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    pause: { type: "string", default: "1000" },
    light: { type: "boolean", default: false },
  },
});
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const groups = await findGroups(join(root, "tests"), [join(root, "tests/soak")]);
const servers = await startServers(root, groups);
for (const [name, value] of Object.entries(servers.environment)) Deno.env.set(name, value);
// Before what starts the program is loaded: it reads there which one. What is edited meanwhile changes nothing.
Deno.env.set(TEST_PROGRAM, await buildProgram(root));
const { LIGHT, soak } = await import("./soak.ts");

const LINE_EVERY_MS = 60_000;
const durationMs = Number(values.minutes) * 60_000;
let toldMs = 0;
const tell = (sample: ProcessSample, runs: number) => {
  if (sample.atMs - toldMs < LINE_EVERY_MS) return;
  toldMs = sample.atMs;
  console.log(`${new Date(sample.atMs).toISOString()} ${format(sample)}, ${runs} runs`);
};
const format = ({ rssBytes, openFiles, sockets, processes, connections }: ProcessSample) =>
  `${
    formatBytes(rssBytes)
  }, files ${openFiles}, sockets ${sockets}, processes ${processes}, connections ${connections}`;

const long: SoakOptions = {
  durationMs,
  warmUpMs: Math.min(durationMs / 4, 10 * 60_000),
  pauseMs: Number(values.pause),
  sampleEveryMs: 5_000,
  everySeconds: 20,
  collectsAll: false,
};
const report = await soak({ ...(values.light ? LIGHT : long), onSample: tell });
await servers[Symbol.asyncDispose]();
console.log(`before: ${format(report.before)}`);
console.log(`after:  ${format(report.after)}`);
console.log(
  `${report.runs} runs asked for; memory ${formatBytes(report.firstRssBytes)} → ${
    formatBytes(report.lastRssBytes)
  } ` +
    `(${(report.rssGrowth * 100).toFixed(1)} %); ${report.processorSeconds.toFixed(0)} s of processor`,
);
for (const leak of report.leaks) console.log(`LEAK: ${leak}`);
Deno.exit(report.leaks.length === 0 ? 0 : 1);
