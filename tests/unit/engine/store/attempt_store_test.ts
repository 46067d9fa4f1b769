import assert from "node:assert/strict";
import { AppError } from "../../../../contract/errors.ts";
import type { Store } from "../../../../engine/store/store.ts";
import { addPipeline, claim, lease, newRun, outcome, step, StoreFixture } from "./store_fixture.ts";

const iso = (ms: number) => new Date(ms).toISOString();

async function windowOf(store: Store, id: string): Promise<[string | null | undefined, string | undefined]> {
  const run = await store.runs.get(id);
  return [run?.window_start, run?.window_end];
}

Deno.test("an attempt is a row from its claim to its end, and each keeps its own history", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await store.runs.create(newRun("r"));
  await claim(store, "one", 2_000);
  await store.attempts.putSteps(lease("r", 1, "one"), [
    step("extract:a", { state: "succeeded" }),
    step("model:b", { state: "failed" }),
  ]);
  const error = { code: "unavailable" as const, message: "away" };
  await store.attempts.requeue(lease("r", 1, "one"), 3_000, outcome({ atMs: 2_500, error, peakRssBytes: 7 }));
  await claim(store, "two", 4_000);
  await store.attempts.putSteps(lease("r", 2, "two"), [
    step("model:b", { state: "running" }),
    step("load:c"),
  ]);

  const run = await store.runs.get("r");
  assert.deepEqual(run?.attempts, [
    {
      attempt: 1,
      worker: "one",
      state: "failed",
      started_at: iso(2_000),
      finished_at: iso(2_500),
      duration_ms: 500,
      error,
      peak_rss_bytes: 7,
    },
    {
      attempt: 2,
      worker: "two",
      state: "running",
      started_at: iso(4_000),
      finished_at: null,
      duration_ms: null,
      error: null,
      peak_rss_bytes: null,
    },
  ]);
  assert.deepEqual(run?.steps.map(({ name, state, attempt }) => `${name} ${state} ${attempt}`), [
    "extract:a succeeded 1",
    "model:b running 2",
    "load:c pending 2",
  ]);
});

Deno.test("whoever lost its lease can write nothing more: no step, line, column or end", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await store.runs.create(newRun("r"));
  await claim(store, "dead", 2_000);
  const lost = lease("r", 1, "dead");
  await store.attempts.putSteps(lost, [step("model:b", { state: "running" })]);
  await store.attempts.requeue({ ...lost, untilMs: 32_000 }, null, outcome({ attemptState: "lost" }));
  await claim(store, "next", 3_000);
  const before = await store.runs.get("r");

  for (const gone of [lost, lease("r", 2, "dead"), lease("r", 1, "next"), lease("r", 3, "next")]) {
    assert.equal(await store.attempts.putSteps(gone, [step("model:b", { state: "succeeded" })]), false);
    await store.pipelines.putStreamColumns("a", "orders", [], gone);
    assert.equal(await store.attempts.finish(gone, "succeed", outcome()), undefined);
    assert.equal(await store.attempts.requeue(gone, null, outcome()), undefined);
  }
  assert.deepEqual(await store.runs.get("r"), before);
  assert.deepEqual(await store.pipelines.streamColumns("a"), {});
});

Deno.test("a lease that was renewed since it was seen cannot be taken over", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await store.runs.create(newRun("r"));
  await claim(store, "one", 2_000);
  const [seen] = await store.attempts.ofOthers("two");
  assert.ok(seen);
  assert.deepEqual(await store.attempts.renew("one", 9_000, 39_000), [
    { run: "r", attempt: 1, cancelAskedBy: null },
  ]);
  const taken = { ...seen.lease, untilMs: seen.leaseUntilMs };
  assert.equal(await store.attempts.requeue(taken, null, outcome()), undefined);
  assert.equal(
    (await store.attempts.requeue({ ...taken, untilMs: 39_000 }, null, outcome()))?.state,
    "queued",
  );
  assert.deepEqual(await store.attempts.renew("one", 9_500, 39_500), []);
});

