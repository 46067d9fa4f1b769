/**
 * From the request to the first step: a server with a small pipeline, runs triggered one after the other
 * through its API, with an empty history and with one of a million runs.
 *
 * deno task bench start [--tries 32] [--history 1000000]
 */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import type { RunDetail } from "../../contract/run.ts";
import { BENCH_TOKEN, withSluiceServer } from "../lib/bench_server.ts";

const POLL_MS = 10;
/** After it a process waits for the next run of the pipeline. */
const PAUSE_MS = 500;

interface Try {
  /** From sending the request to the claim. */
  readonly claimMs: number;
  /** From sending the request to the start of the first step, by the clock of this machine. */
  readonly firstStepMs: number;
  /** To the end of the run. */
  readonly endMs: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: { tries: { type: "string", default: "32" }, history: { type: "string", default: "1000000" } },
  });
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    await Deno.mkdir(join(folder, "pipelines"));
    await Deno.mkdir(join(folder, "transforms", "small"), { recursive: true });
    await Deno.writeTextFile(join(folder, "pipelines", "small.yaml"), "transform: small\n");
    await Deno.writeTextFile(join(folder, "transforms", "small", "one.sql"), "SELECT 1 AS n\n");
    const tries = Number(values.tries);
    await measure(folder, "no history, one run after the other", tries, 0);
    await measure(folder, "no history, a process waits", tries, PAUSE_MS);
    const count = Number(values.history);
    fillHistory(join(folder, "data", "sluice.db"), count);
    await measure(folder, `${count.toLocaleString("en")} runs of history`, tries, PAUSE_MS);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function measure(folder: string, title: string, tries: number, pauseMs: number): Promise<void> {
  await withSluiceServer(folder, async (url) => {
    // The first one makes the warehouse.
    await tryOnce(url);
    const all: Try[] = [];
    for (let n = 0; n < tries; n += 1) {
      // In a loop the next request is there before the next process is.
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      all.push(await tryOnce(url));
    }
    report(title, "request → claim", all.map(({ claimMs }) => claimMs));
    report(title, "request → first step", all.map(({ firstStepMs }) => firstStepMs));
    report(title, "request → end", all.map(({ endMs }) => endMs));
  });
}

async function tryOnce(url: string): Promise<Try> {
  const sentMs = Date.now();
  let run: RunDetail = await call(url, "POST", "/api/pipelines/small/runs");
  while (run.finished_at === null) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    run = await call(url, "GET", `/api/runs/${run.id}`);
  }
  if (run.state !== "succeeded") throw new Error(`A run ${run.state}: ${run.error?.message}`);
  const starts = run.steps.flatMap(({ started_at: at }) => at === null ? [] : [Date.parse(at)]);
  const claimMs = Date.parse(run.started_at ?? "") - sentMs;
  return { claimMs, firstStepMs: Math.min(...starts) - sentMs, endMs: Date.parse(run.finished_at) - sentMs };
}

async function call(url: string, method: string, path: string): Promise<RunDetail> {
  const response = await fetch(url + path, { method, headers: { authorization: `Bearer ${BENCH_TOKEN}` } });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return await response.json();
}

/** Runs that ended before the first that is there began, each with an attempt, a step and its outbox row. */
function fillHistory(path: string, count: number): void {
  const database = new DatabaseSync(path);
  database.exec(`
    begin;
    insert into runs (id, pipeline, revision, state, trigger, attempt, params, full_refresh, window_start,
      window_end, created_at, started_at, finished_at)
    with recursive n (i) as (select 1 union all select i + 1 from n where i < ${count})
    select printf('01A%023d', i), 'small', (select revision from pipelines where name = 'small'),
      iif(i % 97 = 0, 'failed', 'succeeded'), 'schedule', 1, '{}', 0, i * 1000, i * 1000 + 1000, i * 1000,
      i * 1000, i * 1000 + 500
    from n;
    insert into attempts (run, attempt, worker, state, lease_until, heartbeat_at, started_at, ended_at)
    select id, 1, 'bench', state, 0, 0, started_at, finished_at from runs where id like '01A%';
    insert into step_runs (run, attempt, name, kind, state, started_at, finished_at, duration_ms, depends)
    select id, 1, 'model:one', 'model', 'succeeded', started_at, finished_at, 10, '[]'
    from runs where id like '01A%';
    insert into outbox (kind, run, payload, created_at, delivered_at)
    select 'run', id, '{}', created_at, created_at from runs where id like '01A%';
    commit;
  `);
  database.close();
}

function report(title: string, what: string, values: readonly number[]): void {
  const sorted = values.toSorted((one, other) => one - other);
  const median = sorted[sorted.length >> 1] ?? 0;
  const max = sorted.at(-1) ?? 0;
  console.log(`${title}: ${what} ${median} ms at the median, ${max} ms at worst of ${values.length}`);
}

await main();
