import assert from "node:assert/strict";
import { AppError } from "../../../../contract/errors.ts";
import { type Run, RUN_STATES, type RunState, type Step } from "../../../../contract/run.ts";
import { nextState, RUN_EVENTS, type RunStateEvent } from "../../../../contract/run_state.ts";
import type { NewRun, RunFilter } from "../../../../engine/store/ports/runs.ts";
import type { Store } from "../../../../engine/store/store.ts";
import { claim, lease, newRun, outcome, step, StoreFixture } from "./store_fixture.ts";

/** Brings a new run into `state` by legal events alone; its attempt is 1 unless it is queued. */
async function runIn(store: Store, id: string, state: RunState): Promise<Run> {
  await store.runs.create(newRun(id));
  if (state !== "queued") {
    const run = await claim(store, "me", 2_000);
    assert.equal(run?.id, id);
  }
  const last: Partial<Record<RunState, "succeed" | "fail" | "cancel">> = {
    succeeded: "succeed",
    failed: "fail",
    cancelled: "cancel",
  };
  const event = last[state];
  if (event !== undefined) await store.attempts.finish(lease(id), event, outcome());
  const run = await store.runs.get(id);
  assert.equal(run?.state, state);
  return run;
}

/** Asks for a run and ends it. */
async function succeed(store: Store, run: NewRun, event: "succeed" | "fail" = "succeed"): Promise<void> {
  await store.runs.create(run);
  assert.equal((await claim(store, "me", 2_000))?.id, run.id);
  await store.attempts.finish(lease(run.id), event, outcome());
}

/** Sends the event to the run the way that the engine does. */
function send(store: Store, id: string, event: RunStateEvent, state: RunState): Promise<Run | undefined> {
  switch (event) {
    case "claim":
      return claim(store, "me", 3_000);
    case "succeed":
    case "fail":
      return store.attempts.finish(lease(id), event, outcome());
    case "cancel":
      return state === "queued"
        ? store.runs.cancelQueued(id, 3_000, "asked", "Ann")
        : store.attempts.finish(lease(id), "cancel", outcome());
    case "requeue":
      return store.attempts.requeue(lease(id), null, outcome());
    case "retry":
      return store.runs.retry(id, 3_000);
  }
}

for (const state of RUN_STATES) {
  for (const event of RUN_EVENTS) {
    const to = nextState(state, event);
    Deno.test(`a run that is ${state} ${to === null ? "refuses" : "follows"} ${event}`, async () => {
      await using fixture = new StoreFixture();
      const store = await fixture.openWithPipelines();
      const before = await runIn(store, "r", state);
      const answer = await send(store, "r", event, state);
      assert.equal(answer?.state, to ?? undefined);
      const after = await store.runs.get("r");
      if (to === null) assert.deepEqual(after, before);
      else assert.equal(after?.state, to);
    });
  }
}

Deno.test("cancelQueued() and finish() leave each other's runs alone", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await runIn(store, "r", "running");
  assert.equal(await store.runs.cancelQueued("r", 3_000, "asked", "Ann"), undefined);
  assert.equal((await store.runs.get("r"))?.state, "running");
});

Deno.test("finish() and requeue() refuse another attempt than the one under way", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await runIn(store, "r", "running");
  await store.attempts.requeue(lease("r"), null, outcome());
  assert.equal((await claim(store, "me", 9_000))?.attempt, 2);
  for (const attempt of [0, 1, 3]) {
    assert.equal(await store.attempts.finish(lease("r", attempt), "succeed", outcome()), undefined);
    assert.equal(await store.attempts.requeue(lease("r", attempt), null, outcome()), undefined);
  }
  assert.equal((await store.runs.get("r"))?.state, "running");
  assert.equal((await store.attempts.finish(lease("r", 2), "succeed", outcome()))?.state, "succeeded");
});

