/**
 * The peak of a run's process for a table of any size: PostgreSQL → warehouse, and PostgreSQL → PostgreSQL
 * with the rows passing through and with store: false, beside DuckDB's own limit.
 *
 * deno task bench memory [--rows 20000000] [--memory 512MB]; SLUICE_TEST_POSTGRES_URL names a server to use
 */
import { parseArgs } from "node:util";
import { acquirePostgres } from "../../tests/support/postgres.ts";
import { lineitem } from "../lib/lineitem.ts";
import { buildSluice, sluiceRun, writeProject } from "../lib/sluice_run.ts";

const SHOWN: Readonly<Record<string, string>> = {
  warehouse: "warehouse",
  through: "PostgreSQL",
  straight: "PostgreSQL, store: false",
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: { rows: { type: "string", default: "20000000" }, memory: { type: "string", default: "512MB" } },
  });
  const rows = Number(values.rows);
  await using server = await acquirePostgres();
  await using database = await server.createDatabase();
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    await buildSluice();
    const connectors = `shop: { type: postgres, url: ${JSON.stringify(database.url)}, ssl: disable }\n`;
    const stream = { connector: "shop", query: lineitem(rows) };
    const extract = { resources: { memory: values.memory }, extract: { lineitem: stream } };
    const load = { lineitem: { connector: "shop", table: "loaded" } };
    const pipelines = {
      warehouse: extract,
      through: { ...extract, load },
      straight: { ...extract, extract: { lineitem: { ...stream, store: false } }, load },
    };
    console.log(`${rows.toLocaleString("en")} rows of 16 columns, resources.memory ${values.memory}`);
    for (const [name, pipeline] of Object.entries(pipelines)) {
      // JSON is YAML too.
      const project = await writeProject(folder, name, {
        "connectors.yaml": connectors,
        [`pipelines/${name}.yaml`]: JSON.stringify(pipeline),
      });
      const { seconds, cpuSeconds, peakRssBytes } = await sluiceRun(folder, project, name);
      const peak = (peakRssBytes / 1e6).toFixed(0);
      const speed = (rows / seconds / 1e6).toFixed(2);
      console.log(
        `PostgreSQL → ${SHOWN[name]}: peak RSS ${peak} MB, ` +
          `${seconds.toFixed(1)} s (${speed} Mrow/s), ${cpuSeconds.toFixed(1)} s of processor`,
      );
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

await main();
