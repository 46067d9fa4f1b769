/**
 * PostgreSQL → warehouse by the whole command beside what others take for the same: dlt into a DuckDB file, with its two
 * fastest backends, one after the other in the same run. dlt comes from PyPI, into a virtual environment in dist/.
 * Sling and faucet-stream are not on npm, PyPI or in Debian as programs.
 *
 * deno task bench peers [--rows 2000000] [--rounds 1]; SLUICE_TEST_POSTGRES_URL names a server to use
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { findPythonWith } from "../../tests/runner/python_packages.ts";
import { acquirePostgres } from "../../tests/support/postgres.ts";
import { Costs, succeed } from "../lib/costs.ts";
import { lineitem } from "../lib/lineitem.ts";
import { buildSluice, costOf, sluiceRun, writeProject } from "../lib/sluice_run.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const DLT = [
  "dlt[duckdb,parquet]==1.31.0",
  "duckdb==2.0.1",
  "sqlalchemy==2.1.9",
  "pyarrow==26.0.1",
  "connectorx==0.4.6",
  "psycopg[binary]==3.3.9",
  "psycopg2-binary==2.9.13",
];
const BACKENDS = { pyarrow: "postgresql+psycopg2:", connectorx: "postgresql:" };

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: { rows: { type: "string", default: "2000000" }, rounds: { type: "string", default: "1" } },
  });
  const rows = Number(values.rows);
  const python = await findPythonWith(ROOT, "peers", DLT, () => {
    throw new Error("The bench needs python3 with venv");
  });
  await buildSluice();
  await using server = await acquirePostgres();
  await using database = await server.createDatabase();
  await database.sql.unsafe(`CREATE TABLE lineitem AS ${lineitem(rows)}`);
  await database.sql.unsafe("VACUUM ANALYZE lineitem");
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    const project = await writeProject(folder, "bench", {
      "connectors.yaml": `shop: { type: postgres, url: ${JSON.stringify(database.url)}, ssl: disable }\n`,
      "pipelines/bench.yaml": "extract: { lineitem: { connector: shop, stream: lineitem } }\n",
    });
    const found = new Costs(rows);
    for (let round = 0; round < Number(values.rounds); round += 1) {
      found.add("sluice run", await sluiceRun(folder, project, "bench"));
      for (const [backend, scheme] of Object.entries(BACKENDS)) {
        const url = database.url.replace(/^postgres(?:ql)?:/, scheme);
        found.add(`dlt, ${backend}`, await dlt(python, url, backend, join(folder, "dlt")));
      }
    }
    found.report("sluice run");
    for (const backend of Object.keys(BACKENDS)) found.report(`dlt, ${backend}`, "sluice run", "Sluice");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function dlt(python: string, url: string, backend: string, folder: string) {
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await Deno.mkdir(folder);
  const script = join(ROOT, "bench", "lib", "dlt_load.py");
  Deno.env.set("RUNTIME__DLTHUB_TELEMETRY", "false");
  return await costOf(() => succeed(python, [script, url, backend, folder]));
}

await main();
