/**
 * How fast the pages and lists of a server are whose history is long: pipelines with runs that ended over the last
 * months, asked one after the other as a person does. Then how long a write waits while a tenth of the runs is
 * forgotten, and how large the store is when as many new ones have come.
 *
 * deno task bench history [--runs 1000000] [--pipelines 100] [--tries 100]
 */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import type { Clock } from "../../contract/clock.ts";
import { Housekeeping } from "../../engine/runs/housekeeping.ts";
import { fileStoreUrl, openStore } from "../../engine/store/open.ts";
import { BENCH_TOKEN, withSluiceServer } from "../lib/bench_server.ts";

const DAY_MS = 86_400_000;
/** Over so many days the runs are spread. */
const DAYS = 80;
/** Of so many of the newest runs there are steps. */
const RUNS_WITH_STEPS = 5_000;
const SLOW_MS = 50;

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
    const filled = fillHistory(path, { runs, pipelines, firstRun: 1 });
    console.log(`${runs.toLocaleString("en")} runs of ${pipelines} pipelines: ${sizeOf(path)} MB, ${filled}`);
    await withServer(folder, (url) => measureAll(url, tries, runs));
    await measureRetention(path, runs, pipelines);
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

interface Filling {
  readonly runs: number;
  readonly pipelines: number;
  /** The number of the first; those before it are there. */
  readonly firstRun: number;
}

/** Without the indexes, which are made when all is there. Returns how long it took. */
function fillHistory(path: string, { runs, pipelines, firstRun }: Filling): string {
  const beganMs = performance.now();
  const database = new DatabaseSync(path, { enableForeignKeyConstraints: false });
  const beginMs = Date.now() - DAYS * DAY_MS;
  const stepMs = DAYS * DAY_MS / (firstRun + runs);
  const indexes = database.prepare(
    "select name, sql from sqlite_master where type = 'index' and sql is not null and tbl_name = 'runs'",
  ).all();
  const isEmpty = firstRun === 1;
  if (isEmpty) { for (const { name } of indexes) database.exec(`drop index ${name}`); }
  database.exec(`
    pragma synchronous = off;
    pragma cache_size = -200000;
    begin;
    create temp table n as
      with recursive n (i) as (select ${firstRun} union all select i + 1 from n where i < ${
    firstRun + runs - 1
  })
      select i, printf('p%04d', i % ${pipelines}) as pipeline, cast(${beginMs} + i * ${stepMs} as integer) as at from n;
    create temp table in_force as select name, revision from pipelines;
    insert into runs (id, pipeline, revision, state, trigger, triggered_by, attempt, params, full_refresh,
      idempotency_key, window_start, window_end, created_at, started_at, finished_at, tags)
    select printf('01A%023d', i), pipeline, (select revision from in_force where name = n.pipeline),
      iif(i % 97 = 0, 'failed', 'succeeded'), iif(i % 50 = 0, 'api', 'schedule'),
      strftime('%Y-%m-%dT%H:%M:%SZ', at / 1000, 'unixepoch'), 1, '{}', 0, 'schedule ' || i, at - 60000, at, at, at,
      at + 500, iif(i % 5000 = 0, '["audit"]', null)
    from n order by i;
    insert into attempts (run, attempt, worker, state, lease_until, heartbeat_at, started_at, ended_at)
    select printf('01A%023d', i), 1, 'bench', iif(i % 97 = 0, 'failed', 'succeeded'), 0, 0, at, at + 500
    from n order by i;
    insert into step_runs (run, attempt, name, kind, state, started_at, finished_at, duration_ms, depends)
    select printf('01A%023d', i), 1, 'model:one', 'model', 'succeeded', at, at + 10, 10, '[]'
    from n where i >= ${firstRun + runs - RUNS_WITH_STEPS} order by i;
    commit;
  `);
  if (isEmpty) { for (const { sql } of indexes) database.exec(String(sql)); }
  database.exec("pragma wal_checkpoint(truncate)");
  database.close();
  return `filled in ${((performance.now() - beganMs) / 1_000).toFixed(0)} s`;
}

