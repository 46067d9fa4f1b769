/**
 * How long it takes until a change of one model of many is checked, in a checker that is kept warm (`sluice lsp`, `sluice dev`): of a
 * model that nothing reads, of one in the middle, and of one that half of them read, where its columns stay and where they change.
 *
 * deno task bench live [--models 300,1000] [--rounds 15]
 */
import { parseArgs } from "node:util";
import { LiveChecker } from "../../engine/definitions/live/live_checker.ts";
import { liveContext } from "../../tests/support/live_context.ts";
import { manyModels } from "../lib/many_models.ts";
import { median, writeProject } from "../lib/sluice_run.ts";

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: { models: { type: "string", default: "300,1000" }, rounds: { type: "string", default: "15" } },
  });
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    for (const count of values.models.split(",").map(Number)) {
      await measure(folder, count, Number(values.rounds));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function measure(folder: string, count: number, rounds: number): Promise<void> {
  const { files, models } = manyModels(count);
  const projectDir = await writeProject(folder, `of${count}`, files);
  const begun = performance.now();
  await using checker = await LiveChecker.open(liveContext({ projectDir, dataDir: `${projectDir}/.sluice` }));
  console.log(
    `${count} models: opened in ${
      (performance.now() - begun).toFixed(0)
    } ms, faults: ${checker.state.faults.size}`,
  );
  const pathOf = (name: string | undefined) => `transforms/bench/${name}.sql`;
  const edit = async (
    what: string,
    name: string | undefined,
    change: (text: string, round: number) => string,
  ) => {
    const text = files[pathOf(name)] ?? "";
    const times: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const from = performance.now();
      await checker.update({ unsaved: new Map([[pathOf(name), change(text, round)]]) });
      times.push(performance.now() - from);
    }
    await checker.update({ unsaved: new Map([[pathOf(name), null]]) });
    const sorted = times.toSorted((a, b) => a - b);
    console.log(
      `  ${what.padEnd(44)} median ${median(times).toFixed(0).padStart(5)} ms, slowest ${
        (sorted.at(-1) ?? 0).toFixed(0).padStart(5)
      } ms`,
    );
  };
  const comment = (text: string, round: number) => `${text}\n-- ${round}\n`;
  const renamed = (text: string, round: number) =>
    text.replace(/SELECT/, `SELECT ${round} AS another${round},`);
  await edit("the last model, another comment", models.at(-1)?.name, comment);
  await edit(
    "the last model, half a word",
    models.at(-1)?.name,
    (text, round) => `${text}\nWHER${"E".repeat(round % 2)}`,
  );
  await edit("one in the middle, another comment", models[count >> 1]?.name, comment);
  await edit("the first, another column each time", models[0]?.name, renamed);
}

await main();
// What the driver finalizes late ends a process of its own by a crash.
Deno.exit(0);
