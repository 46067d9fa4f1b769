/**
 * Reading what another pipeline publishes: the extract step of `connector: sluice` from the checkout, beside DuckDB alone, which reads the
 * same Parquet file into a table of a file of its own; and a server that gives the snapshot as each of its formats.
 *
 * deno task bench published [--rows 5000000] [--rounds 3]
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { DATA_FORMATS } from "../../contract/snapshots/query.ts";
import { openDatabase } from "../../engine/duckdb/database.ts";
import { ENGINE_FLAGS } from "../../engine/runs/attempt/spawn.ts";
import { findSnapshot, snapshotFile } from "../../engine/snapshots/snapshot_files.ts";
import { BENCH_TOKEN, withSluiceServer } from "../lib/bench_server.ts";
import { Costs, succeed, timed } from "../lib/costs.ts";
import { writeProject } from "../lib/sluice_run.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PROGRAM = ["run", "-A", "--frozen", "--quiet", ENGINE_FLAGS, join(ROOT, "server/main.ts")];

const modelOf = (rows: number) =>
  `SELECT i AS id, 'customer ' || (i % 100000) AS customer, (i * 1.37)::DECIMAL(18,2) AS amount,
  i::HUGEINT * 1000 AS total, DATE '2020-01-01' + (i % 2000)::INTEGER AS day,
  TIMESTAMP '2026-01-01' + INTERVAL 1 SECOND * i AS changed_at, hash(i) AS code
FROM range(${rows}) AS t(i)
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: { rows: { type: "string", default: "5000000" }, rounds: { type: "string", default: "3" } },
  });
  const rows = Number(values.rows);
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    const project = await writeProject(folder, "published", {
      "pipelines/shop.yaml": "publish: [orders]\n",
      "transforms/shop/orders.sql": modelOf(rows),
      "pipelines/mart.yaml": "extract:\n  orders: { connector: sluice, stream: shop.orders }\n",
    });
    const data = join(project, "data");
    const sluice = (...args: readonly string[]) =>
      succeed(Deno.execPath(), [...PROGRAM, ...args, "--project", project, "--data", data]);
    await sluice("run", "shop", "--quiet");
    const snapshots = join(data, "snapshots", "shop", "orders");
    const snapshot = await findSnapshot(snapshots);
    if (snapshot === undefined) throw new Error("Nothing was published");
    const file = snapshotFile(snapshots, snapshot.id);
    console.log(`${rows} rows, ${(snapshot.size_bytes / 1e6).toFixed(0)} MB`);
    const costs = new Costs(rows);
    for (let round = 0; round < Number(values.rounds); round += 1) {
      costs.add("DuckDB alone", await timed(() => readAlone(file, join(folder, `alone${round}.duckdb`))));
      await sluice("run", "mart", "--full-refresh", "--quiet");
      costs.add("connector: sluice", { seconds: await lastExtract(project, data), cpuSeconds: Number.NaN });
      await sluice("run", "mart", "--quiet");
      costs.add("the same snapshot again", {
        seconds: await lastExtract(project, data),
        cpuSeconds: Number.NaN,
      });
    }
    costs.report("DuckDB alone");
    costs.report("connector: sluice", "DuckDB alone", "DuckDB alone");
    costs.report("the same snapshot again");
    await withSluiceServer(project, (url) => askFormats(url, rows, Number(values.rounds)));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Typed as the model is, as the connector gives it. */
async function readAlone(file: string, path: string): Promise<void> {
  await using database = await openDatabase({ path, allowedDirectories: [join(file, "..")] });
  await using session = await database.session();
  await session.run(
    `CREATE TABLE orders AS SELECT * REPLACE (CAST(total AS HUGEINT) AS total) FROM read_parquet('${file}')`,
  );
}

/** Seconds of the newest run's extract step. */
async function lastExtract(project: string, data: string): Promise<number> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [...PROGRAM, "runs", "--pipeline", "mart", "--json", "--project", project, "--data", data],
  }).output();
  const [{ id }] = JSON.parse(new TextDecoder().decode(stdout));
  const shown = await new Deno.Command(Deno.execPath(), {
    args: [...PROGRAM, "show", id, "--json", "--project", project, "--data", data],
  }).output();
  const { steps } = JSON.parse(new TextDecoder().decode(shown.stdout));
  return steps[0].duration_ms / 1_000;
}

async function askFormats(url: string, rows: number, rounds: number): Promise<void> {
  const costs = new Costs(rows);
  const sizes = new Map<string, number>();
  for (let round = 0; round < rounds; round += 1) {
    for (const format of DATA_FORMATS) {
      costs.add(
        format,
        await timed(async () => {
          const response = await fetch(`${url}/api/data/shop/orders?format=${format}`, {
            headers: { authorization: `Bearer ${BENCH_TOKEN}` },
          });
          if (!response.ok || response.body === null) throw new Error(await response.text());
          let bytes = 0;
          for await (const chunk of response.body) bytes += chunk.length;
          sizes.set(format, bytes);
        }),
      );
    }
  }
  for (const [format, bytes] of sizes) {
    costs.report(format);
    console.log(`${"".padEnd(25)} ${(bytes / 1e6).toFixed(0)} MB`);
  }
}

await main();
// What the driver finalizes late ends a process of its own by a crash.
Deno.exit(0);
