/**
 * The peak of a run's process for a table of any size: PostgreSQL → warehouse, and PostgreSQL → PostgreSQL
 * with the rows passing through, beside DuckDB's own limit.
 *
 * deno task bench memory [--rows 20000000] [--memory 512MB]; SLUICE_TEST_POSTGRES_URL names a server to use
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { acquirePostgres } from "../tests/support/postgres.ts";
import { lineitem } from "./lib/lineitem.ts";
import { sluiceRun } from "./lib/sluice_run.ts";

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
    const project = join(folder, "project");
    await Deno.mkdir(join(project, "pipelines"), { recursive: true });
    const connectors = `shop: { type: postgres, url: ${JSON.stringify(database.url)}, ssl: disable }\n`;
    await Deno.writeTextFile(join(project, "connectors.yaml"), connectors);
    const stream = { connector: "shop", query: lineitem(rows) };
    const extract = { resources: { memory: values.memory }, extract: { lineitem: stream } };
    const pipelines = {
      warehouse: extract,
      through: { ...extract, load: { lineitem: { connector: "shop", table: "loaded" } } },
    };
    console.log(`${rows.toLocaleString("en")} rows of 16 columns, resources.memory ${values.memory}`);
    for (const [name, pipeline] of Object.entries(pipelines)) {
      // JSON is YAML too.
      await Deno.writeTextFile(join(project, "pipelines", `${name}.yaml`), JSON.stringify(pipeline));
      const { seconds, cpuSeconds, peakRssBytes } = await sluiceRun(folder, project, name);
      const peak = (peakRssBytes / 1e6).toFixed(0);
      const speed = (rows / seconds / 1e6).toFixed(2);
      console.log(
        `PostgreSQL → ${name === "through" ? "PostgreSQL" : "warehouse"}: peak RSS ${peak} MB, ` +
          `${seconds.toFixed(1)} s (${speed} Mrow/s), ${cpuSeconds.toFixed(1)} s of processor`,
      );
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

await main();
