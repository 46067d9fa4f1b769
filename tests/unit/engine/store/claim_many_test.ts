import assert from "node:assert/strict";
import type { Claim, NewRun } from "../../../../engine/store/ports/runs.ts";
import type { Store } from "../../../../engine/store/store.ts";
import { addPipeline, lease, newRun, outcome, StoreFixture } from "./store_fixture.ts";

/** Numbers from 0 up to `below`, always the same for the same seed. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}

const PIPELINES = Array.from({ length: 12 }, (_, index) => `p${index}`);

/** Runs of all kinds: of several priorities, with limits of which there are few slots, or many, or none. */
function someRuns(random: (below: number) => number): NewRun[] {
  const limits = [
    {},
    {},
    { small: { slots: 3, needed: 1 } },
    { small: { slots: 3, needed: 2 } },
    { wide: { slots: 7, needed: 2 } },
    { small: { slots: 3, needed: 1 }, wide: { slots: 7, needed: 3 } },
  ];
  return Array.from({ length: 30 }, (_, index) =>
    newRun(`r${index}`, {
      pipeline: PIPELINES[random(PIPELINES.length)] ?? "",
      priority: random(4) === 0 ? random(3) - 1 : 0,
      limits: limits[random(limits.length)] ?? {},
    }));
}

async function queued(fixture: StoreFixture, runs: readonly NewRun[]): Promise<Store> {
  const store = await fixture.open();
  for (const pipeline of PIPELINES) await addPipeline(store, pipeline);
  await store.runs.createEach(runs.map((run) => ({ run, unlessActive: false })));
  return store;
}

const CLAIM: Claim = { worker: "me", nowMs: 2_000, leaseUntilMs: 9_000, maxRuns: 9 };

/** Claims until there is nothing to claim; ends some of what was claimed, and again. */
async function claimAll(store: Store, most: number): Promise<string[][]> {
  const rounds: string[][] = [];
  let underWay: string[] = [];
  for (let round = 0; round < 6; round++) {
    const ids: string[] = [];
    for (;;) {
      const claimed = await store.attempts.claim({ ...CLAIM, most });
      if (claimed.length === 0) break;
      assert.ok(claimed.length <= most);
      ids.push(...claimed.map(({ id }) => id));
    }
    rounds.push(ids);
    underWay.push(...ids);
    for (const id of underWay.slice(1)) await store.attempts.finish(lease(id), "succeed", outcome());
    underWay = underWay.slice(0, 1);
  }
  return rounds;
}

Deno.test("claim() of many at once takes those, in that order, that one after the other would be", async () => {
  for (const seed of [1, 2, 3]) {
    const runs = someRuns(randomFrom(seed));
    await using singly = new StoreFixture();
    await using together = new StoreFixture();
    const expected = await claimAll(await queued(singly, runs), 1);
    assert.ok(expected.flat().length > 10, "the case says something");
    assert.deepEqual(await claimAll(await queued(together, runs), 100), expected, `seed ${seed}`);
  }
});

Deno.test("claim() of many opens an attempt of each, notes it and takes its slots", async () => {
  await using fixture = new StoreFixture();
  const store = await queued(
    fixture,
    PIPELINES.slice(0, 3).map((pipeline) =>
      newRun(pipeline, { pipeline, limits: { shop: { slots: 5, needed: 1 } } })
    ),
  );
  const before = await store.outbox.lastSeq();
  const claimed = await store.attempts.claim({ ...CLAIM, most: 2 });
  assert.deepEqual(claimed.map(({ id, state, attempt }) => `${id} ${state} ${attempt}`), [
    "p0 running 1",
    "p1 running 1",
  ]);
  assert.deepEqual((await store.attempts.renew("me", 3_000, 10_000)).map(({ run }) => run), ["p0", "p1"]);
  assert.deepEqual((await store.outbox.read(before, 9)).map(({ run }) => `${run.id} ${run.state}`), [
    "p0 running",
    "p1 running",
  ]);
  // Both slots of the worker are taken, and of the shop as many as it takes.
  assert.deepEqual(await store.attempts.claim({ ...CLAIM, maxRuns: 2, most: 9 }), []);
  await store.attempts.setSlots({ shop: 2 });
  assert.deepEqual(await store.attempts.claim({ ...CLAIM, most: 9 }), []);
  await store.attempts.finish(lease("p0"), "succeed", outcome());
  assert.deepEqual((await store.attempts.claim({ ...CLAIM, most: 9 })).map(({ id }) => id), ["p2"]);
});

