import { parseArgs } from "node:util";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findGroups } from "../../runner/groups.ts";
import { startServers } from "../../runner/servers.ts";
import { runCampaign } from "./campaign.ts";

/**
 * `deno task crash [--cases N] [--seed N] [--minutes N] [--source NAME …]`: histories of loads that are killed, cut off and left without
 * room, over every source, destination and mode. Ends with 1 where a row is lost, doubled or wrong, and prints the
 * seed that repeats it.
 */
const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "1000" },
    seed: { type: "string", default: String(crypto.getRandomValues(new Uint32Array(1))[0]) },
    source: { type: "string", multiple: true },
    minutes: { type: "string", default: "120" },
    at_once: { type: "string", default: String(navigator.hardwareConcurrency) },
  },
});
const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const groups = await findGroups(join(root, "tests"), [join(root, "tests/crash/campaign_test.ts")]);
const servers = await startServers(root, groups);
for (const [name, value] of Object.entries(servers.environment)) Deno.env.set(name, value);
const report = await runCampaign({
  seed: Number(values.seed),
  cases: Number(values.cases),
  sources: values.source,
  limitMs: Number(values.minutes) * 60_000,
  atOnce: Number(values.at_once),
  onCase: (line) => console.log(line),
});
await servers[Symbol.asyncDispose]();
console.log(
  `seed ${values.seed}: ${report.cases} cases, ${report.failures} attempts made to fail, ${report.wrong.length} cases wrong`,
);
Deno.exit(report.wrong.length === 0 ? 0 : 1);