const sizeOf = (path: string): string => (Deno.statSync(path).size / 1e6).toFixed(0);

function shareOf(taken: readonly number[], share: number): number {
  const sorted = taken.toSorted((one, other) => one - other);
  return sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
}

const shares = (taken: readonly number[]): string =>
  `${shareOf(taken, 0.5).toFixed(1)} ms at the median, ${shareOf(taken, 0.95).toFixed(1)} ms at p95`;

async function measureAll(url: string, tries: number, runs: number): Promise<void> {
  const id = `01A${String(runs >> 1).padStart(23, "0")}`;
  const paths = [
    ["GET /api/runs", "/api/runs"],
    ["GET /api/runs?pipeline=", "/api/runs?pipeline=p0001"],
    ["GET /api/runs?state=failed", "/api/runs?state=failed"],
    ["GET /api/runs?state=queued", "/api/runs?state=queued"],
    ["GET /api/runs?pipeline=&state=", "/api/runs?pipeline=p0001&state=failed"],
    ["GET /api/runs?tag=", "/api/runs?tag=audit"],
    ["GET /api/runs?trigger=api", "/api/runs?trigger=api"],
    ["GET /api/runs?trigger=sensor", "/api/runs?trigger=sensor"],
    ["GET /api/runs?since=7d", "/api/runs?since=7d"],
    ["GET /api/runs?since=&state=", "/api/runs?since=40d&state=cancelled"],
    ["GET /api/runs?until=40d", "/api/runs?until=40d"],
    ["GET /api/runs?before=", `/api/runs?before=${id}`],
    ["GET /api/runs?pipeline=&before=", `/api/runs?pipeline=p0001&before=${id}`],
    ["GET /api/runs/ID", `/api/runs/${id}`],
    ["GET /api/runs/SUFFIX", `/api/runs/${id.slice(-8)}`],
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
    const p95Ms = shareOf(taken, 0.95);
    console.log(`${title.padEnd(32)} ${shares(taken)}${p95Ms > SLOW_MS ? ": too slow" : ""}`);
    if (p95Ms > SLOW_MS) Deno.exitCode = 1;
  }
}

/** As the server does it once an hour, while somebody writes all the time. */
async function measureRetention(path: string, runs: number, pipelines: number): Promise<void> {
  await using store = await openStore(fileStoreUrl(path));
  const before = sizeOf(path);
  const isOver = Promise.withResolvers<object>();
  const clock: Clock = {
    now: () => Date.now(),
    // The first look is at once, and there is no second one.
    sleep: (waitMs, signal) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, waitMs > 1_000 ? 0 : waitMs);
        signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
      }),
  };
  const housekeeping = new Housekeeping({
    store,
    clock,
    log: (_level, _message, facts) => isOver.resolve(facts ?? {}),
    settings: { keepDays: 0, keepRuns: Math.floor(runs / pipelines * 0.9) },
    dataDir: join(path, "..", "data"),
    spillsInUse: () => new Set(),
  });
  const beganMs = performance.now();
  housekeeping.start();
  const waits: number[] = [];
  let facts: object | undefined;
  void isOver.promise.then((found) => facts = found);
  while (facts === undefined) {
    const askedMs = performance.now();
    await store.pipelines.putSource("p0001", { path: "pipelines/p0001.yaml", content: "" });
    waits.push(performance.now() - askedMs);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await housekeeping.stop();
  const tookS = ((performance.now() - beganMs) / 1_000).toFixed(0);
  console.log(`forgot ${JSON.stringify(facts)} in ${tookS} s; a write meanwhile took ${shares(waits)}`);
  fillHistory(path, { runs: Math.floor(runs / 10), pipelines, firstRun: runs + 1 });
  console.log(`the store had ${before} MB, and has ${sizeOf(path)} MB with as many new runs as it forgot`);
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
