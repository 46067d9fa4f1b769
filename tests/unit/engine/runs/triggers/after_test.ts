import { deepEqual, equal } from "node:assert/strict";
import { AfterTriggers, type RunAfter } from "../../../../../engine/runs/triggers/after.ts";
import type { Store } from "../../../../../engine/store/store.ts";
import { AppError } from "../../../../../contract/errors.ts";
import type { AfterDefinition } from "../../../../../contract/triggers/after.ts";
import { FakeClock, settle } from "../../../../support/fake_clock.ts";
import { claim, lease, newRun, outcome, revision, StoreFixture } from "../../store/store_fixture.ts";

/** A store with `a`, `b`, and `z` that runs after them as it is told. */
async function prepare(fixture: StoreFixture, after: AfterDefinition, overlap: "skip" | "queue" = "skip") {
  const store = await fixture.openWithPipelines();
  const definition = { ...revision().definition, after, overlap };
  await store.revisions.save(revision({ id: "rev-z", pipeline: "z", definition }), []);
  await store.pipelines.put({ name: "z", origin: "files", revision: "rev-z", faults: [] });
  return store;
}

/** Queues runs in the store as the engine does; `failures` of them are refused first, with `error`. */
function triggers(store: Store, state: { failures?: number; error?: unknown; dies?: boolean } = {}) {
  const clock = new FakeClock(0);
  const [started, log]: [RunAfter[], string[]] = [[], []];
  const start = (): AfterTriggers => {
    const service = new AfterTriggers({
      store,
      clock,
      log: (_level, message) => void log.push(message),
      async start(pipeline, run) {
        if ((state.failures ?? 0) > 0) {
          state.failures = (state.failures ?? 0) - 1;
          throw state.error;
        }
        const { created } = await store.runs.create(newRun(`z-${started.length}`, {
          pipeline,
          trigger: "after",
          triggeredBy: run.triggeredBy,
          parent: run.parent,
          idempotencyKey: run.idempotencyKey,
          windowEndMs: run.windowEndMs,
          follows: run.follows,
        }));
        if (created) started.push(run);
        if (state.dies === true) throw new Error("the server died");
      },
    });
    service.start();
    return service;
  };
  const look = async (service: AfterTriggers) => {
    service.wake();
    await settle();
  };
  return { started, log, state, start, look, clock };
}

/** One that succeeds; its window ends at `endMs`. */
async function succeed(store: Store, id: string, pipeline: string, endMs: number, more = {}) {
  await store.runs.create(newRun(id, { pipeline, windowEndMs: endMs, ...more }));
  await claim(store, "me", 2_000);
  await store.attempts.finish(lease(id), "succeed", outcome());
}

Deno.test("a success starts what runs after it, once over restarts, for its window", async () => {
  await using fixture = new StoreFixture();
  const store = await prepare(fixture, ["a"]);
  const { started, start, look } = triggers(store);
  const first = start();
  await settle();
  await succeed(store, "r1", "a", 10_000);
  await succeed(store, "other", "b", 10_000);
  await succeed(store, "some", "a", 10_000, { select: "orders" });
  await look(first);
  await first.stop();
  deepEqual(
    started.map(({ triggeredBy, parent, windowEndMs, window }) => (
      { triggeredBy, parent, windowEndMs, window }
    )),
    [{ triggeredBy: "a", parent: "r1", windowEndMs: 10_000, window: undefined }],
  );
  const second = start();
  await settle();
  await second.stop();
  equal(started.length, 1);
  const z = await store.runs.get("z-0");
  deepEqual([z?.trigger, z?.window_start, z?.window_end], ["after", null, "1970-01-01T00:00:10.000Z"]);
});

Deno.test("while a run waits successes are collected, and one more run is for all of them", async () => {
  await using fixture = new StoreFixture();
  const store = await prepare(fixture, ["a"]);
  const { started, start, look } = triggers(store);
  const service = start();
  await settle();
  for (const [id, endMs] of [["r1", 10_000], ["r2", 20_000], ["r3", 30_000]] as const) {
    await store.runs.create(newRun(id, { windowEndMs: endMs }));
    // The older ones go first, and z's run is left waiting.
    await store.attempts.claim({
      worker: "me",
      nowMs: 2_000,
      leaseUntilMs: 9_000,
      maxRuns: 9,
      pipelines: ["a"],
    });
    await store.attempts.finish(lease(id), "succeed", outcome());
    await look(service);
  }
  deepEqual(started.map(({ idempotencyKey }) => idempotencyKey), ["after r1"]);
  // It begins: the next may wait behind it.
  await claim(store, "me", 3_000);
  await look(service);
  deepEqual(started.map(({ idempotencyKey, windowEndMs }) => [idempotencyKey, windowEndMs]), [
    ["after r1", 10_000],
    ["after r3", 30_000],
  ]);
  await service.stop();
});

