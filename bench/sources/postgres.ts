/**
 * PostgreSQL → warehouse and PostgreSQL → PostgreSQL by the whole command, and the connector alone, against
 * the physical limit: 2 M rows of a `lineitem`-like table of 16 columns by binary COPY, out to Arrow and in
 * from Arrow, beside `psql`'s binary COPY of the same rows to and from a file and through a pipe, one after
 * the other in the same run.
 *
 * deno task bench postgres [--rows 2000000] [--rounds 3]; SLUICE_TEST_POSTGRES_URL names a server to use
 */
import type { RecordBatch } from "apache-arrow";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { acquirePostgres, type TestDatabase } from "../../tests/support/postgres.ts";
import { never, performLoad } from "../../tests/support/connections.ts";
import { batchesRequest, openPostgres, read } from "../../tests/support/postgres_connector.ts";
import { lineitem } from "../lib/lineitem.ts";
import { Costs, stepOf, succeed, timed } from "../lib/costs.ts";
import { buildSluice, type Cost, costOf, sluiceRun, writeProject } from "../lib/sluice_run.ts";

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: { rows: { type: "string", default: "2000000" }, rounds: { type: "string", default: "3" } },
  });
  const rows = Number(values.rows);
  const rounds = Number(values.rounds);
  await using server = await acquirePostgres();
  await using database = await server.createDatabase();
  await database.sql.unsafe(`CREATE TABLE lineitem AS ${lineitem(rows)}`);
  await database.sql.unsafe("VACUUM ANALYZE lineitem");
  await database.sql.unsafe("CREATE TABLE copied (LIKE lineitem)");
  console.log(`${rows.toLocaleString("en")} rows of 16 columns, ${navigator.hardwareConcurrency} cores`);

  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    const file = join(folder, "lineitem.bin");
    await psql(database, `\\copy lineitem to '${file}' (format binary)`);
    const found = new Costs(rows);
    let straightPeak = 0;
    await buildSluice();
    const projects = await writeProjects(folder, database.url);
    for (let round = 0; round < rounds; round += 1) {
      found.add(
        "psql COPY to /dev/null",
        await psql(database, "\\copy lineitem to /dev/null (format binary)"),
      );
      const run = await sluiceRun(folder, projects.bench, "bench");
      found.add("sluice run, whole", run);
      found.add("PostgreSQL → warehouse", stepOf(run, "extract"));
      await database.sql.unsafe("TRUNCATE copied");
      found.add("psql COPY through a pipe", await psqlThrough(database));
      await database.sql.unsafe("DROP TABLE IF EXISTS loaded");
      const through = await sluiceRun(folder, projects.through, "through");
      found.add("PostgreSQL → PostgreSQL", through);
      await database.sql.unsafe("DROP TABLE loaded");
      const straight = await sluiceRun(folder, projects.straight, "straight");
      found.add("the same, store: false", straight);
      straightPeak = Math.max(straightPeak, straight.peakRssBytes);
      await database.sql.unsafe("DROP TABLE loaded");
      found.add("PostgreSQL → Arrow", await timed(() => readAll(database)));
      await database.sql.unsafe("TRUNCATE copied");
      found.add(
        "psql COPY from a file",
        await psql(database, `\\copy copied from '${file}' (format binary)`),
      );
      await database.sql.unsafe("TRUNCATE copied");
      found.add("Arrow → PostgreSQL", await load(database, rows));
      const back = await sluiceRun(folder, projects.back, "back");
      found.add("warehouse → PostgreSQL", stepOf(back, "load"));
      await database.sql.unsafe("DROP TABLE loaded");
      found.addPeak(Math.max(run.peakRssBytes, through.peakRssBytes, back.peakRssBytes));
    }
    found.report("psql COPY to /dev/null");
    found.report("sluice run, whole", "psql COPY to /dev/null");
    found.report("PostgreSQL → warehouse", "psql COPY to /dev/null");
    found.report("PostgreSQL → Arrow", "psql COPY to /dev/null");
    found.report("psql COPY through a pipe");
    found.report("PostgreSQL → PostgreSQL", "psql COPY through a pipe");
    found.report("the same, store: false", "psql COPY through a pipe");
    found.report("psql COPY from a file");
    found.report("Arrow → PostgreSQL", "psql COPY from a file");
    found.report("warehouse → PostgreSQL", "psql COPY from a file");
    console.log(`peak RSS of a run's process: ${(found.peakRssBytes / 1e6).toFixed(0)} MB`);
    console.log(`the same, store: false: ${(straightPeak / 1e6).toFixed(0)} MB`);
    console.log(`peak RSS of this process: ${await peakRssMb()} MB`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * Pipelines that only read, that load what they read, with and without a table of it, and that load a model of it,
 * for which the load waits.
 */
async function writeProjects(folder: string, url: string) {
  const connectors = `shop: { type: postgres, url: ${JSON.stringify(url)}, ssl: disable }\n`;
  const stream = (more = "") => `extract: { lineitem: { connector: shop, stream: lineitem${more} } }\n`;
  const load = (name: string) => `load: { ${name}: { connector: shop, table: loaded } }\n`;
  const write = (name: string, pipeline: string, models: Readonly<Record<string, string>> = {}) =>
    writeProject(folder, name, {
      "connectors.yaml": connectors,
      [`pipelines/${name}.yaml`]: pipeline,
      ...models,
    });
  return {
    bench: await write("bench", stream()),
    through: await write("through", stream() + load("lineitem")),
    straight: await write("straight", stream(", store: false") + load("lineitem")),
    back: await write("back", `${stream()}transform: back\n${load("items")}`, {
      "transforms/back/items.sql": "/* @sluice\nmaterialized: view\n*/\nSELECT * FROM raw.lineitem\n",
    }),
  };
}

async function readAll(database: TestDatabase): Promise<void> {
  await using connection = await openPostgres(database.url);
  for await (
    const _ of read(connection, { stream: "lineitem" })
  ) { /* drained */ }
}

/** The same few batches again and again, so that only the load is measured. */
async function load(database: TestDatabase, rows: number): Promise<Cost> {
  await using connection = await openPostgres(database.url);
  const batches: RecordBatch[] = [];
  for await (const batch of read(connection, { stream: "lineitem" })) {
    batches.push(batch);
    if (batches.length === 8) break;
  }
  const schema = batches[0]?.schema;
  const request = batchesRequest(
    { loadId: crypto.randomUUID(), target: "copied", mode: "append", primaryKey: [] },
    batches,
    schema,
  );
  async function* repeated() {
    for (let left = rows; left > 0;) {
      for (const batch of batches) {
        const part = batch.numRows <= left ? batch : batch.slice(0, left);
        if (part.numRows > 0) yield part;
        left -= part.numRows;
      }
    }
  }
  const input = { ...request.input, rows, batches: repeated };
  return await timed(() => performLoad(connection.destination, { ...request, input }, never()));
}

function psql(database: TestDatabase, command: string): Promise<Cost> {
  return costOf(() => succeed("psql", ["--no-psqlrc", "--quiet", database.url, "-c", command]));
}

/** Out of the one table and into the other at the same time. */
function psqlThrough({ url }: TestDatabase): Promise<Cost> {
  const copy = (what: string) => `psql --no-psqlrc --quiet "$0" -c "COPY ${what} (FORMAT binary)"`;
  const script = `set -o pipefail; ${copy("lineitem TO STDOUT")} | ${copy("copied FROM STDIN")}`;
  return costOf(() => succeed("bash", ["-c", script, url]));
}

async function peakRssMb(): Promise<string> {
  const status = await Deno.readTextFile("/proc/self/status").catch(() => "");
  return (Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024).toFixed(0);
}

await main();