Deno.test("a retry does not wait for a clock that was set back", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  const dayMs = 86_400_000;
  await store.runs.create(newRun("r"));
  await claim(store, "me", dayMs);
  await store.attempts.requeue(lease("r"), dayMs + 10_000, outcome({ atMs: dayMs }));
  assert.equal(await claim(store, "me", dayMs), undefined);
  assert.equal(await claim(store, "behind by a moment", dayMs - 5_000), undefined);
  assert.equal((await claim(store, "me", dayMs - 3_600_000))?.attempt, 2);
});

Deno.test("askCancel() reaches the worker with its next heartbeat and is gone with the next attempt", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await store.runs.create(newRun("r"));
  assert.equal(await store.runs.askCancel("r", "Ann"), false);
  await claim(store, "one", 2_000);
  assert.equal(await store.runs.askCancel("r", "Ann"), true);
  assert.equal((await store.attempts.renew("one", 3_000, 33_000))[0]?.cancelAskedBy, "Ann");
  const run = await store.attempts.finish(
    lease("r", 1, "one"),
    "cancel",
    outcome({ cancelledBy: "Ann", reason: "cancelled" }),
  );
  assert.equal(run?.cancelled_by, "Ann");
  assert.equal((await store.runs.retry("r", 4_000))?.cancelled_by, null);
  await claim(store, "one", 5_000);
  assert.equal((await store.attempts.renew("one", 6_000, 36_000))[0]?.cancelAskedBy, null);
});

Deno.test("a window follows the last one and never ends before it begins, wherever the clock stands", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  const day = 86_400_000;
  const succeed = async (id: string, nowMs: number) => {
    await store.runs.create(newRun(id, { windowEndMs: nowMs }));
    await claim(store, "me", nowMs);
    await store.attempts.finish(lease(id), "succeed", outcome());
    return await windowOf(store, id);
  };
  assert.deepEqual(await succeed("r1", 10 * day), [null, iso(10 * day)]);
  // The clock is set back three days: the window goes on where the last one ended, and holds something.
  assert.deepEqual(await succeed("r2", 7 * day), [iso(10 * day), iso(10 * day + 1)]);
  assert.deepEqual(await succeed("r3", 7 * day + 5), [iso(10 * day + 1), iso(10 * day + 2)]);
  assert.deepEqual(await succeed("r4", 11 * day), [iso(10 * day + 2), iso(11 * day)]);
});

Deno.test("a window that was asked for is kept, also by retries, and moves no other window", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await store.runs.create(newRun("r1", { windowEndMs: 5_000 }));
  await claim(store, "me", 5_000);
  await store.attempts.finish(lease("r1"), "succeed", outcome());
  await store.runs.create(newRun("asked", { window: { startMs: 1_000, endMs: 90_000 }, windowEndMs: 6_000 }));
  await claim(store, "me", 6_000);
  await store.attempts.requeue(lease("asked"), null, outcome());
  assert.equal((await claim(store, "me", 7_000))?.attempt, 2);
  await store.attempts.finish(lease("asked", 2), "succeed", outcome());
  assert.deepEqual(await windowOf(store, "asked"), [iso(1_000), iso(90_000)]);
  await store.runs.create(newRun("r2", { windowEndMs: 8_000 }));
  await claim(store, "me", 8_000);
  assert.deepEqual(await windowOf(store, "r2"), [iso(5_000), iso(8_000)]);
});

Deno.test("claim() takes the higher priority first, and of one priority the older", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await store.runs.create(newRun("a1"));
  await store.runs.create(newRun("a2", { priority: 5 }));
  await store.runs.create(newRun("b1", { pipeline: "b", priority: 5 }));
  await store.runs.create(newRun("a3", { priority: 5 }));
  await store.runs.create(newRun("a4", { priority: -5 }));
  const order: (string | undefined)[] = [];
  for (let n = 0; n < 6; n++) {
    const run = await claim(store, "me", 2_000);
    order.push(run?.id);
    if (run?.pipeline === "a") await store.attempts.finish(lease(run.id), "succeed", outcome());
  }
  assert.deepEqual(order, ["a2", "b1", "a3", "a1", "a4", undefined]);
});

