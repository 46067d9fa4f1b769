/**
 * The compile gate over a generated project: `sluice check`, the first `sluice apply` and one that finds nothing new,
 * static docs, new and the same again, and the lineage of a column, each from the start of its process, beside DuckDB
 * alone binding the same statements against the same empty tables.
 *
 * deno task bench gate [--models 1000] [--rounds 3] [--checkout]; --checkout measures the sources in place of dist/sluice
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openDatabase } from "../../engine/duckdb/database.ts";
import { ENGINE_FLAGS } from "../../engine/runs/attempt/spawn.ts";
import { succeed, timed } from "../lib/costs.ts";
import { manyModels } from "../lib/many_models.ts";
import { buildSluice, type Cost, costOf, median, writeProject } from "../lib/sluice_run.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const CHECKOUT = [
  Deno.execPath(),
  "run",
  "-A",
  "--frozen",
  "--quiet",
  ENGINE_FLAGS,
  join(ROOT, "server/main.ts"),
];

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      models: { type: "string", default: "1000" },
      rounds: { type: "string", default: "3" },
      checkout: { type: "boolean", default: false },
    },
  });
  const project = manyModels(Number(values.models));
  if (!values.checkout) await buildSluice();
  const [program = "", ...args] = values.checkout ? CHECKOUT : [join(ROOT, "dist", "sluice")];
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    const dir = await writeProject(folder, "bench", project.files);
    const found = new Map<string, Cost[]>();
    const add = (what: string, cost: Cost) => found.set(what, [...found.get(what) ?? [], cost]);
    for (let round = 0; round < Number(values.rounds); round += 1) {
      const data = join(folder, `data${round}`);
      const sluice = (...command: readonly string[]) =>
        costOf(() => succeed(program, [...args, ...command, "--project", dir, "--data", data]));
      add("DuckDB alone", await timed(() => bindAlone(project)));
      add("sluice check", await sluice("check"));
      add("sluice apply, all new", await sluice("apply"));
      add("sluice apply, nothing new", await sluice("apply"));
      const site = join(folder, `site${round}`);
      add("sluice docs", await sluice("docs", "--output", site));
      add("sluice docs, nothing new", await sluice("docs", "--output", site));
      add("sluice lineage", await sluice("lineage", `bench.${project.models.at(-1)?.name}.amount`));
    }
    const bare = median((found.get("DuckDB alone") ?? []).map(({ seconds }) => seconds));
    for (const [what, costs] of found) {
      const seconds = median(costs.map((cost) => cost.seconds));
      const cpu = median(costs.map(({ cpuSeconds }) => cpuSeconds));
      console.log(
        `${what.padEnd(26)} ${seconds.toFixed(2)} s, ${cpu.toFixed(2)} s of processor, ${
          (seconds / bare).toFixed(1)
        } × DuckDB alone`,
      );
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Each model is prepared, then has an empty table for those that read it: one statement each, as a person would write it. */
async function bindAlone({ raw, models }: ReturnType<typeof manyModels>): Promise<void> {
  await using database = await openDatabase({ path: ":memory:", allowedDirectories: [] });
  await using session = await database.session();
  for (const statement of raw) await session.run(statement);
  for (const { name, select } of models) {
    await session.run(`CREATE TABLE main.${name} AS (\n${select}) WITH NO DATA`);
  }
}

await main();
// What the driver finalizes late ends a process of its own by a crash.
Deno.exit(0);