Deno.test("what a dead server had noted starts its run at the next start, once", async () => {
  await using fixture = new StoreFixture();
  const store = await prepare(fixture, { all: ["a", "b"] });
  const state = { dies: true };
  const { started, start, look } = triggers(store, state);
  const first = start();
  await settle();
  await succeed(store, "r1", "a", 10_000);
  await succeed(store, "r2", "b", 12_000);
  await look(first);
  await first.stop();
  // Its run was queued, and the server died right then.
  deepEqual(started.map(({ parent, windowEndMs }) => [parent, windowEndMs]), [["r2", 10_000]]);
  state.dies = false;
  await claim(store, "me", 3_000);
  const second = start();
  await settle();
  await second.stop();
  equal(started.length, 1);
  deepEqual(await store.dependencies.of("z"), [{
    pipeline: "z",
    upstream: "b",
    run: "r2",
    startMs: 10_000,
    endMs: 12_000,
    isGiven: false,
    isUsed: true,
  }]);
});

Deno.test("a server that dies as it has queued a run leaves nothing of its interval to the next run", async () => {
  await using fixture = new StoreFixture();
  const store = await prepare(fixture, ["a"]);
  const state = { dies: true };
  const { started, start, look } = triggers(store, state);
  const first = start();
  await settle();
  await succeed(store, "r1", "a", 10_000);
  await look(first);
  await first.stop();
  state.dies = false;
  await claim(store, "me", 3_000);
  await succeed(store, "r2", "a", 20_000);
  const second = start();
  await settle();
  await look(second);
  await second.stop();
  deepEqual(started.map(({ follows }) => follows.runs), [["r1"], ["r2"]]);
});

Deno.test("runs of a backfill that wait hold nothing up", async () => {
  await using fixture = new StoreFixture();
  const store = await prepare(fixture, ["a"]);
  const { started, start, look } = triggers(store);
  const service = start();
  await settle();
  await store.runs.create(newRun("day", {
    pipeline: "z",
    trigger: "backfill",
    group: "g",
    priority: -10,
    window: { startMs: 1, endMs: 2 },
  }));
  await succeed(store, "r1", "a", 10_000);
  await look(service);
  await service.stop();
  deepEqual(started.map(({ parent }) => parent), ["r1"]);
});

Deno.test("an interval that the pipeline's own runs are beyond is gone through again, as is one asked for", async () => {
  await using fixture = new StoreFixture();
  const store = await prepare(fixture, { any: ["a"] }, "queue");
  const { started, start, look } = triggers(store);
  await succeed(store, "own", "z", 15_000);
  await succeed(store, "r0", "a", 10_000);
  const service = start();
  await settle();
  await succeed(store, "r1", "a", 20_000);
  await succeed(store, "r2", "a", 0, { window: { startMs: 1_000, endMs: 2_000 } });
  await look(service);
  await service.stop();
  const [start1, end1] = ["1970-01-01T00:00:10.000Z", "1970-01-01T00:00:20.000Z"];
  const [start2, end2] = ["1970-01-01T00:00:01.000Z", "1970-01-01T00:00:02.000Z"];
  deepEqual(started.map(({ window }) => window), [{ start: start2, end: end2 }, {
    start: start1,
    end: end1,
  }]);
});

Deno.test("a paused one is not started, and one whose run is refused does not hold up others", async () => {
  await using fixture = new StoreFixture();
  const store = await prepare(fixture, ["a"]);
  const { started, start, look, log, state } = triggers(store);
  await store.pipelines.setPaused("z", true);
  const service = start();
  await settle();
  await succeed(store, "r1", "a", 10_000);
  await look(service);
  await store.pipelines.setPaused("z", false);
  Object.assign(state, { failures: 1, error: new AppError("invalid", "it needs a param") });
  await succeed(store, "r2", "a", 20_000);
  await look(service);
  deepEqual([started, log], [[], ["a run after others could not be queued"]]);
  await succeed(store, "r3", "a", 30_000);
  await look(service);
  deepEqual(started.map(({ parent }) => parent), ["r3"]);
  await service.stop();
});
