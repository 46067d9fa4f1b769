/**
 * What a source loses that is 20 ms away: PostgreSQL → warehouse through a proxy that passes bytes on at once,
 * and through one that does so 10 ms later, both ways, one after the other in the same run.
 *
 * deno task bench latency [--rows 2000000] [--rounds 3]; SLUICE_TEST_POSTGRES_URL names a server to use
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { acquirePostgres, type TestDatabase } from "../../tests/support/postgres.ts";
import { lineitem } from "../lib/lineitem.ts";
import { buildSluice, median, type RunCost, sluiceRun, writeProject } from "../lib/sluice_run.ts";

const DELAYS_MS = [0, 10];

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: { rows: { type: "string", default: "2000000" }, rounds: { type: "string", default: "3" } },
  });
  await using server = await acquirePostgres();
  await using database = await server.createDatabase();
  await database.sql.unsafe(`CREATE TABLE lineitem AS ${lineitem(Number(values.rows))}`);
  await database.sql.unsafe("VACUUM ANALYZE lineitem");
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  const proxies = await Promise.all(DELAYS_MS.map((delayMs) => startProxy(database, delayMs)));
  try {
    await buildSluice();
    const seconds = new Map<number, number[]>(DELAYS_MS.map((delayMs) => [delayMs, []]));
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const { delayMs, url } of proxies) {
        const { steps } = await extract(folder, url);
        seconds.get(delayMs)?.push(steps["extract"] ?? Number.NaN);
        console.log(
          `round ${round + 1}: ${2 * delayMs} ms there and back: ${steps["extract"]?.toFixed(2)} s`,
        );
      }
    }
    const [near, far] = DELAYS_MS.map((delayMs) => median(seconds.get(delayMs) ?? []));
    const lost = (1 - (near ?? Number.NaN) / (far ?? Number.NaN)) * 100;
    console.log(`${near?.toFixed(2)} s near, ${far?.toFixed(2)} s 20 ms away: ${lost.toFixed(0)} % lost`);
  } finally {
    for (const { stop } of proxies) await stop();
    await Deno.remove(folder, { recursive: true });
  }
}

async function startProxy(database: TestDatabase, delayMs: number) {
  const to = new URL(database.url);
  const program = fileURLToPath(new URL("../lib/latency_proxy.ts", import.meta.url));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-net", "--quiet", program, to.hostname, to.port, String(delayMs)],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  to.port = new TextDecoder().decode(value).trim();
  return {
    delayMs,
    url: to.href,
    async stop() {
      await child.stdin.close();
      await reader.cancel();
      await child.status;
    },
  };
}

async function extract(folder: string, url: string): Promise<RunCost> {
  const connectors = `shop: { type: postgres, url: ${JSON.stringify(url)}, ssl: disable }\n`;
  const pipeline = "extract: { lineitem: { connector: shop, stream: lineitem } }\n";
  const project = await writeProject(folder, "bench", {
    "connectors.yaml": connectors,
    "pipelines/bench.yaml": pipeline,
  });
  return await sluiceRun(folder, project, "bench");
}

await main();