Deno.test("guarded changes of a run that is not there answer undefined", async () => {
  await using fixture = new StoreFixture();
  const { runs, attempts } = await fixture.openWithPipelines();
  assert.equal(await attempts.finish(lease("none"), "fail", outcome()), undefined);
  assert.equal(await attempts.requeue(lease("none"), null, outcome()), undefined);
  assert.equal(await runs.cancelQueued("none", 1, "asked", null), undefined);
  assert.equal(await runs.askCancel("none", "Ann"), false);
  assert.equal(await runs.retry("none", 1), undefined);
  assert.equal(await runs.get("none"), undefined);
});

Deno.test("create() stores what it is given and get() answers it", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  const asked = newRun("r", {
    triggeredBy: "O'Brien \"; drop table runs; --",
    params: {
      region: "eu",
      day: null,
      count: 3,
      ratio: 0.5,
      dry: false,
      big: "12345678901234567890",
      nul: "a\0b",
    },
    select: "+daily",
    fullRefresh: true,
    idempotencyKey: "key",
    window: { startMs: -62_135_596_800_000, endMs: Date.parse("2026-03-01T12:00:00.001Z") },
    group: "backfill 1",
    parent: "the first",
    priority: -3,
    createdAtMs: Date.parse("2026-03-01T12:00:00.002Z"),
  });
  const { run, created } = await store.runs.create(asked);
  assert.equal(created, true);
  assert.deepEqual(run, {
    id: "r",
    pipeline: "a",
    revision: "rev-a",
    git_commit: null,
    state: "queued",
    reason: null,
    trigger: "api",
    triggered_by: asked.triggeredBy,
    attempt: 0,
    params: asked.params,
    select: "+daily",
    full_refresh: true,
    group: "backfill 1",
    parent: "the first",
    priority: -3,
    cancelled_by: null,
    window_start: "0001-01-01T00:00:00.000Z",
    window_end: "2026-03-01T12:00:00.001Z",
    window_given: true,
    created_at: "2026-03-01T12:00:00.002Z",
    not_before: null,
    started_at: null,
    finished_at: null,
    duration_ms: null,
    rows_extracted: 0,
    rows_loaded: 0,
    warnings: 0,
    peak_rss_bytes: null,
    error: null,
  });
  assert.deepEqual(await store.runs.get("r"), { ...run, steps: [], attempts: [] });
});

Deno.test("create() answers the first run of an idempotency key, in its pipeline only", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  const first = await store.runs.create(newRun("r1", { idempotencyKey: "k", params: { n: 1 } }));
  const again = await store.runs.create(newRun("r2", { idempotencyKey: "k", params: { n: 2 } }));
  assert.equal(again.created, false);
  assert.deepEqual(again.run, first.run);
  assert.equal((await store.runs.create(newRun("r3", { pipeline: "b", idempotencyKey: "k" }))).created, true);
  assert.equal((await store.runs.create(newRun("r4"))).created, true);
  assert.equal((await store.runs.create(newRun("r5"))).created, true);
  assert.equal((await store.runs.list({ limit: 10 })).length, 4);
});

Deno.test("create() makes one run of many requests at once with the same idempotency key", async () => {
  await using fixture = new StoreFixture();
  const stores = [await fixture.openWithPipelines(), await fixture.open()];
  const answers = await Promise.all(
    Array.from(
      { length: 20 },
      (_, n) => stores[n % 2]?.runs.create(newRun(`r${n}`, { idempotencyKey: "k" })),
    ),
  );
  assert.equal(answers.filter((answer) => answer?.created).length, 1);
  assert.equal(new Set(answers.map((answer) => answer?.run.id)).size, 1);
});

Deno.test("create() refuses an id in use and a revision or pipeline that is not there", async () => {
  await using fixture = new StoreFixture();
  const { runs } = await fixture.openWithPipelines();
  await runs.create(newRun("r"));
  for (const wrong of [newRun("r"), newRun("x", { revision: "none" }), newRun("x", { pipeline: "none" })]) {
    await assert.rejects(
      runs.create(wrong),
      (error) => error instanceof AppError && error.code === "conflict",
    );
  }
  assert.equal((await runs.list({ limit: 10 })).length, 1);
});

