import { parseArgs } from "node:util";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findGroups } from "../runner/groups.ts";
import { findSecondReaders } from "../runner/second_readers.ts";
import { startServers } from "../runner/servers.ts";
import { describeFailures } from "./failures.ts";
import { runRound } from "./round.ts";
import { DifferentialServers } from "./systems.ts";

/**
 * `deno task differential [--tables N] [--seed N] [--minutes N]`: rounds of generated tables, until so many are
 * compared or the time is up. Ends with 1 where a value differs; its projects are then kept.
 */

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const TABLES_A_ROUND = 50;
const MOST_ROWS = 40;
/** The share of tables with some thousand rows. */
const LONG_SHARE = 0.05;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      tables: { type: "string", default: "1000" },
      seed: { type: "string", default: String(crypto.getRandomValues(new Uint32Array(1))[0]) },
      minutes: { type: "string", default: "60" },
    },
  });
  const untilMs = performance.now() + Number(values.minutes) * 60_000;
  const python = await findSecondReaders(root, (packages) => {
    throw new Error(`install ${packages.join(" and ")} first`);
  });
  const groups = await findGroups(join(root, "tests"), [
    join(root, "tests/differential/differential_test.ts"),
  ]);
  await using started = await startServers(root, groups);
  for (const [name, value] of Object.entries(started.environment)) Deno.env.set(name, value);
  await using servers = await DifferentialServers.acquire();
  let [tables, compared, different] = [0, 0, 0];
  const refusals = new Map<string, string>();
  for (
    let seed = Number(values.seed);
    tables < Number(values.tables) && performance.now() < untilMs;
    seed++
  ) {
    const count = Math.min(TABLES_A_ROUND, Number(values.tables) - tables);
    await using systems = await servers.systems();
    const folder = await Deno.makeTempDir({ prefix: `sluice-differential-${seed}-` });
    const round = { python, folder, systems };
    const report = await runRound({
      ...round,
      what: { seed, tables: count, most_rows: MOST_ROWS, long_share: LONG_SHARE },
    });
    tables += report.tables;
    compared += report.compared;
    different += report.differences.length;
    for (const { message, step } of report.refusals) {
      refusals.set(message.replaceAll(/"[^"]*"|\d+/g, "…"), `${step}: ${message}`);
    }
    console.log(
      `seed ${seed}: ${report.tables} tables, ${report.compared} compared, ${report.refusals.length} refused, ` +
        `${report.differences.length} different`,
    );
    if (report.differences.length === 0) {
      await Deno.remove(folder, { recursive: true });
      continue;
    }
    await using other = await servers.systems();
    const smaller = {
      folder: await Deno.makeTempDir({ prefix: `sluice-differential-${seed}-smaller-` }),
      systems: other,
    };
    console.log(`${await describeFailures(report, { ...round, smaller })}\n`);
  }
  for (const example of refusals.values()) console.log(`refused, as ${example.slice(0, 400)}`);
  console.log(`${tables} tables, ${compared} compared, ${different} different`);
  return different === 0 ? 0 : 1;
}

Deno.exit(await main());