Deno.test("claim() lets pipelines take turns, however many runs one of them has queued before", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await addPipeline(store, "c");
  await store.runs.createAll(
    Array.from({ length: 6 }, (_, index) => newRun(`a${index}`, { idempotencyKey: `k ${index}` })),
  );
  const order: (string | undefined)[] = [];
  const next = async () => {
    const run = await claim(store, "me", 2_000, { maxRuns: 1 });
    order.push(run?.id);
    if (run !== undefined) await store.attempts.finish(lease(run.id), "succeed", outcome());
  };
  await next();
  await next();
  for (const id of ["b0", "b1"]) await store.runs.create(newRun(id, { pipeline: "b" }));
  await store.runs.create(newRun("c0", { pipeline: "c" }));
  for (let n = 0; n < 8; n++) await next();
  assert.deepEqual(order, ["a0", "a1", "a2", "b0", "c0", "a3", "b1", "a4", "a5", undefined]);
});

Deno.test("a pool holds as many runs as it has slots, over pipelines, and a change of its size counts at once", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await addPipeline(store, "c");
  const limits = { "pool heavy": { slots: 1, needed: 1 } };
  for (const pipeline of ["a", "b", "c"]) {
    await store.runs.create(newRun(`${pipeline}1`, { pipeline, ...(pipeline === "c" ? {} : { limits }) }));
  }
  assert.equal((await claim(store, "me", 2_000))?.id, "a1");
  assert.equal((await claim(store, "me", 2_000))?.id, "c1");
  assert.equal(await claim(store, "me", 2_000), undefined);
  await store.attempts.setSlots({ "pool heavy": 2 });
  assert.equal((await claim(store, "me", 2_000))?.id, "b1");
});

Deno.test("claim() lets no priority pass an attempt that waits for its retry", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await store.runs.create(newRun("a1"));
  await claim(store, "me", 2_000);
  await store.attempts.requeue(lease("a1"), 10_000, outcome());
  await store.runs.create(newRun("urgent", { priority: 9 }));
  assert.equal(await claim(store, "me", 3_000), undefined);
  assert.equal((await claim(store, "me", 10_000))?.id, "a1");
});

Deno.test("list() finds the runs of a group", async () => {
  await using fixture = new StoreFixture();
  const { runs } = await fixture.openWithPipelines();
  for (const [id, group] of [["r1", "g"], ["r2", "h"], ["r3", "g"]] as const) {
    await runs.create(newRun(id, { group, parent: "p" }));
  }
  await runs.create(newRun("r4"));
  assert.deepEqual((await runs.list({ group: "g", limit: 9 })).map(({ id }) => id), ["r3", "r1"]);
  assert.equal((await runs.get("r1"))?.parent, "p");
});

Deno.test("a worker has no more runs than its slots, and gets them back with each end", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  for (const name of ["a", "b", "c"]) {
    await addPipeline(store, name);
    await store.runs.create(newRun(name, { pipeline: name }));
  }
  const two = { maxRuns: 2 };
  assert.equal((await claim(store, "me", 2_000, two))?.id, "a");
  assert.equal((await claim(store, "me", 2_000, two))?.id, "b");
  assert.equal(await claim(store, "me", 2_000, two), undefined);
  assert.equal((await claim(store, "other", 2_000, two))?.id, "c");
  await store.attempts.requeue(lease("a"), null, outcome());
  assert.equal((await claim(store, "me", 2_000, two))?.id, "a");
  assert.equal(await claim(store, "me", 2_000, two), undefined);
});

