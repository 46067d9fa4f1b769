/**
 * Whether no firing is lost or doubled, and how long after its moment a run begins: many pipelines that are all due at
 * the same second, on the scheduler, the queue, the audit log and a control store as the server has them. Runs are stood in for by
 * a wait of some milliseconds, so that workers are free. With jitter they are spread, and the minutes pass as they do;
 * without, the time between two firings is skipped.
 *
 * deno task bench schedule [--pipelines 1000] [--minutes 10] [--cron "* * * * *"] [--jitter 0s]
 */
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { parseArgs } from "node:util";
import * as v from "valibot";
import { connectors } from "../../connectors/registry.ts";
import type { Clock } from "../../contract/clock.ts";
import { pipelineSchema } from "../../contract/pipeline/pipeline.ts";
import { createAudit } from "../../engine/control/audit/audit_log.ts";
import { createRunLines, finishRunLines } from "../../engine/control/audit/run_lines.ts";
import { pipelineRecord } from "../../engine/control/pipeline_record.ts";
import { RunRequests } from "../../engine/control/run_requests.ts";
import { ScheduledPipelines } from "../../engine/control/schedules/scheduled_pipelines.ts";
import { RunQueue } from "../../engine/runs/run_queue.ts";
import { Scheduler } from "../../engine/runs/schedules/scheduler.ts";
import type { Worker } from "../../engine/runs/worker.ts";
import { openStore } from "../../engine/store/open.ts";
import type { Store } from "../../engine/store/store.ts";

const MINUTE_MS = 60_000;
const START_MS = Date.parse("2026-03-01T00:00:30Z");
/** How long a run takes. */
const RUN_MS = 20;
/** Longer than this, and a minute's runs will not come any more. */
const PATIENCE_MS = 150_000;

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      pipelines: { type: "string", default: "1000" },
      minutes: { type: "string", default: "10" },
      cron: { type: "string", default: "* * * * *" },
      jitter: { type: "string", default: "0s" },
    },
  });
  const [pipelines, minutes] = [Number(values.pipelines), Number(values.minutes)];
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  try {
    const path = join(folder, "store.db");
    await using store = await openStore(`file://${path}`);
    await addPipelines(store, pipelines, { cron: values.cron, jitter: values.jitter });
    const delays = await runMinutes(store, { pipelines, minutes, isSpread: values.jitter !== "0s" });
    await report(path, pipelines, minutes, delays);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

interface Sleeper {
  readonly untilMs: number;
  readonly wake: () => void;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** Time that passes as it does, and that is moved on where nothing is left to wait for. */
class SkippingClock implements Clock {
  #aheadMs = START_MS - Date.now();
  readonly #sleepers = new Set<Sleeper>();

  now(): number {
    return Date.now() + this.#aheadMs;
  }

  sleep(waitMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const sleeper: Sleeper = {
        untilMs: this.now() + waitMs,
        timer: undefined,
        wake: () => {
          clearTimeout(sleeper.timer);
          this.#sleepers.delete(sleeper);
          signal.removeEventListener("abort", sleeper.wake);
          resolve();
        },
      };
      sleeper.timer = setTimeout(sleeper.wake, waitMs);
      this.#sleepers.add(sleeper);
      signal.addEventListener("abort", sleeper.wake, { once: true });
    });
  }

  skipTo(atMs: number): void {
    this.#aheadMs += Math.max(atMs - this.now(), 0);
    for (const sleeper of this.#sleepers) {
      clearTimeout(sleeper.timer);
      sleeper.timer = setTimeout(sleeper.wake, Math.max(sleeper.untilMs - this.now(), 0));
    }
  }
}

async function addPipelines(
  store: Store,
  count: number,
  { cron, jitter }: { cron: string; jitter: string },
): Promise<void> {
  for (let index = 0; index < count; index++) {
    const pipeline = `p${index}`;
    const definition = v.parse(pipelineSchema, { schedule: { cron, jitter }, overlap: "queue" });
    const id = pipeline.padEnd(64, "0");
    await store.revisions.save({ id, pipeline, definition, files: [], connectors: {} }, []);
    await store.pipelines.put({ name: pipeline, origin: "files", revision: id, faults: [] });
  }
}

