/**
 * What becomes of dbt projects: each folder is imported, run, and its tables compared with those that dbt-duckdb builds of
 * the same project (`dbt seed`, `dbt run`), row by row. A project brings its packages in dbt_packages and a profiles.yml
 * whose default target is a file of DuckDB; it is only read. dbt comes from PyPI, into a virtual environment in dist/.
 *
 * deno task bench dbt_projects DIR... [--vars YAML] [--python PATH] [--without-dbt]
 */
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openDatabase } from "../../engine/duckdb/database.ts";
import type { DuckSession } from "../../engine/duckdb/session.ts";
import { findPythonWith } from "../../tests/runner/python_packages.ts";
import { succeed } from "../lib/costs.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const DBT = ["dbt-core==1.11.5", "dbt-duckdb==1.11.1", "duckdb==1.5.5"];

interface Outcome {
  readonly models: number;
  /** Models with nothing to do by hand. */
  readonly whole: number;
  readonly seconds: number;
  /** Why it did not run; undefined: it did. */
  readonly fault?: string;
  readonly tables?: Comparison;
}

interface Comparison {
  readonly same: readonly string[];
  readonly different: readonly string[];
  /** Those of dbt that are no table here, as seeds that nothing reads. */
  readonly missing: readonly string[];
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    allowPositionals: true,
    options: {
      vars: { type: "string", default: "{}" },
      python: { type: "string" },
      "without-dbt": { type: "boolean", default: false },
    },
  });
  const python = values["without-dbt"] ? undefined : values.python ??
    await findPythonWith(ROOT, "dbt", DBT, () => {
      throw new Error("The bench needs python3 with venv");
    });
  console.log("project                 models  untouched  import    tables the same");
  for (const dir of positionals) {
    const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
    try {
      print(basename(dir), await tryProject(resolve(dir), folder, values.vars, python));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }
}

function print(name: string, { models, whole, seconds, fault, tables }: Outcome): void {
  const ended = fault ??
    (tables === undefined
      ? "it runs"
      : `${tables.same.length} of ${tables.same.length + tables.different.length}`);
  console.log(
    `${name.padEnd(22)} ${String(models).padStart(7)} ${String(whole).padStart(10)} ${
      seconds.toFixed(1).padStart(6)
    } s    ${ended}`,
  );
  if (tables === undefined) return;
  if (tables.different.length > 0) console.log(`  other rows: ${tables.different.join(", ")}`);
  if (tables.missing.length > 0) console.log(`  no table here: ${tables.missing.join(", ")}`);
}

async function tryProject(
  dir: string,
  folder: string,
  vars: string,
  python: string | undefined,
): Promise<Outcome> {
  const start = performance.now();
  const project = join(folder, "project");
  const imported = await sluice(["import", "dbt", dir, project, "--vars", vars, "--json"]);
  const seconds = (performance.now() - start) / 1_000;
  const { counts, pipeline } = JSON.parse(imported.out);
  const outcome = { models: counts.models + counts.snapshots, whole: counts.whole, seconds };
  const run = await sluice(["run", pipeline, "--project", project]);
  if (!run.success) return { ...outcome, fault: run.error.trim().split("\n").at(-1) ?? "it fails" };
  if (python === undefined) return outcome;
  const database = await dbtDatabase(dir, join(folder, "dbt"), vars, python);
  const tables = await compare(database, join(project, ".sluice", "warehouse", `${pipeline}.duckdb`));
  return { ...outcome, tables };
}

async function sluice(args: readonly string[]) {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--frozen", "--quiet", join(ROOT, "server/main.ts"), ...args],
    stderr: "piped",
  }).output();
  const [out = "", error = ""] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { success, out, error };
}

/** The file that dbt builds, of a copy of the project. Models that dbt cannot build are left out by it. */
async function dbtDatabase(dir: string, copy: string, vars: string, python: string): Promise<string> {
  await succeed("cp", ["-rL", dir, copy]);
  for (const path of await databasesIn(copy)) await Deno.remove(path);
  Deno.env.set("DBT_SEND_ANONYMOUS_USAGE_STATS", "false");
  for (const command of ["seed", "run"]) {
    const script = "import os, sys; os.chdir(sys.argv.pop(1)); from dbt.cli.main import cli; cli()";
    const args = ["-c", script, copy, command, "--profiles-dir", ".", "--vars", vars, "--quiet"];
    const { code, stdout } = await new Deno.Command(python, { args, stderr: "null" }).output();
    // 1: some of the tables could not be built.
    if (code > 1) throw new Error(new TextDecoder().decode(stdout));
  }
  const [database] = await databasesIn(copy);
  if (database === undefined) {
    throw new Error(`dbt has built no file in ${dir}: profiles.yml has to name one in the project`);
  }
  return database;
}

async function databasesIn(folder: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(folder));
  const files = entries.filter(({ name }) => /\.(?:duckdb|db)(?:\.wal)?$/.test(name));
  return files.map(({ name }) => join(folder, name));
}

interface Table {
  readonly database: string;
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly string[];
}

async function compare(dbt: string, ours: string): Promise<Comparison> {
  await using database = await openDatabase({
    path: ":memory:",
    allowedDirectories: [dirname(dbt), dirname(ours)],
  });
  await using session = await database.session();
  // Its views name their tables by the file's own name.
  const theirs = basename(dbt).replace(/\.\w+$/, "");
  await session.run(`ATTACH '${dbt}' AS "${theirs}" (READ_ONLY)`);
  await session.run(`ATTACH '${ours}' AS ours (READ_ONLY)`);
  const known = new Map((await tablesOf(session, "ours")).map((table) => [table.name, table]));
  const found = { same: [] as string[], different: [] as string[], missing: [] as string[] };
  for (const table of await tablesOf(session, theirs)) {
    const own = known.get(table.name);
    if (own === undefined) found.missing.push(table.name);
    else (await isSame(session, table, own) ? found.same : found.different).push(table.name);
  }
  return found;
}

async function tablesOf(session: DuckSession, database: string): Promise<Table[]> {
  const rows = await session.rows(
    `SELECT schema_name AS schema, table_name AS name, list(column_name ORDER BY column_index) AS columns
     FROM duckdb_columns() WHERE database_name = '${database}' AND NOT internal
     ${database === "ours" ? "AND schema_name = 'main'" : ""} GROUP BY ALL ORDER BY ALL`,
  );
  return rows.map(({ schema, name, columns }) => ({
    database,
    schema: String(schema),
    name: String(name),
    columns: Array.isArray(columns) ? columns.map(String) : [],
  }));
}

/** The same columns in the same order, and the same rows as often. */
async function isSame(session: DuckSession, theirs: Table, ours: Table): Promise<boolean> {
  const names = ({ columns }: Table) => columns.join("\n").toLowerCase();
  if (names(theirs) !== names(ours)) return false;
  const [a, b] = [theirs, ours].map(({ database, schema, name }) => `"${database}"."${schema}"."${name}"`);
  try {
    const [row] = await session.rows(
      `SELECT count(*) AS n FROM ((FROM ${a} EXCEPT ALL FROM ${b}) UNION ALL (FROM ${b} EXCEPT ALL FROM ${a}))`,
    );
    return Number(row?.["n"]) === 0;
  } catch {
    return false;
  }
}

await main();
// What the driver finalizes late ends a process of its own by a crash.
Deno.exit(0);