Deno.test("a limit holds over all workers and is freed when a lease is taken over", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  for (const name of ["a", "b", "c"]) {
    await addPipeline(store, name);
    const limits = name === "c" ? {} : { "connector shop": { slots: 1, needed: 1 } };
    await store.runs.create(newRun(name, { pipeline: name, limits }));
  }
  assert.equal((await claim(store, "one", 2_000))?.id, "a");
  assert.equal((await claim(store, "two", 2_000))?.id, "c", "b waits for the shop");
  assert.equal(await claim(store, "two", 2_000), undefined);
  const taken = { ...lease("a", 1, "one"), untilMs: 32_000 };
  await store.attempts.finish(taken, "fail", outcome({ attemptState: "lost" }));
  assert.equal((await claim(store, "two", 2_000))?.id, "b");
  // More slots come with the next run that names them.
  await store.runs.create(
    newRun("a2", { pipeline: "a", limits: { "connector shop": { slots: 2, needed: 1 } } }),
  );
  assert.equal((await claim(store, "one", 2_000))?.id, "a2");
});

Deno.test("a run that needs several slots of a limit waits until so many are free", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  for (const [name, needed] of [["a", 2], ["b", 2], ["c", 1], ["d", 9]] as const) {
    await addPipeline(store, name);
    await store.runs.create(newRun(name, { pipeline: name, limits: { shop: { slots: 3, needed } } }));
  }
  const next = async () => (await claim(store, "me", 2_000))?.id;
  assert.deepEqual([await next(), await next()], ["a", undefined]);
  await store.attempts.finish(lease("a"), "succeed", outcome());
  assert.deepEqual([await next(), await next(), await next()], ["b", "c", undefined]);
  await store.attempts.finish(lease("b"), "succeed", outcome());
  assert.equal(await next(), undefined);
  await store.attempts.finish(lease("c"), "succeed", outcome());
  assert.equal(await next(), "d", "more than there are is all that there are");
});

Deno.test("a run that needs all slots is not starved by younger ones that need one each", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  const create = async (name: string, needed: number, more = {}) => {
    await addPipeline(store, name);
    const limits = needed === 0 ? {} : { shop: { slots: 2, needed } };
    await store.runs.create(newRun(name, { pipeline: name, limits, ...more }));
  };
  let nowMs = 2_000;
  const next = async () => (await claim(store, "me", nowMs += 1_000))?.id;
  await create("small 0", 1);
  assert.equal(await next(), "small 0");
  await create("all", 2);
  for (let i = 1; i <= 5; i++) await create(`small ${i}`, 1);
  await create("other", 0);
  assert.deepEqual([await next(), await next()], ["other", undefined], "what needs no slot of it goes on");
  await create("urgent", 1, { priority: 1 });
  assert.equal(await next(), "urgent", "a higher priority comes first");
  await store.attempts.finish(lease("small 0"), "succeed", outcome());
  assert.equal(await next(), undefined, "the free slot is kept");
  await store.attempts.finish(lease("urgent"), "succeed", outcome());
  assert.equal(await next(), "all");
  await store.attempts.finish(lease("all"), "succeed", outcome());
  assert.deepEqual([await next(), await next(), await next()], ["small 1", "small 2", undefined]);
});

Deno.test("a run keeps no slots free before it is due, while its pipeline is busy, or for others' pipelines", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  for (const name of ["holder", "all", "small", "late"]) await addPipeline(store, name);
  const create = (id: string, pipeline: string, needed: number) =>
    store.runs.create(newRun(id, { pipeline, limits: { shop: { slots: 3, needed } } }));
  await create("holder", "holder", 1);
  assert.equal((await claim(store, "me", 2_000))?.id, "holder");
  await create("all", "all", 3);
  await create("small", "small", 1);
  const only = { pipelines: ["small"] };
  assert.equal((await claim(store, "me", 3_000, only))?.id, "small", "nobody here will take the other");
  await store.attempts.requeue(lease("small"), 9_000, outcome());
  await create("late", "late", 1);
  await store.attempts.finish(lease("holder"), "succeed", outcome());
  assert.equal((await claim(store, "me", 4_000))?.id, "all");
  await create("all again", "all", 3);
  await create("late 2", "late", 1);
  assert.equal((await claim(store, "me", 5_000))?.id, undefined, "the slots are taken");
  await store.attempts.requeue(lease("all"), 20_000, outcome());
  assert.equal((await claim(store, "me", 6_000))?.id, "late", "its next attempt is not due yet");
});