Deno.test("claim() answers undefined when the queue is empty", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  assert.equal(await claim(store, "me", 1_000), undefined);
});

Deno.test("claim() takes the oldest run, counts its attempt and clears what its last attempt left", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await runIn(store, "r", "running");
  const error = { code: "unavailable" as const, message: "no route" };
  const queued = await store.attempts.requeue(
    lease("r"),
    8_000,
    outcome({ error, reason: "retry 1 of 3", rowsExtracted: 7 }),
  );
  assert.deepEqual(
    [queued?.state, queued?.attempt, queued?.reason, queued?.error, queued?.not_before, queued?.started_at],
    ["queued", 1, "retry 1 of 3", error, "1970-01-01T00:00:08.000Z", null],
  );
  const claimed = await claim(store, "me", 8_000);
  assert.deepEqual(
    [
      claimed?.state,
      claimed?.attempt,
      claimed?.reason,
      claimed?.error,
      claimed?.not_before,
      claimed?.started_at,
    ],
    ["running", 2, null, null, null, "1970-01-01T00:00:08.000Z"],
  );
});

Deno.test("claim() takes one run of a pipeline at a time, in the order they were asked for", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  for (const [id, pipeline] of [["a1", "a"], ["a2", "a"], ["b1", "b"], ["b2", "b"]] as const) {
    await store.runs.create(newRun(id, { pipeline }));
  }
  assert.equal((await claim(store, "me", 2_000))?.id, "a1");
  assert.equal((await claim(store, "me", 2_000))?.id, "b1");
  assert.equal(await claim(store, "me", 2_000), undefined);
  await store.attempts.finish(lease("b1"), "fail", outcome());
  assert.equal((await claim(store, "me", 2_000))?.id, "b2");
  await store.attempts.finish(lease("a1"), "succeed", outcome());
  assert.equal((await claim(store, "me", 2_000))?.id, "a2");
});

Deno.test("claim() lets a run that waits for its retry keep its place, and other pipelines pass", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await store.runs.create(newRun("a1"));
  await store.runs.create(newRun("a2"));
  await claim(store, "me", 2_000);
  await store.attempts.requeue(lease("a1"), 10_000, outcome());
  await store.runs.create(newRun("b1", { pipeline: "b" }));
  assert.equal((await claim(store, "me", 9_999))?.id, "b1");
  assert.equal(await claim(store, "me", 9_999), undefined);
  assert.equal((await claim(store, "me", 10_000))?.id, "a1");
});

Deno.test("claim() keeps to the pipelines that it is given", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await store.runs.create(newRun("a1"));
  await store.runs.create(newRun("b1", { pipeline: "b" }));
  assert.equal(await claim(store, "me", 2_000, { pipelines: [] }), undefined);
  assert.equal(await claim(store, "me", 2_000, { pipelines: ['"; drop', "none"] }), undefined);
  assert.equal((await claim(store, "me", 2_000, { pipelines: ["none", "b"] }))?.id, "b1");
});

Deno.test("claim() by two stores on one file takes each run once and never two of one pipeline", async () => {
  await using fixture = new StoreFixture();
  const stores = [await fixture.openWithPipelines(), await fixture.open()];
  const [first] = stores;
  assert.ok(first);
  for (let n = 0; n < 40; n++) {
    await first.runs.create(newRun(`r${n}`, { pipeline: n % 2 === 0 ? "a" : "b" }));
  }
  const active = new Set<string>();
  const done: string[] = [];
  await Promise.all(stores.flatMap((store, at) =>
    [0, 1, 2].map(async () => {
      while (done.length < 40) {
        const run = await claim(store, `store ${at}`, 2_000);
        if (run === undefined) continue;
        assert.ok(!active.has(run.pipeline), `two runs of ${run.pipeline} at once`);
        active.add(run.pipeline);
        active.delete(run.pipeline);
        done.push(run.id);
        assert.equal(
          (await store.attempts.finish(lease(run.id, 1, `store ${at}`), "succeed", outcome()))?.attempt,
          1,
        );
      }
    })
  ));
  assert.equal(new Set(done).size, 40);
  assert.equal((await first.runs.list({ state: "succeeded", limit: 100 })).length, 40);
});

