import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import * as v from "valibot";
import { AppError } from "../../../../contract/errors.ts";
import { pipelineSchema } from "../../../../contract/pipeline/pipeline.ts";
import { type RetryDefinition, retryDelayMs } from "../../../../contract/pipeline/retry.ts";
import type { Run } from "../../../../contract/run.ts";
import type { AttemptResult } from "../../../../engine/runs/attempt/supervise.ts";
import { RunQueue } from "../../../../engine/runs/run_queue.ts";
import { openStore } from "../../../../engine/store/open.ts";
import type { Store } from "../../../../engine/store/store.ts";
import type { Worker } from "../../../../engine/runs/worker.ts";
import { claim, lease } from "../store/store_fixture.ts";
import { FakeClock, settle } from "../../../support/fake_clock.ts";

const START = Date.parse("2026-03-01T00:00:00Z");

const RETRY: RetryDefinition = { limit: 2, interval: "10s", backoff: "exponential", max_interval: "5m" };

interface Bench {
  readonly store: Store;
  readonly clock: FakeClock;
  readonly queue: RunQueue;
  /** Attempts that were started, as `pipeline#attempt`. */
  readonly started: string[];
  /** Attempts that were told to stop, as `pipeline reason`. */
  readonly stopped: string[];
  readonly log: string[];
  /** Ends the attempt under way of the pipeline. */
  end(pipeline: string, error?: AttemptResult["error"]): Promise<void>;
}

async function withQueue(
  options: {
    owner?: string;
    maxRuns?: number;
    mayBegin?: () => Promise<boolean>;
    retry?: RetryDefinition;
    path?: string;
    pipelines?: string[];
    isAlone?: boolean;
    nowMs?: number;
    /** What stands in for methods of the store. */
    attempts?: (real: Store["attempts"]) => Partial<Store["attempts"]>;
    /** What happens between the store's answer to a claim and the queue's hearing of it. */
    afterClaim?: (run: Run | undefined, clock: FakeClock) => Promise<void>;
  },
  work: (bench: Bench) => Promise<void>,
): Promise<void> {
  const folder = options.path ?? await Deno.makeTempDir();
  const clock = new FakeClock(options.nowMs ?? START);
  try {
    await using store = await openStore(`file://${join(folder, "s.db")}`);
    const started: string[] = [];
    const stopped: string[] = [];
    const log: string[] = [];
    const ends = new Map<string, (result: AttemptResult) => void>();
    const resultOf = (error: AttemptResult["error"], stopped: AttemptResult["stopped"]): AttemptResult => ({
      error,
      stopped,
      outcome: { atMs: clock.now(), error, rowsExtracted: 0, rowsLoaded: 0, warnings: 0, peakRssBytes: null },
    });
    const attempts: Store["attempts"] = {
      ...store.attempts,
      claim: async (...args) => {
        const claimed = await store.attempts.claim(...args);
        await options.afterClaim?.(claimed[0], clock);
        return claimed;
      },
      ...options.attempts?.(store.attempts),
    };
    const worker: Worker = {
      run(run) {
        started.push(`${run.pipeline}#${run.attempt}`);
        const ended = Promise.withResolvers<{ result: AttemptResult; retry: RetryDefinition | undefined }>();
        const finish = (result: AttemptResult) => ended.resolve({ result, retry: options.retry });
        ends.set(run.pipeline, finish);
        return {
          done: ended.promise,
          stop: (reason) => {
            stopped.push(`${run.pipeline} ${reason}`);
            finish(resultOf({ code: "cancelled", message: "stopped" }, reason));
          },
        };
      },
    };
    const queue = new RunQueue({
      store: { ...store, attempts },
      clock,
      worker,
      log: (_level, message) => void log.push(message),
      owner: options.owner ?? "one",
      maxRuns: options.maxRuns ?? 4,
      isAlone: options.isAlone ?? true,
      ...(options.mayBegin === undefined ? {} : { mayBegin: options.mayBegin }),
      onChange: () => {},
    });
    queue.start(options.pipelines);
    await settle();
    await work({
      store,
      clock,
      queue,
      started,
      stopped,
      log,
      end: async (pipeline, error = null) => {
        ends.get(pipeline)?.(resultOf(error, null));
        await settle();
        await settle();
      },
    });
    await queue.stop();
  } finally {
    if (options.path === undefined) await Deno.remove(folder, { recursive: true });
  }
}

