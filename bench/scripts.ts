/**
 * Scripts that give rows of five columns, as arrays and as objects, into the warehouse: rows a second of the extract step
 * of `sluice run`, and how long a script takes that gives one row.
 *
 * deno task bench scripts [--rows 3000000] [--rounds 3]
 */
import { parseArgs } from "node:util";
import { buildSluice, median, sluiceRun, writeProject } from "./lib/sluice_run.ts";

/** Rows are given so many at a time. */
const AT_A_TIME = 10_000;

const script = (rows: number, declared: string, row: string): string => `
export default async function* (ctx) {
  ${declared}
  for (let first = 0; first < ${rows}; first += ${AT_A_TIME}) {
    const rows = [];
    for (let i = first; i < Math.min(${rows}, first + ${AT_A_TIME}); i++) rows.push(${row});
    yield rows;
  }
}
`;

const NAMES = `ctx.columns(["id", "name", "amount", "day", "paid"]);`;
const ARRAY = `[i, "customer " + (i % 1000), i * 0.5 + 0.25, "2026-01-01", i % 3 === 0]`;
const OBJECT =
  `{ id: i, name: "customer " + (i % 1000), amount: i * 0.5 + 0.25, day: "2026-01-01", paid: i % 3 === 0 }`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: { rows: { type: "string", default: "3000000" }, rounds: { type: "string", default: "3" } },
  });
  await buildSluice();
  const rows = Number(values.rows);
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    const cases = {
      arrays: script(rows, NAMES, ARRAY),
      objects: script(rows, "", OBJECT),
      one: script(1, NAMES, ARRAY),
    };
    for (const [name, text] of Object.entries(cases)) {
      const project = await writeProject(folder, name, {
        "scripts/rows.js": text,
        [`pipelines/${name}.yaml`]: "extract: { rows: { script: scripts/rows.js } }\n",
      });
      const found: { readonly seconds: number; readonly cpu: number; readonly peak: number }[] = [];
      for (let round = 0; round < Number(values.rounds); round++) {
        const { steps, cpuSeconds, peakRssBytes } = await sluiceRun(folder, project, name);
        found.push({ seconds: steps["extract"] ?? Number.NaN, cpu: cpuSeconds, peak: peakRssBytes });
      }
      const seconds = median(found.map((one) => one.seconds));
      const cpu = median(found.map((one) => one.cpu)).toFixed(1);
      const speed = name === "one" ? "" : `, ${(rows / seconds / 1e6).toFixed(2)} M rows/s`;
      const peak = Math.max(...found.map((one) => one.peak)) / 1e6;
      console.log(
        `${name}: step ${seconds.toFixed(2)} s${speed}; whole command ${cpu} s of processor, peak ${
          peak.toFixed(0)
        } MB`,
      );
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

await main();
