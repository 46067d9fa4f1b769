/**
 * What a run adds to each model: 1,000 small tables by `sluice run` beside DuckDB alone running the same statements, each
 * in a transaction of its own, and beside dbt-duckdb with the same models, one after the other in the same run. The first
 * run of a project checks its definitions and puts them in force; "again" is the run after that, over the tables that are
 * there, as a schedule begins it. dbt comes from PyPI, into a virtual environment in dist/.
 *
 * deno task bench models [--models 1000] [--rounds 1] [--without-dbt]
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openDatabase } from "../../engine/duckdb/database.ts";
import { findPythonWith } from "../../tests/runner/python_packages.ts";
import { succeed, timed } from "../lib/costs.ts";
import { type ManyModels, manyModels } from "../lib/many_models.ts";
import { buildSluice, type Cost, costOf, median, sluiceRun, writeProject } from "../lib/sluice_run.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const DBT = ["dbt-core==1.11.5", "dbt-duckdb==1.11.1", "duckdb==1.5.5"];
const THREADS = 2;

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      models: { type: "string", default: "1000" },
      rounds: { type: "string", default: "1" },
      "without-dbt": { type: "boolean", default: false },
      built: { type: "boolean", default: false },
    },
  });
  const count = Number(values.models);
  const python = values["without-dbt"] ? undefined : await findPythonWith(ROOT, "dbt", DBT, () => {
    throw new Error("The bench needs python3 with venv");
  });
  if (!values.built) await buildSluice();
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    const project = manyModels(count);
    const many = await writeProject(folder, "bench", project.files);
    const one = await writeProject(folder, "one", manyModels(1).files);
    const costs = new Map<string, Cost[]>();
    const add = (what: string, cost: Cost) => costs.set(what, [...costs.get(what) ?? [], cost]);
    for (let round = 0; round < Number(values.rounds); round += 1) {
      const bare = join(folder, `bare${round}.duckdb`);
      add("DuckDB alone", await timed(() => runAlone(bare, project)));
      add("DuckDB alone, again", await timed(() => runAlone(bare, project)));
      for (const [what, files] of [["sluice run, one model", one], ["sluice run", many]] as const) {
        add(what, await sluiceRun(folder, files, "bench"));
        add(`${what}, again`, await sluiceRun(folder, files, "bench", { keepsData: true }));
      }
      if (round === 0) console.log(`the warehouse: ${megabytes(await sizeOf(join(folder, "data")))}`);
      if (python === undefined) continue;
      add("dbt run, one model", await dbt(python, join(folder, `dbt-one${round}`), manyModels(1)));
      add("dbt run", await dbt(python, join(folder, `dbt${round}`), project));
    }
    const seconds = (what: string) => median((costs.get(what) ?? []).map((cost) => cost.seconds));
    const cpu = (what: string) => median((costs.get(what) ?? []).map((cost) => cost.cpuSeconds));
    for (const what of costs.keys()) {
      console.log(`${what.padEnd(22)} ${seconds(what).toFixed(2)} s, ${cpu(what).toFixed(2)} s of processor`);
    }
    for (const [way, again] of [["sluice run", ""], ["sluice run", ", again"], ["dbt run", ""]] as const) {
      if (!costs.has(way)) continue;
      const alone = `DuckDB alone${again}`;
      const added = (of: (what: string) => number) =>
        (of(way + again) - of(`${way}, one model${again}`) - of(alone)) / count * 1_000;
      console.log(
        `${way}${again} adds ${added(seconds).toFixed(1)} ms a model, ${
          added(cpu).toFixed(1)
        } ms of processor, ` +
          `to the ${(seconds(alone) / count * 1_000).toFixed(1)} ms that DuckDB takes: ` +
          `${(seconds(way + again) / seconds(alone)).toFixed(1)} × its time`,
      );
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Into a new file, which is closed at the end as a run closes it. */
async function runAlone(path: string, { raw, models }: ManyModels): Promise<void> {
  await using database = await openDatabase({ path, allowedDirectories: [], threads: THREADS });
  await using session = await database.session();
  for (const statement of raw) await session.run(statement);
  for (const { name, select } of models) {
    for (
      const statement of ["BEGIN TRANSACTION", `CREATE OR REPLACE TABLE main.${name} AS\n${select}`, "COMMIT"]
    ) {
      await session.run(statement);
    }
  }
}

/** The same models, which name each other by ref(), as tables of a new file. */
async function dbt(python: string, folder: string, { raw, models }: ManyModels): Promise<Cost> {
  const database = join(folder, "bench.duckdb");
  const files: Record<string, string> = {
    "dbt_project.yml":
      "name: bench\nversion: '1.0.0'\nprofile: bench\nmodel-paths: [models]\nmodels: {bench: {+materialized: table}}\n",
    "profiles.yml": `bench:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: ${
      JSON.stringify(database)
    }, threads: ${THREADS}}\n`,
  };
  for (const { name, select } of models) {
    files[`models/${name}.sql`] = select.replace(/\bm\d{4}\b/g, (other) => `{{ ref('${other}') }}`);
  }
  for (const [path, text] of Object.entries(files)) {
    await Deno.mkdir(dirname(join(folder, path)), { recursive: true });
    await Deno.writeTextFile(join(folder, path), text);
  }
  {
    await using opened = await openDatabase({ path: database, allowedDirectories: [] });
    await using session = await opened.session();
    for (const statement of raw) await session.run(statement);
  }
  Deno.env.set("DBT_SEND_ANONYMOUS_USAGE_STATS", "false");
  const args = ["run", "--project-dir", folder, "--profiles-dir", folder, "--quiet"];
  return await costOf(() => succeed(python, ["-c", "from dbt.cli.main import cli; cli()", ...args]));
}

async function sizeOf(folder: string): Promise<number> {
  let size = 0;
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    size += isDirectory ? await sizeOf(path) : (await Deno.stat(path)).size;
  }
  return size;
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

await main();
// What the driver finalizes late ends a process of its own by a crash.
Deno.exit(0);