Deno.test("claim() begins the first attempt's window where the last succeeded run's ended", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  const { runs, attempts } = store;
  const window = async () => (await claim(store, "me", 2_000))?.window_start;
  await runs.create(newRun("r1", { windowEndMs: 5_000 }));
  await runs.create(newRun("r2", { windowEndMs: 9_000 }));
  assert.equal(await window(), null);
  await attempts.finish(lease("r1"), "succeed", outcome());
  assert.equal(await window(), "1970-01-01T00:00:05.000Z");
  await runs.create(newRun("r3", { pipeline: "b", windowEndMs: 7_000 }));
  assert.equal(await window(), null);
  await attempts.finish(lease("r3"), "succeed", outcome());
  await attempts.requeue(lease("r2"), null, outcome());
  assert.equal(await window(), "1970-01-01T00:00:05.000Z");
});

Deno.test("nextDueMs() is the earliest time ahead among queued runs", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  assert.equal(await store.runs.nextDueMs(0), undefined);
  for (const [id, pipeline, dueMs] of [["a1", "a", 9_000], ["b1", "b", 7_000]] as const) {
    await store.runs.create(newRun(id, { pipeline }));
    await claim(store, "me", 1_000);
    await store.attempts.requeue(lease(id), dueMs, outcome());
  }
  assert.equal(await store.runs.nextDueMs(1_000), 7_000);
  assert.equal(await store.runs.nextDueMs(7_000), 9_000);
  assert.equal(await store.runs.nextDueMs(9_000), undefined);
});

Deno.test("finish() writes the outcome and the duration of the attempt", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await runIn(store, "r", "running");
  const error = { code: "invalid" as const, message: 'column "x"\0', detail: "SELECT 1" };
  const run = await store.attempts.finish(
    lease("r"),
    "fail",
    outcome({
      atMs: 2_750,
      error,
      reason: "a\0b",
      rowsExtracted: 2 ** 40,
      rowsLoaded: 3,
      warnings: 1,
      peakRssBytes: 9,
    }),
  );
  assert.deepEqual(
    [run?.error, run?.reason, run?.rows_extracted, run?.rows_loaded, run?.warnings, run?.peak_rss_bytes],
    [error, "a␀b", 2 ** 40, 3, 1, 9],
  );
  assert.deepEqual([run?.finished_at, run?.duration_ms], ["1970-01-01T00:00:02.750Z", 750]);
});

Deno.test("a clock that was set back does not make a duration negative", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await runIn(store, "r", "running");
  assert.equal((await store.attempts.finish(lease("r"), "succeed", outcome({ atMs: 500 })))?.duration_ms, 0);
});

Deno.test("retry() queues the run again with its revision, params and window", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  const before = await runIn(store, "r", "failed");
  const run = await store.runs.retry("r", 6_000);
  assert.deepEqual(
    [run?.state, run?.error, run?.finished_at, run?.attempt, run?.params, run?.window_end, run?.revision],
    ["queued", null, null, 1, before.params, before.window_end, before.revision],
  );
  assert.equal((await claim(store, "me", 6_000))?.attempt, 2);
});

Deno.test("ofOthers() are the attempts under way of other workers, with their leases", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await store.runs.create(newRun("a1"));
  await store.runs.create(newRun("b1", { pipeline: "b" }));
  await claim(store, "dead", 2_000);
  await claim(store, "me", 2_000);
  const [open, ...more] = await store.attempts.ofOthers("me");
  assert.deepEqual(more, []);
  assert.deepEqual(
    [open?.run.id, open?.lease, open?.leaseUntilMs, open?.cancelAskedBy],
    ["a1", lease("a1", 1, "dead"), 32_000, null],
  );
  await store.attempts.requeue(lease("a1", 1, "dead"), null, outcome());
  assert.deepEqual(await store.attempts.ofOthers("me"), []);
});