Deno.test("the outbox has each change of a run, as it left it, and nothing of one that was refused", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  const detail = "x".repeat(100_000);
  const error = { code: "invalid" as const, message: "no", detail };
  await store.runs.create(newRun("r", { params: { n: 1, t: true }, fullRefresh: true, idempotencyKey: "k" }));
  await store.runs.create(newRun("again", { idempotencyKey: "k" }));
  await claim(store, "me", 2_000);
  await claim(store, "me", 2_000);
  await store.attempts.finish(lease("r", 9), "succeed", outcome());
  await store.attempts.finish(lease("r"), "fail", outcome({ error }));
  await store.runs.retry("r", 6_000);
  await store.runs.retry("r", 6_000);
  await store.runs.cancelQueued("r", 7_000, "asked", "Ann");

  const events = await store.outbox.read(0, 100);
  assert.deepEqual(events.map(({ kind, run }) => `${kind} ${run.id} ${run.state} ${run.attempt}`), [
    "run r queued 0",
    "run r running 1",
    "run r failed 1",
    "run r queued 1",
    "run r cancelled 1",
  ]);
  const { steps: _, attempts: __, ...now } = await store.runs.get("r") ?? assert.fail();
  assert.deepEqual(events.at(-1)?.run, now);
  assert.deepEqual(events[2]?.run.error, { code: "invalid", message: "no" });
  assert.equal(await store.outbox.lastSeq(), events.at(-1)?.seq);
  assert.deepEqual(await store.outbox.read(events[2]?.seq ?? 0, 1), [events[3]]);
  await store.outbox.markDelivered(events[2]?.seq ?? 0, 9_000);
});

Deno.test("create() refuses an idempotency key that was used for something else", async () => {
  await using fixture = new StoreFixture();
  const { runs } = await fixture.openWithPipelines();
  const keyed = (id: string, requestHash: string | null) =>
    runs.create(newRun(id, { idempotencyKey: "k", requestHash }));
  assert.equal((await keyed("r1", "h1")).created, true);
  assert.equal((await keyed("r2", "h1")).run.id, "r1");
  await assert.rejects(
    keyed("r3", "h2"),
    (error) => error instanceof AppError && error.reason === "idempotency_key_reused",
  );
  assert.equal((await runs.list({ limit: 9 })).length, 1);
});

Deno.test("the inbox keeps a message once, and gives what comes behind a place whether it is settled or not", async () => {
  await using fixture = new StoreFixture();
  const { inbox } = await fixture.openWithPipelines();
  const message = { hook: "a/shop", headers: { "x-topic": "order" }, receivedAtMs: 1_000 };
  const body = new Uint8Array([0, 1, 255, 10]);
  const first = await inbox.put({ ...message, key: "1", body });
  assert.deepEqual([first.isNew, first.isSame], [true, true]);
  const repeat = await inbox.put({ ...message, key: "1", body });
  assert.deepEqual(repeat, { seq: first.seq, isNew: false, isSame: true });
  const other = await inbox.put({ ...message, key: "1", body: new Uint8Array([9]) });
  assert.deepEqual(other, { seq: first.seq, isNew: false, isSame: false });
  const till = await inbox.put({ ...message, hook: "a/till", key: "1", body });
  const second = await inbox.put({ ...message, key: "2", body });
  assert.deepEqual(await inbox.after("a/shop", 0), { ...message, key: "1", body, seq: first.seq });
  assert.equal((await inbox.after("a/shop", first.seq))?.seq, second.seq);
  assert.equal(await inbox.after("a/shop", second.seq), undefined);

  await inbox.settle("a/shop", first.seq, 2_000);
  assert.deepEqual(await inbox.open(), [
    { hook: "a/shop", lastSeq: second.seq, count: 1 },
    { hook: "a/till", lastSeq: till.seq, count: 1 },
  ]);
  assert.equal((await inbox.after("a/shop", 0))?.seq, first.seq);
});