async function enqueue({ store, queue, clock }: Bench, id: string, pipeline = "p"): Promise<void> {
  const revision = {
    id: pipeline.padEnd(64, "0"),
    pipeline,
    definition: v.parse(pipelineSchema, {}),
    files: [],
    connectors: {},
  };
  await store.revisions.save(revision, []);
  await store.pipelines.put({ name: pipeline, origin: "files", revision: revision.id, faults: [] });
  await store.runs.create({
    id,
    pipeline,
    revision: revision.id,
    trigger: "api",
    triggeredBy: null,
    params: {},
    select: null,
    fullRefresh: false,
    idempotencyKey: null,
    requestHash: null,
    windowEndMs: clock.now(),
    createdAtMs: clock.now(),
  });
  queue.wake();
  await settle();
}

Deno.test("RunQueue runs one run a pipeline at a time, and different pipelines side by side", async () => {
  await withQueue({}, async (bench) => {
    await enqueue(bench, "a1", "a");
    await enqueue(bench, "a2", "a");
    await enqueue(bench, "b1", "b");
    deepEqual(bench.started, ["a#1", "b#1"]);
    await bench.end("a");
    deepEqual(bench.started, ["a#1", "b#1", "a#1"]);
    equal((await bench.store.runs.get("a1"))?.state, "succeeded");
    equal((await bench.store.runs.get("a2"))?.state, "running");
  });
});

Deno.test("RunQueue begins what a claim has taken whose answer was lost", async () => {
  let isLost = true;
  const attempts = (real: Store["attempts"]): Partial<Store["attempts"]> => ({
    async claim(claim) {
      const taken = await real.claim(claim);
      if (!isLost || taken.length === 0) return taken;
      isLost = false;
      throw new AppError("unavailable", "the connection was lost");
    },
  });
  await withQueue({ attempts, isAlone: false }, async (bench) => {
    await enqueue(bench, "a1");
    deepEqual(bench.started, []);
    await bench.clock.advance(500);
    await settle();
    deepEqual(bench.started, ["p#1"]);
    await bench.end("p");
    equal((await bench.store.runs.get("a1"))?.state, "succeeded");
    await bench.clock.advance(60_000);
    deepEqual(bench.started, ["p#1"]);
  });
});

Deno.test("RunQueue keeps to maxRuns", async () => {
  await withQueue({ maxRuns: 1 }, async (bench) => {
    await enqueue(bench, "a1", "a");
    await enqueue(bench, "b1", "b");
    deepEqual(bench.started, ["a#1"]);
    await bench.end("a");
    deepEqual(bench.started, ["a#1", "b#1"]);
  });
});

Deno.test("RunQueue tries a failed run again after its interval, and later runs of the pipeline wait behind it", async () => {
  await withQueue({ retry: RETRY }, async (bench) => {
    await enqueue(bench, "a1");
    await enqueue(bench, "a2");
    await bench.end("p", { code: "unavailable", message: "the shop is closed" });
    const waiting = await bench.store.runs.get("a1");
    equal(waiting?.state, "queued");
    match(waiting?.reason ?? "", /attempt 1 of 3 failed: the shop is closed/);
    equal(waiting?.not_before, new Date(START + retryDelayMs(RETRY, 1, "a1")).toISOString());
    deepEqual(bench.started, ["p#1"]);
    await bench.clock.advance(10_001);
    await settle();
    deepEqual(bench.started, ["p#1", "p#2"]);
    await bench.end("p");
    equal((await bench.store.runs.get("a1"))?.state, "succeeded");
    deepEqual(bench.started, ["p#1", "p#2", "p#1"]);
  });
});