Deno.test("list() goes from the newest to the oldest, by pipeline, state and page", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  const { runs } = store;
  for (let n = 1; n <= 5; n++) await runs.create(newRun(`r${n}`, { pipeline: n % 2 === 0 ? "a" : "b" }));
  await claim(store, "me", 2_000);
  const ids = async (filter: Parameters<typeof runs.list>[0]) =>
    (await runs.list(filter)).map(({ id }) => id);
  assert.deepEqual(await ids({ limit: 2 }), ["r5", "r4"]);
  assert.deepEqual(await ids({ limit: 2, before: "r4" }), ["r3", "r2"]);
  assert.deepEqual(await ids({ limit: 9, before: "r1" }), []);
  await assert.rejects(
    ids({ limit: 9, before: "none" }),
    (error) => error instanceof AppError && error.reason === "unknown_cursor",
  );
  assert.deepEqual(await ids({ limit: 9, pipeline: "a" }), ["r4", "r2"]);
  assert.deepEqual(await ids({ limit: 9, state: "running" }), ["r1"]);
  assert.deepEqual(await ids({ limit: 9, pipeline: "b", state: "queued", before: "r5" }), ["r3"]);
});

Deno.test("latest() is the newest run of each pipeline, also of one that was removed", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  assert.equal((await store.runs.latest()).size, 0);
  for (const id of ["r1", "r2"]) await store.runs.create(newRun(id));
  await store.runs.create(newRun("r3", { pipeline: "b" }));
  await store.pipelines.remove("b");
  const latest = await store.runs.latest();
  assert.deepEqual([...latest].map(([name, run]) => [name, run.id]).sort(), [["a", "r2"], ["b", "r3"]]);
});

Deno.test("lastWindowEndMs() counts succeeded runs of all steps whose window nobody asked for", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  assert.equal(await store.runs.lastWindowEndMs("a"), null);
  const window = { startMs: 0, endMs: 50_000 };
  await succeed(store, newRun("r1", { windowEndMs: 5_000 }));
  await succeed(store, newRun("r2", { windowEndMs: 9_000 }), "fail");
  await succeed(store, newRun("r3", { window }));
  await succeed(store, newRun("r4", { windowEndMs: 8_000, select: "daily" }));
  assert.equal(await store.runs.lastWindowEndMs("a"), 5_000);
  assert.equal(await store.runs.lastWindowEndMs("b"), null);
});

Deno.test("isActive() says whether a run of the pipeline is queued or running", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  assert.equal(await store.runs.isActive("a"), false);
  await store.runs.create(newRun("r"));
  assert.equal(await store.runs.isActive("a"), true);
  await claim(store, "me", 2_000);
  assert.equal(await store.runs.isActive("a"), true);
  assert.equal(await store.runs.isActive("b"), false);
  await store.attempts.finish(lease("r"), "succeed", outcome());
  assert.equal(await store.runs.isActive("a"), false);
});

Deno.test("lastLoads() returns the last success of each step in runs of the pipeline, with its receipt", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  const load = (rows: number, change: Partial<Step> = {}) =>
    step("load:t→lake", { kind: "load", state: "succeeded", rows, hash: "0f", verified: true, ...change });
  const loads = async (pipeline: string) =>
    (await store.runs.lastLoads(pipeline, ["load:t→lake", "load:none→lake"])).map((
      { run, step },
    ) => [run.id, step.rows, step.hash, step.verified]);
  for (
    const [id, made] of [["first", load(1)], ["second", load(2)], [
      "third",
      load(3, { state: "failed" }),
    ]] as const
  ) {
    await store.runs.create(newRun(id));
    await claim(store, "me", 2_000);
    await store.attempts.putSteps(lease(id), [step("model:t"), made]);
    await store.attempts.finish(lease(id), "succeed", outcome());
  }
  assert.deepEqual(await loads("a"), [["second", 2, "0f", true]]);
  assert.deepEqual(await loads("b"), []);
  assert.deepEqual(await store.runs.lastLoads("a", []), []);
});

