/**
 * What `sluice plan` takes: of a project of many models where nothing changes, and where one of the first does; and of a
 * model of many rows, whose two versions are built and compared. The whole commands, from their start to their end.
 *
 * deno task bench plan [--models 1000] [--rows 1000000] [--tries 3]
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { manyModels } from "../lib/many_models.ts";
import { buildSluice, costOf, median, writeProject } from "../lib/sluice_run.ts";

const SLUICE = join(import.meta.dirname ?? ".", "..", "..", "dist", "sluice");
const CHANGES = 3;

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      models: { type: "string", default: "1000" },
      rows: { type: "string", default: "1000000" },
      tries: { type: "string", default: "3" },
      built: { type: "boolean", default: false },
    },
  });
  if (!values.built) await buildSluice();
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    await planModels(folder, Number(values.models), Number(values.tries));
    await planRows(folder, Number(values.rows), Number(values.tries));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function planModels(folder: string, count: number, tries: number): Promise<void> {
  const { files } = manyModels(count);
  const project = await writeProject(folder, "bench", files);
  await sluice(0, "apply", project);
  await measure(`${count} models, nothing changes`, tries, () => sluice(0, "plan", project));
  const path = `${project}/transforms/bench/m0001.sql`;
  await Deno.writeTextFile(path, `${await Deno.readTextFile(path)} WHERE quantity < 1000000`);
  await measure(
    `${count} models, one of the first changes, definitions alone`,
    tries,
    () => sluice(CHANGES, "plan", project, "--no-data"),
  );
}

async function planRows(folder: string, rows: number, tries: number): Promise<void> {
  const model = (note: string, count: number) =>
    `/* @sluice\nprimary_key: [id]\n*/
SELECT range AS id, range % 1000 AS customer, (range * 7 % 100000)::DECIMAL(18, 2) AS amount, 'name ' || range % 5000 AS name,
  DATE '2026-01-01' + (range % 300)::INTEGER AS day, range % 2 = 0 AS is_open, ${note} AS note
FROM range(${count})`;
  const project = await writeProject(folder, "rows", {
    "pipelines/rows.yaml": "{}\n",
    "transforms/rows/big.sql": model("'x'", rows),
  });
  await sluice(0, "run", project, "rows", "--quiet");
  const fewer = Math.round(rows * 0.857);
  await Deno.writeTextFile(
    `${project}/transforms/rows/big.sql`,
    model("CASE WHEN range % 7 = 0 THEN 'y' ELSE 'x' END", fewer),
  );
  const inner: number[] = [];
  await measure(`${rows} rows of 7 columns, built twice and compared`, tries, async () => {
    const { pipelines: [plan] } = JSON.parse(await sluice(CHANGES, "plan", project, "--json"));
    inner.push(plan.data.duration_ms / 1_000);
  });
  console.log(`  of it the copy, the process, both builds and the comparison: ${median(inner).toFixed(2)} s`);
}

async function measure(title: string, tries: number, work: () => Promise<unknown>): Promise<void> {
  const costs = [];
  for (let n = 0; n < tries; n += 1) costs.push(await costOf(work));
  console.log(
    `${title}: ${median(costs.map(({ seconds }) => seconds)).toFixed(2)} s, ` +
      `${median(costs.map(({ cpuSeconds }) => cpuSeconds)).toFixed(2)} s of processor`,
  );
}

async function sluice(
  expected: number,
  command: string,
  project: string,
  ...args: string[]
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(SLUICE, {
    args: [command, ...args, "--project", project],
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (code !== expected) throw new Error(`sluice ${command}: ${code}\n${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

await main();
