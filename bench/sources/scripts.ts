/**
 * Scripts with rows of five columns: those that give them, as arrays and as objects, into the warehouse;
 * functions of SQL that a model calls, one that gives what its input gives it, and one that takes a load's rows. Rows a second of the script's step of
 * `sluice run`, and how long a script takes that gives one row.
 *
 * deno task bench scripts [--rows 3000000] [--rounds 3]
 */
import { parseArgs } from "node:util";
import { buildSluice, median, sluiceRun, writeProject } from "../lib/sluice_run.ts";

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

/** Rows of a step that gives rows to a script: a tenth, since it takes longer. */
const GIVEN_PART = 10;

const THROUGH =
  `export default async function* (ctx) { for await (const batch of ctx.input) yield [...batch]; }
`;
const TAKE = `export async function write(batches) {
  let rows = 0;
  for await (const batch of batches) rows += batch.length;
}
`;

interface Case {
  readonly scripts: Readonly<Record<string, string>>;
  readonly pipeline: string;
  readonly rows: number;
  /** The step that is measured. */
  readonly step: "extract" | "load" | "model";
  /** The SQL of its only model. */
  readonly model?: string;
}

const ROWS_STREAM = "rows: { script: scripts/rows.js }";

function casesOf(rows: number): Readonly<Record<string, Case>> {
  const given = Math.ceil(rows / GIVEN_PART);
  const giving = (text: string, count = rows): Case => ({
    scripts: { rows: text },
    pipeline: `extract: { ${ROWS_STREAM} }\n`,
    rows: count,
    step: "extract",
  });
  const calling = (type: string, argument: string, code: string): Case => ({
    scripts: { called: `export default ${code};\n` },
    pipeline:
      `functions: { called: { script: scripts/called.js, parameters: [${type}], returns: ${type} } }\n`,
    rows,
    step: "model",
    model: `SELECT called(${argument}) AS x FROM range(${rows}) t(i)\n`,
  });
  return {
    function_of_texts: calling("VARCHAR", "'customer ' || i", "(text) => text.toUpperCase()"),
    function_of_integers: calling("BIGINT", "i", "(n) => n * 2"),
    arrays: giving(script(rows, NAMES, ARRAY)),
    objects: giving(script(rows, "", OBJECT)),
    one: giving(script(1, NAMES, ARRAY), 1),
    input: {
      scripts: { rows: script(given, NAMES, ARRAY), through: THROUGH },
      pipeline: `extract: { ${ROWS_STREAM}, through: { script: scripts/through.js, input: rows } }\n`,
      rows: given,
      step: "extract",
    },
    destination: {
      scripts: { rows: script(given, NAMES, ARRAY), take: TAKE },
      pipeline: `extract: { ${ROWS_STREAM} }\nload: { rows: { script: scripts/take.js } }\n`,
      rows: given,
      step: "load",
    },
  };
}

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
    for (const [name, { scripts, pipeline, rows: count, step, model }] of Object.entries(casesOf(rows))) {
      const project = await writeProject(folder, name, {
        ...Object.fromEntries(Object.entries(scripts).map(([file, text]) => [`scripts/${file}.js`, text])),
        [`pipelines/${name}.yaml`]: pipeline,
        ...(model === undefined ? {} : { [`transforms/${name}/m.sql`]: model }),
      });
      const found: { readonly seconds: number; readonly cpu: number; readonly peak: number }[] = [];
      for (let round = 0; round < Number(values.rounds); round++) {
        const { steps, cpuSeconds, peakRssBytes } = await sluiceRun(folder, project, name);
        found.push({ seconds: steps[step] ?? Number.NaN, cpu: cpuSeconds, peak: peakRssBytes });
      }
      const seconds = median(found.map((one) => one.seconds));
      const cpu = median(found.map((one) => one.cpu)).toFixed(1);
      const speed = count === 1 ? "" : `, ${(count / seconds / 1e6).toFixed(2)} M rows/s`;
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
