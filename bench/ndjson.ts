/**
 * A CSV file of a million rows → NDJSON, through the warehouse by `sluice run` and by DuckDB alone, one
 * after the other in the same run.
 *
 * deno task bench ndjson [--rows 1000000] [--rounds 3]
 */
import { DuckDBInstance } from "@duckdb/node-api";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { type Measured, median, show } from "./lib/measured.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      rows: { type: "string", default: "1000000" },
      rounds: { type: "string", default: "3" },
      bare: { type: "string" },
    },
  });
  if (values.bare !== undefined) return await runBare(values.bare);
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    await writeProject(folder, Number(values.rows));
    const bare: Measured[] = [];
    const sluice: Measured[] = [];
    for (let round = 0; round < Number(values.rounds); round += 1) {
      bare.push(await measureBare(folder));
      sluice.push(await measureSluice(folder));
      console.log(`round ${round + 1}: bare ${show(bare.at(-1))}, sluice ${show(sluice.at(-1))}`);
    }
    const [limit, ours] = [median(bare), median(sluice)];
    const ratio = limit.seconds / ours.seconds;
    console.log(
      `median: bare DuckDB ${show(limit)}; sluice run ${show(ours)}; ${ratio.toFixed(2)} × the limit's speed`,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function writeProject(folder: string, rows: number): Promise<void> {
  await Deno.mkdir(join(folder, "pipelines"));
  await Deno.mkdir(join(folder, "out"));
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run(
    `COPY (
       SELECT i AS id, 'customer ' || (hash(i) % 50000)::VARCHAR AS customer, (hash(i, 1) % 10000) / 100.0 AS amount,
         TIMESTAMP '2024-01-01' + to_seconds(i) AS ordered_at, ['new', 'paid', 'sent'][(1 + i % 3)::BIGINT] AS state,
         'a note of some length about order ' || i AS note
       FROM range(${rows}) AS r(i)
     ) TO '${join(folder, "orders.csv")}' (HEADER)`,
  );
  connection.closeSync();
  instance.closeSync();
  await Deno.writeTextFile(join(folder, "connectors.yaml"), "files: { type: file }\n");
  await Deno.writeTextFile(
    join(folder, "pipelines", "bench.yaml"),
    "extract: { orders: { connector: files, path: orders.csv } }\n" +
      "load: { orders: { connector: files, path: out/orders.ndjson } }\n",
  );
}

/** By DuckDB alone, in a process of its own. */
async function measureBare(folder: string): Promise<Measured> {
  const started = performance.now();
  const output = await run([fileURLToPath(import.meta.url), "--bare", folder]);
  return { seconds: (performance.now() - started) / 1_000, peakRssBytes: Number(output.trim()) };
}

async function runBare(folder: string): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run(
    `COPY (SELECT * FROM read_csv('${join(folder, "orders.csv")}', header = true))
     TO '${join(folder, "bare.ndjson")}' (FORMAT json)`,
  );
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(await Deno.readTextFile("/proc/self/status"))?.[1];
  console.log(Number(kib) * 1_024);
  Deno.exit(0);
}

/** The command from its start to its end, with a new data folder. */
async function measureSluice(folder: string): Promise<Measured> {
  const data = join(folder, "data");
  await Deno.remove(data, { recursive: true }).catch(() => {});
  const started = performance.now();
  const main = join(ROOT, "server", "main.ts");
  const folders = ["--project", folder, "--data", data];
  const { id } = lastLine(await run([main, "run", "bench", "--quiet", "--json", ...folders]));
  const seconds = (performance.now() - started) / 1_000;
  const { peak_rss_bytes: peakRssBytes } = lastLine(await run([main, "show", id, "--json", ...folders]));
  return { seconds, peakRssBytes: peakRssBytes ?? 0 };
}

async function run(args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", `--config=${join(ROOT, "deno.json")}`, ...args],
    cwd: ROOT,
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

function lastLine(text: string): { readonly id: string; readonly peak_rss_bytes?: number | null } {
  return JSON.parse(text.trim().split("\n").at(-1) ?? "");
}

await main();
