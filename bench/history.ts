/**
 * How fast the pages and lists of a server are whose history is long: pipelines with runs that ended over the last
 * months, asked one after the other as a person does.
 *
 * deno task bench history [--runs 1000000] [--pipelines 100] [--tries 100]
 */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import { BENCH_TOKEN, withSluiceServer } from "./lib/bench_server.ts";

const DAY_MS = 86_400_000;
/** Over so many days the runs are spread. */
const DAYS = 80;

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      runs: { type: "string", default: "1000000" },
      pipelines: { type: "string", default: "100" },
      tries: { type: "string", default: "100" },
    },
  });
  const [runs, pipelines, tries] = [Number(values.runs), Number(values.pipelines), Number(values.tries)];
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    await writeProject(folder, pipelines);
    await withServer(folder, () => Promise.resolve());
    const path = join(folder, "data", "sluice.db");
    fillHistory(path, runs, pipelines);
    console.log(`${runs.toLocaleString("en")} runs of ${pipelines} pipelines: ${sizeOf(path)} MB`);
    await withServer(folder, (url) => measureAll(url, tries, runs));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function writeProject(folder: string, pipelines: number): Promise<void> {
  await Deno.mkdir(join(folder, "pipelines"));
  await Deno.mkdir(join(folder, "transforms", "small"), { recursive: true });
  await Deno.writeTextFile(join(folder, "transforms", "small", "one.sql"), "SELECT 1 AS n\n");
  for (let index = 0; index < pipelines; index++) {
    const zone = index % 2 === 0 ? "Europe/Paris" : "America/New_York";
    const text = `transform: small\nschedule: { cron: "${index % 60} 3 * * *", timezone: ${zone} }\n`;
    await Deno.writeTextFile(join(folder, "pipelines", `p${String(index).padStart(4, "0")}.yaml`), text);
  }
}

/** Runs the work while a server has put the project in force. */
async function withServer(folder: string, work: (url: string) => Promise<void>): Promise<void> {
  await withSluiceServer(folder, async (url) => {
    await untilInForce(url);
    await work(url);
  });
}

async function untilInForce(url: string): Promise<void> {
  for (;;) {
    const found: { revision: string | null }[] = await (await ask(url, "/api/pipelines")).json();
    if (found.length > 0 && found.every(({ revision }) => revision !== null)) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

function fillHistory(path: string, runs: number, pipelines: number): void {
  const database = new DatabaseSync(path);
  const beginMs = Date.now() - DAYS * DAY_MS;
  const stepMs = Math.floor(DAYS * DAY_MS / runs);
  database.exec(`
    begin;
    create temp table n as
      with recursive n (i) as (select 1 union all select i + 1 from n where i < ${runs})
      select i, printf('p%04d', i % ${pipelines}) as pipeline, ${beginMs} + i * ${stepMs} as at from n;
    insert into runs (id, pipeline, revision, state, trigger, attempt, params, full_refresh, window_start,
      window_end, created_at, started_at, finished_at)
    select printf('01A%023d', i), pipeline, (select revision from pipelines where name = n.pipeline),
      iif(i % 97 = 0, 'failed', 'succeeded'), 'schedule', 1, '{}', 0, at - 60000, at, at, at, at + 500
    from n;
    insert into attempts (run, attempt, worker, state, lease_until, heartbeat_at, started_at, ended_at)
    select id, 1, 'bench', state, 0, 0, started_at, finished_at from runs where id like '01A%';
    insert into step_runs (run, attempt, name, kind, state, started_at, finished_at, duration_ms, depends)
    select id, 1, 'model:one', 'model', 'succeeded', started_at, finished_at, 10, '[]'
    from runs where id like '01A%';
    commit;
  `);
  database.close();
}

const sizeOf = (path: string): string => (Deno.statSync(path).size / 1e6).toFixed(0);

async function measureAll(url: string, tries: number, runs: number): Promise<void> {
  const id = `01A${String(runs >> 1).padStart(23, "0")}`;
  const paths = [
    ["GET /api/runs", "/api/runs"],
    ["GET /api/runs?pipeline=", "/api/runs?pipeline=p0001"],
    ["GET /api/runs?state=failed", "/api/runs?state=failed"],
    ["GET /api/runs?before=", `/api/runs?before=${id}`],
    ["GET /api/runs/ID", `/api/runs/${id}`],
    ["GET /api/pipelines", "/api/pipelines"],
    ["page: pipelines", "/"],
    ["page: runs", "/runs"],
    ["page: runs of a pipeline", "/runs?pipeline=p0001"],
    ["page: a pipeline", "/pipelines/p0001"],
    ["page: a run", `/runs/${id}`],
    ["GET history", "/api/pipelines/p0001/history"],
  ] as const;
  const cookie = await logIn(url);
  for (const [title, path] of paths) {
    const taken: number[] = [];
    for (let index = 0; index < tries; index++) {
      const beganMs = performance.now();
      await (await ask(url, path, { cookie })).arrayBuffer();
      taken.push(performance.now() - beganMs);
    }
    const sorted = taken.toSorted((one, other) => one - other);
    const at = (share: number) => (sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN).toFixed(1);
    console.log(`${title.padEnd(28)} ${at(0.5)} ms at the median, ${at(0.95)} ms at p95`);
  }
}

/** Returns the cookie of a session. */
async function logIn(url: string): Promise<string> {
  const response = await fetch(`${url}/login`, {
    method: "POST",
    headers: { origin: url },
    body: new URLSearchParams({ token: BENCH_TOKEN }),
    redirect: "manual",
  });
  await response.body?.cancel();
  const cookie = response.headers.get("set-cookie")?.split(";")[0];
  if (cookie === undefined) throw new Error(`POST /login: ${response.status}`);
  return cookie;
}

async function ask(
  url: string,
  path: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const headers = path.startsWith("/api/") ? { authorization: `Bearer ${BENCH_TOKEN}` } : more;
  const response = await fetch(url + path, { headers, redirect: "manual" });
  if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
  return response;
}

await main();