Deno.test("two servers that claim many at once from one store take each run once", async () => {
  await using fixture = new StoreFixture();
  const one = await queued(fixture, PIPELINES.map((pipeline) => newRun(pipeline, { pipeline })));
  const two = await fixture.open();
  const claims = await Promise.all([
    one.attempts.claim({ ...CLAIM, most: 5 }),
    two.attempts.claim({ ...CLAIM, worker: "other", most: 5 }),
    one.attempts.claim({ ...CLAIM, most: 5 }),
    two.attempts.claim({ ...CLAIM, worker: "other", most: 5 }),
  ]);
  const ids = claims.flat().map(({ id }) => id);
  assert.deepEqual(ids.toSorted(), PIPELINES.toSorted());
  assert.equal(new Set(ids).size, PIPELINES.length);
});

Deno.test("createEach() stores all but the one that cannot be stored, and says which", async () => {
  await using fixture = new StoreFixture();
  const store = await queued(fixture, [
    newRun("before", { pipeline: "p3", idempotencyKey: "k", requestHash: "h" }),
  ]);
  const run = (pipeline: string, change: Partial<NewRun> = {}) => ({
    run: newRun(`of ${pipeline}`, { pipeline, ...change }),
    unlessActive: false,
  });
  const created = await store.runs.createEach([
    run("p0"),
    run("p1", { revision: "gone" }),
    run("p2"),
    run("p3", { idempotencyKey: "k", requestHash: "h" }),
    run("p3", { idempotencyKey: "k", requestHash: "other" }),
    { ...run("p4"), unlessActive: true },
    { ...run("p3"), run: newRun("left out", { pipeline: "p3" }), unlessActive: true },
  ]);
  const told = created.map((found) => {
    if (found === undefined) return "active";
    return found instanceof Error ? `${found.code} ${found.reason}` : `${found.run.id} ${found.created}`;
  });
  assert.deepEqual(told, [
    "of p0 true",
    "conflict undefined",
    "of p2 true",
    "before false",
    "conflict idempotency_key_reused",
    "of p4 true",
    "active",
  ]);
  const stored = (await store.runs.list({ limit: 99 })).map(({ id }) => id);
  assert.deepEqual(stored.toSorted(), ["before", "of p0", "of p2", "of p4"]);
  const noted = (await store.outbox.read(0, 99)).map(({ run }) => run.id);
  assert.deepEqual(noted, ["before", "of p0", "of p2", "of p4"]);
});

Deno.test("createEach() keeps what is in a run as it is", async () => {
  await using fixture = new StoreFixture();
  const store = await queued(fixture, []);
  const full = newRun("full", {
    pipeline: "p0",
    params: { text: "a\0b \ud83d 💡 \"'", big: 9_007_199_254_740_991, share: 0.1, none: null, yes: true },
    triggeredBy: "Ann 💡",
    select: "raw.orders+",
    fullRefresh: true,
    window: { startMs: null, endMs: 5_000 },
    range: { from: "1", to: "2" },
    group: "g",
    parent: "x",
    priority: -3,
    tags: ["b", "a", "b"],
    note: "two\nlines",
  } as Partial<NewRun>);
  await store.runs.create(full);
  const run = await store.runs.get("full");
  assert.deepEqual(run?.params, full.params);
  assert.deepEqual(
    [
      run?.triggered_by,
      run?.select,
      run?.full_refresh,
      run?.window_given,
      run?.window_start,
      run?.window_end,
    ],
    ["Ann 💡", "raw.orders+", true, true, null, "1970-01-01T00:00:05.000Z"],
  );
  assert.deepEqual(
    [run?.range, run?.group, run?.parent, run?.priority, run?.tags, run?.note],
    [{ from: "1", to: "2" }, "g", "x", -3, ["b", "a"], "two\nlines"],
  );
});
