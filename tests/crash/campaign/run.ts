import { parseArgs } from "node:util";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildProgram, TEST_PROGRAM } from "../../runner/build_program.ts";
import { findGroups } from "../../runner/groups.ts";
import { startServers } from "../../runner/servers.ts";

/**
 * `deno task crash [--cases N] [--seed N] [--minutes N] [--source NAME …]`: histories of loads that are killed, cut off and left without
 * room, over every source, destination and mode.
 *
 * `deno task crash orchestration [--cases N] [--seed N] [--servers N]`: a server under load of every kind that is killed N times.
 *
 * Ends with 1 where a row or a run is lost, doubled or wrong, and prints the seed that repeats it.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cases: { type: "string" },
    seed: { type: "string", default: String(crypto.getRandomValues(new Uint32Array(1))[0]) },
    source: { type: "string", multiple: true },
    minutes: { type: "string", default: "120" },
    at_once: { type: "string", default: String(navigator.hardwareConcurrency) },
    servers: { type: "string", default: "1" },
  },
});
const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const groups = await findGroups(join(root, "tests"), [join(root, "tests/crash/campaign_test.ts")]);
const servers = await startServers(root, groups);
for (const [name, value] of Object.entries(servers.environment)) Deno.env.set(name, value);
const isRight = positionals[0] === "orchestration" ? await killServers() : await failLoads();
await servers[Symbol.asyncDispose]();
Deno.exit(isRight ? 0 : 1);

async function failLoads(): Promise<boolean> {
  const { runCampaign } = await import("./campaign.ts");
  const report = await runCampaign({
    seed: Number(values.seed),
    cases: Number(values.cases ?? "1000"),
    sources: values.source,
    limitMs: Number(values.minutes) * 60_000,
    atOnce: Number(values.at_once),
    onCase: (line) => console.log(line),
  });
  console.log(
    `seed ${values.seed}: ${report.cases} cases, ${report.failures} attempts made to fail, ${report.wrong.length} cases wrong`,
  );
  return report.wrong.length === 0;
}

async function killServers(): Promise<boolean> {
  Deno.env.set(TEST_PROGRAM, await buildProgram(root));
  // Which program is started is known from when the modules are loaded on.
  const { runOrchestration } = await import("../orchestration/campaign.ts");
  const { faults, ...counts } = await runOrchestration({
    seed: Number(values.seed),
    troubles: Number(values.cases ?? "100"),
    servers: Number(values.servers),
    pauseMs: 3_000,
    everyMs: 10_000,
    onTrouble: (line) => console.log(line),
  });
  for (const fault of faults) console.log(`WRONG  ${fault}`);
  console.log(`seed ${values.seed}: ${JSON.stringify(counts)}, ${faults.length} things wrong`);
  return faults.length === 0;
}
