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
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { acquirePostgres, type TestDatabase } from "../tests/support/postgres.ts";
import { never, performLoad } from "../tests/support/connections.ts";
import { batchesRequest, openPostgres, read } from "../tests/support/postgres_connector.ts";

const LINEITEM = (rows: number) =>
  `CREATE TABLE lineitem AS SELECT
     (g / 4)::bigint AS orderkey, (g * 7 % 200000)::integer AS partkey, (g * 13 % 10000)::integer AS suppkey,
     (g % 7)::integer AS linenumber, (g % 50 + 1)::numeric(15,2) AS quantity,
     (g * 7919 % 10000000 / 100.0)::numeric(15,2) AS extendedprice, (g % 11 / 100.0)::numeric(15,2) AS discount,
     (g % 9 / 100.0)::numeric(15,2) AS tax, substr('ANR', g::integer % 3 + 1, 1)::char(1) AS returnflag,
     substr('OF', g::integer % 2 + 1, 1)::char(1) AS linestatus, date '1992-01-01' + (g % 2500)::integer AS shipdate,
     date '1992-02-01' + (g % 2500)::integer AS commitdate, date '1992-03-01' + (g % 2500)::integer AS receiptdate,
     (ARRAY['DELIVER IN PERSON', 'COLLECT COD', 'NONE', 'TAKE BACK RETURN'])[g % 4 + 1]::char(25) AS shipinstruct,
     (ARRAY['AIR', 'MAIL', 'SHIP', 'TRUCK', 'RAIL'])[g % 5 + 1]::char(10) AS shipmode,
     'carefully regular ideas ' || g * 31 % 100000 AS comment
   FROM generate_series(1::bigint, ${rows}) AS g`;

interface Measured {
  readonly seconds: number;
  /** Of this process: what is left of a core for the rest of a run. */
  readonly cpuSeconds: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: { rows: { type: "string", default: "2000000" }, rounds: { type: "string", default: "3" } },
  });
  const rows = Number(values.rows);
  const rounds = Number(values.rounds);
  await using server = await acquirePostgres();
  await using database = await server.createDatabase();
  await database.sql.unsafe(LINEITEM(rows));
  await database.sql.unsafe("VACUUM ANALYZE lineitem");
  await database.sql.unsafe("CREATE TABLE copied (LIKE lineitem)");
  console.log(`${rows.toLocaleString("en")} rows of 16 columns, ${navigator.hardwareConcurrency} cores`);

  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    const file = join(folder, "lineitem.bin");
    await psql(database, `\\copy lineitem to '${file}' (format binary)`);
    const measured: Record<string, Measured[]> = {
      psqlOut: [],
      run: [],
      step: [],
      psqlThrough: [],
      through: [],
      out: [],
      psqlIn: [],
      in: [],
    };
    await writeProject(folder, database.url);
    let peakRssBytes = 0;
    for (let round = 0; round < rounds; round += 1) {
      measured.psqlOut?.push(await psql(database, "\\copy lineitem to /dev/null (format binary)"));
      const run = await sluiceRun(folder, "bench");
      measured.run?.push(run.whole);
      measured.step?.push(run.step);
      peakRssBytes = Math.max(peakRssBytes, run.peakRssBytes);
      await database.sql.unsafe("TRUNCATE copied");
      measured.psqlThrough?.push(await psqlThrough(database));
      await database.sql.unsafe("DROP TABLE IF EXISTS loaded");
      const through = await sluiceRun(folder, "through");
      measured.through?.push(through.whole);
      peakRssBytes = Math.max(peakRssBytes, through.peakRssBytes);
      await database.sql.unsafe("DROP TABLE loaded");
      measured.out?.push(await timed(() => readAll(database)));
      await database.sql.unsafe("TRUNCATE copied");
      measured.psqlIn?.push(await psql(database, `\\copy copied from '${file}' (format binary)`));
      await database.sql.unsafe("TRUNCATE copied");
      measured.in?.push(await load(database, rows));
    }
    report("psql COPY to /dev/null", rows, measured.psqlOut ?? []);
    report("sluice run, whole", rows, measured.run ?? [], measured.psqlOut);
    report("PostgreSQL → warehouse", rows, measured.step ?? [], measured.psqlOut);
    report("psql COPY through a pipe", rows, measured.psqlThrough ?? []);
    report("PostgreSQL → PostgreSQL", rows, measured.through ?? [], measured.psqlThrough);
    report("PostgreSQL → Arrow", rows, measured.out ?? [], measured.psqlOut);
    report("psql COPY from a file", rows, measured.psqlIn ?? []);
    report("Arrow → PostgreSQL", rows, measured.in ?? [], measured.psqlIn);
    console.log(`peak RSS of a run's process: ${(peakRssBytes / 1e6).toFixed(0)} MB`);
    console.log(`peak RSS of this process: ${await peakRssMb()} MB`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** A pipeline with that one stream and nothing else, and one that loads it too. */
async function writeProject(folder: string, url: string): Promise<void> {
  await Deno.mkdir(join(folder, "project", "pipelines"), { recursive: true });
  const connectors = `shop: { type: postgres, url: ${JSON.stringify(url)}, ssl: disable }\n`;
  await Deno.writeTextFile(join(folder, "project", "connectors.yaml"), connectors);
  const extract = "extract: { lineitem: { connector: shop, stream: lineitem } }\n";
  const load = "load: { lineitem: { connector: shop, table: loaded } }\n";
  await Deno.writeTextFile(join(folder, "project", "pipelines", "bench.yaml"), extract);
  await Deno.writeTextFile(join(folder, "project", "pipelines", "through.yaml"), extract + load);
}

/** The command from its start to its end with a new data folder, and the step as it reports itself. */
async function sluiceRun(
  folder: string,
  pipeline: "bench" | "through",
): Promise<{ readonly whole: Measured; readonly step: Measured; readonly peakRssBytes: number }> {
  await Deno.remove(join(folder, "data"), { recursive: true }).catch(() => {});
  let run: SluiceRun | undefined;
  const whole = await timed(async () => run = await sluice(folder, "run", pipeline));
  const shown = await sluice(folder, "show", run?.id ?? "");
  const stepMs = shown.steps.find(({ kind }) => kind === "extract")?.duration_ms ?? Number.NaN;
  return {
    whole,
    step: { seconds: stepMs / 1_000, cpuSeconds: Number.NaN },
    peakRssBytes: shown.peak_rss_bytes ?? 0,
  };
}

interface SluiceRun {
  readonly id: string;
  readonly steps: readonly { readonly kind: string; readonly duration_ms: number | null }[];
  readonly peak_rss_bytes?: number | null;
}

async function sluice(folder: string, ...command: string[]): Promise<SluiceRun> {
  const project = ["--project", join(folder, "project"), "--data", join(folder, "data")];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--frozen",
      "--quiet",
      join(ROOT, "server/main.ts"),
      ...command,
      "--json",
      ...project,
    ],
    cwd: ROOT,
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1) ?? "");
}