/** Returns how long after its moment each run began, in milliseconds. */
async function runMinutes(
  store: Store,
  { pipelines, minutes, isSpread }: { pipelines: number; minutes: number; isSpread: boolean },
): Promise<number[]> {
  const clock = new SkippingClock();
  const delays: number[] = [];
  let ended = 0;
  const log = (level: string, message: string, facts?: object) => {
    if (level === "error" || level === "warn") console.error(message, facts);
  };
  const worker: Worker = {
    run(run) {
      delays.push(clock.now() - Date.parse(run.triggered_by ?? ""));
      const done = new Promise((resolve) => setTimeout(resolve, RUN_MS)).then(() => ({
        result: {
          error: null,
          stopped: null,
          outcome: {
            atMs: clock.now(),
            error: null,
            rowsExtracted: 0,
            rowsLoaded: 0,
            warnings: 0,
            peakRssBytes: null,
          },
        },
        retry: undefined,
      }));
      return { done, stop: () => {} };
    },
  };
  const active = new Set<string>();
  const queue = new RunQueue({
    store,
    clock,
    log,
    worker: {
      run(run, lease) {
        active.add(run.id);
        const handle = worker.run(run, lease);
        void handle.done.then(() => {
          active.delete(run.id);
          ended++;
        });
        return handle;
      },
    },
    owner: "bench",
    maxRuns: pipelines,
    isAlone: true,
    onChange: () => {},
  });
  const requests = new RunRequests({
    store,
    connectors,
    clock,
    log,
    queue,
    pipeline: (name) => pipelineRecord(store, name),
    onChange: () => queue.wake(),
  });
  const scheduled = new ScheduledPipelines(store);
  let longestLookMs = 0;
  const scheduler = new Scheduler({
    clock,
    log,
    list: async () => {
      const beganMs = performance.now();
      const entries = await scheduled.list();
      longestLookMs = Math.max(longestLookMs, performance.now() - beganMs);
      return entries;
    },
    lastRun: (pipeline) => scheduled.lastRun(pipeline),
    fire: (firings) => requests.fire(firings),
    prepare: () => Promise.resolve(),
    mark: (marks) => store.pipelines.putScheduleMarks(marks),
  });
  const audit = createAudit({ store: store.audit, clock, log });
  const runLines = createRunLines({ audit, outbox: store.outbox, clock, log });
  runLines.start();
  queue.start();
  scheduler.start();
  await new Promise((resolve) => setTimeout(resolve, 500));
  for (let minute = 1; minute <= minutes; minute++) {
    const atMs = momentMs(minute);
    // Where they are spread over the minute, there is nothing to skip.
    if (!isSpread) {
      clock.skipTo(atMs - 35_000);
      await new Promise((resolve) => setTimeout(resolve, 200));
      clock.skipTo(atMs - 500);
    }
    const giveUpMs = Date.now() + PATIENCE_MS;
    const expected = pipelines * minute;
    while ((ended < expected || active.size > 0) && Date.now() < giveUpMs) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    console.log(`minute ${minute}: ${ended} of ${expected} runs ended`);
  }
  await scheduler.stop();
  await queue.stop();
  await runLines.stop();
  await finishRunLines(audit, store.outbox);
  await audit[Symbol.asyncDispose]();
  console.log(`reading the definitions took ${longestLookMs.toFixed(0)} ms at most`);
  return delays;
}

/** When the pipelines are due for the nth time, from 1, without jitter. */
const momentMs = (minute: number): number => (Math.floor(START_MS / MINUTE_MS) + minute) * MINUTE_MS;

function report(path: string, pipelines: number, minutes: number, delays: readonly number[]): void {
  // Where a minute's runs take longer than a minute, the next ones are under way.
  const after = new Date(momentMs(minutes + 1)).toISOString();
  const database = new DatabaseSync(path);
  const wrong = database.prepare(`
    select pipeline, count(*) as runs, count(distinct triggered_by) as moments, sum(state = 'succeeded') as succeeded
    from runs where triggered_by < ? group by pipeline having runs <> ? or moments <> ? or succeeded <> ?
  `).all(after, minutes, minutes, minutes);
  const total = database.prepare("select count(*) as runs from runs where triggered_by < ?").get(after);
  const lines = database.prepare("select count(*) as lines from audit_log where action like 'run.%'").get();
  database.close();
  const sorted = delays.toSorted((one, other) => one - other);
  const at = (share: number) => Math.round(sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN);
  console.log(
    `${total?.["runs"]} runs of ${
      pipelines * minutes
    }; pipelines with one lost or doubled: ${wrong.length}; ` +
      `lines of the audit log: ${lines?.["lines"]}`,
  );
  console.log(
    `a run begins ${at(0.5)} ms after its moment at the median, ${at(0.99)} ms at p99, ${at(1)} ms at worst`,
  );
  if (wrong.length > 0) Deno.exitCode = 1;
}

await main();