Deno.test("attempts that ended with their server use up none of a run's retries", async () => {
  const path = await Deno.makeTempDir();
  try {
    await withQueue({ path, owner: "one" }, (bench) => enqueue(bench, "a1"));
    for (const owner of ["two", "three"]) {
      await withQueue({ path, owner }, ({ started }) => Promise.resolve(equal(started.length, 1)));
    }
    await withQueue({ path, owner: "four", retry: { ...RETRY, limit: 1 } }, async (bench) => {
      deepEqual(bench.started, ["p#4"]);
      await bench.end("p", { code: "unavailable", message: "away" });
      match((await bench.store.runs.get("a1"))?.reason ?? "", /attempt 1 of 2 failed: away/);
      await bench.clock.advance(10_001);
      await settle();
      await bench.end("p", { code: "unavailable", message: "away" });
      const run = await bench.store.runs.get("a1");
      deepEqual([run?.state, run?.attempts.map(({ state }) => state)], [
        "failed",
        ["stopped", "stopped", "stopped", "failed", "failed"],
      ]);
    });
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("RunQueue does not miss a retry that comes due while it looks at the queue", async () => {
  const afterClaim = async (run: Run | undefined, clock: FakeClock) => {
    if (run === undefined) await clock.advance(10);
  };
  await withQueue({ retry: { ...RETRY, interval: "10ms" }, afterClaim }, async (bench) => {
    await enqueue(bench, "a1");
    await bench.end("p", { code: "unavailable", message: "away" });
    await bench.clock.advance(20);
    deepEqual(bench.started, ["p#1", "p#2"]);
    await bench.end("p");
  });
});

Deno.test("RunQueue does not try again what cannot pass by itself", async () => {
  await withQueue({ retry: RETRY }, async (bench) => {
    await enqueue(bench, "a1");
    await bench.end("p", { code: "invalid", message: "no such column" });
    const run = await bench.store.runs.get("a1");
    equal(run?.state, "failed");
    equal(run?.error?.message, "no such column");
  });
});

Deno.test("RunQueue.cancel() ends a run that is under way as cancelled", async () => {
  await withQueue({}, async (bench) => {
    await enqueue(bench, "a1");
    ok(await bench.queue.cancel("a1", "Ann"));
    await settle();
    equal((await bench.store.runs.get("a1"))?.state, "cancelled");
    equal(await bench.queue.cancel("a1", "Ann"), false);
  });
});

/** Holds back the answer to the first claim that takes a run. */
function heldClaim() {
  const claimed = Promise.withResolvers<void>();
  const heard = Promise.withResolvers<void>();
  const afterClaim = async (run: Run | undefined) => {
    if (run === undefined) return;
    claimed.resolve();
    await heard.promise;
  };
  return { claimed: claimed.promise, letGo: () => heard.resolve(), afterClaim };
}

Deno.test("RunQueue.cancel() reaches a run that is just being claimed", async () => {
  const { claimed, letGo, afterClaim } = heldClaim();
  await withQueue({ afterClaim }, async (bench) => {
    await enqueue(bench, "a1");
    await claimed;
    const cancelling = bench.queue.cancel("a1", "Ann");
    letGo();
    ok(await cancelling);
    await settle();
    equal((await bench.store.runs.get("a1"))?.state, "cancelled");
  });
});

Deno.test("RunQueue.stop() waits for a run that is just being claimed", async () => {
  const { claimed, letGo, afterClaim } = heldClaim();
  await withQueue({ afterClaim }, async (bench) => {
    await enqueue(bench, "a1");
    await claimed;
    const stopping = bench.queue.stop();
    letGo();
    await stopping;
    const run = await bench.store.runs.get("a1");
    equal(run?.state, "queued");
    match(run?.reason ?? "", /the server stopped/);
  });
});

Deno.test("RunQueue.cancelOrphan() ends a run and the steps that its dead server left open", async () => {
  await withQueue({ pipelines: ["other"] }, async (bench) => {
    await enqueue(bench, "a1");
    ok(await claim(bench.store, "dead", bench.clock.now()));
    const step = { kind: "extract" as const, attempt: 1, rows: null, size_bytes: null, started_at: null };
    const rest = { finished_at: null, duration_ms: null, error: null, sql: null, depends: [] };
    await bench.store.attempts.putSteps(lease("a1", 1, "dead"), [
      { ...step, ...rest, name: "extract:done", state: "succeeded" },
      { ...step, ...rest, name: "extract:begun", state: "running" },
      { ...step, ...rest, name: "extract:next", state: "pending" },
    ]);
    equal(await bench.queue.cancel("a1", "Ann"), false);
    equal((await bench.queue.cancelOrphan("a1", "Ann"))?.state, "cancelled");
    deepEqual((await bench.store.runs.get("a1"))?.steps.map(({ state }) => state), [
      "succeeded",
      "cancelled",
      "cancelled",
    ]);
    equal(await bench.queue.cancelOrphan("a1", "Ann"), undefined, "it has ended");
  });
});

Deno.test("RunQueue.start(pipelines) leaves the runs of others alone", async () => {
  await withQueue({ pipelines: ["b"] }, async (bench) => {
    await enqueue(bench, "a1", "a");
    await enqueue(bench, "b1", "b");
    deepEqual(bench.started, ["b#1"]);
    equal((await bench.store.runs.get("a1"))?.state, "queued");
  });
});

Deno.test("RunQueue.stop() leaves what was under way queued for the next start", async () => {
  const path = await Deno.makeTempDir();
  try {
    await withQueue({ path }, async (bench) => {
      await enqueue(bench, "a1");
      await bench.queue.stop();
      equal((await bench.store.runs.get("a1"))?.state, "queued");
    });
    await withQueue({ path, owner: "two" }, async (bench) => {
      deepEqual(bench.started, ["p#2"]);
      await bench.end("p");
      equal((await bench.store.runs.get("a1"))?.state, "succeeded");
    });
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("RunQueue takes up a run whose server died, and gives up on one that keeps killing it", async () => {
  const path = await Deno.makeTempDir();
  try {
    await withQueue({ path }, async (bench) => {
      await enqueue(bench, "a1");
      bench.queue.stop = () => Promise.resolve();
    });
    for (const attempt of [2, 3, 4, 5]) {
      await withQueue({ path, owner: `server ${attempt}`, maxRuns: 0 }, async ({ store }) => {
        const run = await store.runs.get("a1");
        equal(run?.state, "queued");
        match(run?.reason ?? "", new RegExp(`the server died during attempt ${attempt - 1}`));
        await claim(store, `server ${attempt}`, START);
      });
    }
    await withQueue({ path, owner: "last" }, async (bench) => {
      const run = await bench.store.runs.get("a1");
      equal(run?.state, "failed");
      match(run?.error?.message ?? "", /server died during attempt 5; the run is not taken up again/);
      deepEqual(run?.attempts.map(({ state }) => state), ["lost", "lost", "lost", "lost", "lost"]);
      deepEqual(run?.attempts.map(({ worker }) => worker)[4], "server 5");
    });
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("retryDelayMs() grows up to max_interval, or stays constant", () => {
  for (const [index, wholeSeconds] of [10, 20, 40, 80, 160, 300, 300].entries()) {
    const seconds = retryDelayMs(RETRY, index + 1, "r") / 1_000;
    ok(seconds <= wholeSeconds && seconds >= wholeSeconds * 0.75, `${seconds} of ${wholeSeconds}`);
  }
  equal(retryDelayMs({ ...RETRY, backoff: "constant" }, 9, "r"), 10_000);
  ok(retryDelayMs(RETRY, 5_000, "r") <= 300_000);
});

Deno.test("retryDelayMs() spreads runs that failed at once over a quarter of the wait, each always alike", () => {
  const waits = Array.from({ length: 1_000 }, (_, run) => retryDelayMs(RETRY, 1, `run ${run}`));
  const quarters = [0, 0, 0, 0];
  for (const wait of waits) quarters[Math.floor((wait - 7_500) / 625.1)]! += 1;
  ok(quarters.every((count) => count > 150), `${quarters}`);
  equal(retryDelayMs(RETRY, 1, "run 7"), waits[7]);
});

Deno.test("RunQueue writes an end that the store did not take as soon as it does, and holds on to the run until then", async () => {
  let isFull = false;
  const attempts = (real: Store["attempts"]): Partial<Store["attempts"]> => ({
    finish: (...args) => {
      if (!isFull) return real.finish(...args);
      return Promise.reject(new AppError("unavailable", "the disk is full"));
    },
  });
  await withQueue({ attempts }, async (bench) => {
    await enqueue(bench, "a1", "a");
    isFull = true;
    await bench.end("a");
    await bench.clock.advance(60_000);
    equal((await bench.store.runs.get("a1"))?.state, "running");
    equal(bench.log.filter((line) => line.includes("the end of run a1 could not be written")).length, 1);
    const refused = rejects(
      bench.queue.cancel("a1", "Ann"),
      (error) => error instanceof AppError && error.code === "unavailable",
    );
    await settle();
    await bench.clock.advance(1_000);
    await refused;
    // Another pipeline's run goes on meanwhile.
    await enqueue(bench, "b1", "b");
    deepEqual(bench.started, ["a#1", "b#1"]);
    isFull = false;
    await bench.clock.advance(10_000);
    await settle();
    equal((await bench.store.runs.get("a1"))?.state, "succeeded");
    ok(bench.log.includes("the end of run a1 is written now"));
  });
});

Deno.test("RunQueue leaves an end that it could not write before it stopped to the next start", async () => {
  const path = await Deno.makeTempDir();
  try {
    const attempts = (): Partial<Store["attempts"]> => ({
      finish: () => Promise.reject(new AppError("unavailable", "the disk is full")),
    });
    await withQueue({ path, attempts }, async (bench) => {
      await enqueue(bench, "a1");
      await bench.end("p");
      await bench.queue.stop();
      equal((await bench.store.runs.get("a1"))?.state, "running");
    });
    await withQueue({ path, owner: "two" }, async (bench) => {
      deepEqual(bench.started, ["p#2"]);
      const run = await bench.store.runs.get("a1");
      deepEqual(run?.attempts.map(({ state, worker }) => `${state} ${worker}`), ["lost one", "running two"]);
    });
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("a living server's runs are never taken, whatever the clocks say; a dead one's are when its lease has run out", async () => {
  const path = await Deno.makeTempDir();
  const shared = { path, isAlone: false };
  try {
    await withQueue({ ...shared, owner: "one" }, async (one) => {
      await enqueue(one, "a1");
      deepEqual(one.started, ["p#1"]);
      // The second server's clock is a day ahead.
      await withQueue({ ...shared, owner: "two", nowMs: START + 86_400_000 }, async (two) => {
        for (let n = 0; n < 20; n++) {
          await one.clock.advance(10_000);
          await settle();
          await two.clock.advance(10_000);
          await settle();
        }
        deepEqual(two.started, []);
        equal((await two.store.runs.get("a1"))?.state, "running");
        // Now the first one stands still.
        for (let n = 0; n < 10; n++) {
          await two.clock.advance(5_000);
          await settle();
        }
        deepEqual(two.started, ["p#2"]);
        // It comes back: its attempt is stopped, and its end changes nothing.
        await one.clock.advance(10_000);
        await settle();
        deepEqual(one.stopped, ["p lost"]);
        equal((await two.store.runs.get("a1"))?.state, "running");
        await two.end("p");
        const run = await two.store.runs.get("a1");
        equal(run?.state, "succeeded");
        deepEqual(run?.attempts.map(({ state, worker }) => `${state} ${worker}`), [
          "lost one",
          "succeeded two",
        ]);
      });
    });
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("a run is cancelled at the server that has it, from another one", async () => {
  const path = await Deno.makeTempDir();
  const shared = { path, isAlone: false };
  try {
    await withQueue({ ...shared, owner: "one" }, async (one) => {
      await enqueue(one, "a1");
      await withQueue({ ...shared, owner: "two" }, async (two) => {
        equal(await two.queue.cancel("a1", "Ann"), false);
        equal(await two.queue.cancelOrphan("a1", "Ann"), undefined, "somebody may be working on it");
        ok(await two.store.runs.askCancel("a1", "Ann"));
        await one.clock.advance(10_000);
        await settle();
        deepEqual(one.stopped, ["p cancel"]);
        const run = await two.store.runs.get("a1");
        deepEqual([run?.state, run?.cancelled_by], ["cancelled", "Ann"]);
      });
    });
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("a server that cannot renew its leases stops its runs where another may take them, and only there", async () => {
  const attempts = (): Partial<Store["attempts"]> => ({
    renew: () => Promise.reject(new AppError("unavailable", "locked")),
  });
  for (const isAlone of [true, false]) {
    await withQueue({ isAlone, attempts }, async (bench) => {
      await enqueue(bench, "a1");
      for (let n = 0; n < 12; n++) {
        await bench.clock.advance(5_000);
        await settle();
      }
      deepEqual(bench.stopped, isAlone ? [] : ["p lost"]);
    });
  }
});

Deno.test("RunQueue claims nothing while no run may begin, and what is under way goes on to its end", async () => {
  let isHeld = false;
  await withQueue({ mayBegin: () => Promise.resolve(!isHeld) }, async (bench) => {
    await enqueue(bench, "a1", "a");
    isHeld = true;
    await enqueue(bench, "b1", "b");
    deepEqual([bench.started, bench.queue.running], [["a#1"], 1]);

    const time = new AbortController();
    let isIdle = false;
    const idle = bench.queue.idle(time.signal).then(() => isIdle = true);
    await settle();
    equal(isIdle, false, "a run is under way");
    await bench.end("a");
    await idle;
    equal((await bench.store.runs.get("a1"))?.state, "succeeded");
    equal((await bench.store.runs.get("b1"))?.state, "queued");

    isHeld = false;
    bench.queue.wake();
    await settle();
    deepEqual(bench.started, ["a#1", "b#1"]);
    const late = bench.queue.idle(time.signal);
    time.abort();
    await late;
    equal(bench.queue.running, 1, "whoever waits no longer stops nothing");
  });
});