async function readAll(database: TestDatabase): Promise<void> {
  await using connection = await openPostgres(database.url);
  for await (
    const _ of read(connection, { stream: "lineitem" })
  ) { /* drained */ }
}

/** The same few batches again and again, so that only the load is measured. */
async function load(database: TestDatabase, rows: number): Promise<Measured> {
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

async function timed(work: () => Promise<unknown>): Promise<Measured> {
  const start = performance.now();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { seconds: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6 };
}

function psql(database: TestDatabase, command: string): Promise<Measured> {
  return timed(() => succeed("psql", ["--no-psqlrc", "--quiet", database.url, "-c", command]));
}

/** Out of the one table and into the other at the same time. */
function psqlThrough({ url }: TestDatabase): Promise<Measured> {
  const copy = (what: string) => `psql --no-psqlrc --quiet "$0" -c "COPY ${what} (FORMAT binary)"`;
  const script = `set -o pipefail; ${copy("lineitem TO STDOUT")} | ${copy("copied FROM STDIN")}`;
  return timed(() => succeed("bash", ["-c", script, url]));
}

async function succeed(command: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args, stderr: "piped" }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

function median(measured: readonly Measured[], of: keyof Measured = "seconds"): number {
  const values = measured.map((one) => one[of]).sort((a, b) => a - b);
  return values[values.length >> 1] ?? Number.NaN;
}

function report(
  what: string,
  rows: number,
  measured: readonly Measured[],
  limit?: readonly Measured[],
): void {
  const seconds = median(measured);
  const ratio = limit === undefined
    ? ""
    : `, ${(median(limit) / seconds).toFixed(2)} × the limit's speed${cpuText(measured)}`;
  console.log(
    `${what.padEnd(24)} ${seconds.toFixed(2)} s, ${(rows / seconds / 1e6).toFixed(2)} Mrow/s${ratio}`,
  );
}

/** Nothing where the work was done by other processes. */
function cpuText(measured: readonly Measured[]): string {
  const seconds = median(measured, "cpuSeconds");
  return Number.isNaN(seconds) || seconds < 0.01 ? "" : `, ${seconds.toFixed(2)} s of processor`;
}

async function peakRssMb(): Promise<string> {
  const status = await Deno.readTextFile("/proc/self/status").catch(() => "");
  return (Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024).toFixed(0);
}

await main();