Deno.test("putSteps() replaces by name and keeps the order in which steps were first seen", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await runIn(store, "r", "running");
  await store.attempts.putSteps(lease("r"), []);
  await store.attempts.putSteps(lease("r"), [step("extract:z"), step("model:a")]);
  const done = step("load:daily→lake", {
    kind: "load",
    state: "failed",
    rows: 2 ** 40,
    size_bytes: 12,
    started_at: "2026-03-01T12:00:00.001Z",
    finished_at: "2026-03-01T12:00:01.001Z",
    duration_ms: 1_000,
    error: { code: "timeout", message: "late" },
    sql: "select 'ü'",
    depends: ["model:a"],
  });
  await store.attempts.putSteps(lease("r"), [done, step("extract:z", { state: "succeeded", rows: 3 })]);
  assert.deepEqual((await store.runs.get("r"))?.steps, [
    step("extract:z", { state: "succeeded", rows: 3 }),
    step("model:a"),
    done,
  ]);
});

Deno.test("putSteps() takes thousands of steps at once", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await runIn(store, "r", "running");
  const steps = Array.from({ length: 2_500 }, (_, n) => step(`model:m${n}`));
  await store.attempts.putSteps(lease("r"), steps);
  assert.deepEqual((await store.runs.get("r"))?.steps, steps);
});

Deno.test("putSteps() keeps what a load did and what an extract left aside", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await runIn(store, "r", "running");
  const loaded = step("load:a→b", { state: "succeeded", inserted: 0, updated: 2, deleted: 1, hash: "00ff" });
  const read = step("extract:a", { state: "succeeded", rejects: 3 });
  await store.attempts.putSteps(lease("r"), [loaded, read, step("model:a")]);
  const steps = (await store.runs.get("r"))?.steps ?? [];
  assert.deepEqual(
    steps.map(({ inserted, updated, deleted, hash, rejects }) => [inserted, updated, deleted, hash, rejects]),
    [
      [0, 2, 1, "00ff", undefined],
      [undefined, undefined, undefined, undefined, 3],
      [undefined, undefined, undefined, undefined, undefined],
    ],
  );
});

Deno.test("a run's steps can be read as an earlier attempt left them", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await store.runs.create(newRun("r"));
  await claim(store, "me", 1_000);
  await store.attempts.putSteps(lease("r"), [
    step("extract:a", { state: "succeeded" }),
    step("model:b", { state: "failed" }),
  ]);
  await store.attempts.requeue(lease("r"), null, outcome());
  await claim(store, "me", 2_000);
  await store.attempts.putSteps(lease("r", 2), [step("model:b", { attempt: 2, state: "succeeded" })]);
  const statesAt = async (attempt?: number) =>
    (await store.runs.get("r", attempt))?.steps.map(({ name, state, attempt: of }) =>
      `${name} ${state} ${of}`
    );
  assert.deepEqual(await statesAt(1), ["extract:a succeeded 1", "model:b failed 1"]);
  assert.deepEqual(await statesAt(2), ["extract:a succeeded 1", "model:b succeeded 2"]);
  assert.deepEqual(await statesAt(), await statesAt(2));
});

Deno.test("tags and a note are changed at any time, apart from each other, and change no state", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await store.runs.create(newRun("r", { tags: ["audit", "q1"], note: "first" }));
  await store.runs.create(newRun("s", { pipeline: "b" }));
  const seq = await store.outbox.lastSeq();
  assert.deepEqual(
    [await store.runs.get("r"), await store.runs.get("s")].map((run) => [run?.tags, run?.note]),
    [[["audit", "q1"], "first"], [undefined, undefined]],
  );
  await store.runs.annotate("s", { tags: ["audit"] });
  await store.runs.annotate("s", { note: "later" });
  const again = await store.runs.annotate("r", { tags: [], note: "" });
  assert.deepEqual([again?.tags, again?.note], [undefined, undefined]);
  assert.deepEqual(
    (await store.runs.list({ limit: 9, tag: "audit" })).map(({ id, tags, note }) => [id, tags, note]),
    [["s", ["audit"], "later"]],
  );
  assert.deepEqual(await store.runs.list({ limit: 9, tag: "q1" }), []);
  assert.equal(await store.runs.annotate("none", { note: "x" }), undefined);
  assert.equal(await store.outbox.lastSeq(), seq);
});

Deno.test("list() finds runs by what started them and by when they were asked for, over pages", async () => {
  await using fixture = new StoreFixture();
  const { runs } = await fixture.openWithPipelines();
  for (let n = 1; n <= 6; n++) {
    const pipeline = n % 2 === 0 ? "a" : "b";
    await runs.create(newRun(`r${n}`, { pipeline, createdAtMs: n * 1_000, trigger: n > 4 ? "page" : "api" }));
  }
  // The clock was set back before this one.
  await runs.create(newRun("late", { createdAtMs: 2_500 }));
  const ids = async (filter: Omit<RunFilter, "limit">, limit = 9) =>
    (await runs.list({ ...filter, limit })).map(({ id }) => id);
  assert.deepEqual(await ids({ trigger: "page" }), ["r6", "r5"]);
  assert.deepEqual(await ids({ trigger: "api", before: "r4" }, 2), ["r3", "r2"]);
  assert.deepEqual(await ids({ trigger: "sensor" }), []);
  assert.deepEqual(await ids({ sinceMs: 2_500, untilMs: 5_000 }), ["late", "r4", "r3"]);
  assert.deepEqual(await ids({ sinceMs: 2_500, untilMs: 5_000, before: "r4" }), ["r3"]);
  assert.deepEqual(await ids({ sinceMs: 3_000, pipeline: "a" }), ["r6", "r4"]);
  assert.deepEqual(await ids({ untilMs: 1_000 }), []);
  assert.deepEqual(await ids({ sinceMs: 6_001 }), []);
});

Deno.test("idsLike() finds a run by the beginning and by the end of its id, whatever their length", async () => {
  await using fixture = new StoreFixture();
  const { runs } = await fixture.openWithPipelines();
  const [one, two] = ["01JAAAAAAAAAAAAAAAAAAB7QK3", "01JAAAAAAAAAAAAAAAAAAC7QK3"];
  for (const id of [one, two]) await runs.create(newRun(id));
  assert.deepEqual(await runs.idsLike("7QK3", 9), [two, one]);
  assert.deepEqual(await runs.idsLike("B7QK3", 9), [one]);
  assert.deepEqual(await runs.idsLike("01JA", 9), [two, one]);
  assert.deepEqual(await runs.idsLike(two.slice(0, 25), 9), [two]);
  assert.deepEqual(await runs.idsLike(one.slice(1), 9), [one]);
  assert.deepEqual(await runs.idsLike("7QK4", 9), []);
});

Deno.test("recentOf() has the newest runs of each pipeline, the newest first", async () => {
  await using fixture = new StoreFixture();
  const { runs, history } = await fixture.openWithPipelines();
  for (const id of ["a1", "b1", "a2", "a3"]) await runs.create(newRun(id, { pipeline: id.slice(0, 1) }));
  const recent = await history.recentOf(["b", "gone", "a"], 2);
  assert.deepEqual([...recent].map(([name, found]) => [name, found.map(({ id }) => id)]).toSorted(), [
    ["a", ["a3", "a2"]],
    ["b", ["b1"]],
  ]);
});
