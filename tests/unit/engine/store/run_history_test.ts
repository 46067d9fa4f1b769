import assert from "node:assert/strict";
import { addPipeline, claim, lease, newRun, outcome, step, StoreFixture } from "./store_fixture.ts";

const SPAN_MS = 900_000;

Deno.test("counts() counts the runs of each span and state, of one pipeline", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  for (const name of ["a", "b"]) await addPipeline(store, name);
  const at = [0, SPAN_MS - 1, SPAN_MS, 3 * SPAN_MS];
  for (const [index, createdAtMs] of at.entries()) {
    await store.runs.create(newRun(`r${index}`, { pipeline: "a", createdAtMs }));
  }
  await store.runs.create(newRun("other", { pipeline: "b", createdAtMs: 0 }));
  await store.runs.cancelQueued("r1", 9, "asked", "Ann");
  const spans = [0, 1, 2].map((n) => ({ fromMs: n * SPAN_MS, untilMs: (n + 1) * SPAN_MS }));
  const counts = await store.history.counts("a", spans);
  assert.deepEqual(counts.toSorted((x, y) => x.fromMs - y.fromMs || (x.state < y.state ? -1 : 1)), [
    { fromMs: 0, state: "cancelled", count: 1 },
    { fromMs: 0, state: "queued", count: 1 },
    { fromMs: SPAN_MS, state: "queued", count: 1 },
  ]);
});

Deno.test("lastRuns() and steps() have the ended runs, the oldest first, with the newest attempt of each step", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  await addPipeline(store, "a");
  for (const id of ["r1", "r2"]) {
    await store.runs.create(newRun(id, { pipeline: "a" }));
    await claim(store, "me", 2_000);
    await store.attempts.putSteps(lease(id), [
      step("extract:a", { state: "failed", duration_ms: 5, rows: 1 }),
      step("model:b", { state: "succeeded", duration_ms: id === "r1" ? 7 : 90, rows: 2 }),
    ]);
    await store.attempts.finish(lease(id), "fail", outcome({ atMs: 3_000 }));
  }
  assert.ok(await store.runs.retry("r2", 4_000));
  await claim(store, "me", 5_000);
  const second = { ...lease("r2"), attempt: 2 };
  await store.attempts.putSteps(second, [
    step("extract:a", { state: "succeeded", attempt: 2, duration_ms: 8, rows: 3 }),
  ]);
  await store.attempts.finish(second, "succeed", outcome({ atMs: 6_000, rowsLoaded: 4 }));
  await store.runs.create(newRun("open", { pipeline: "a" }));
  const runs = await store.history.lastRuns("a", 9);
  assert.deepEqual(
    runs.map(({ id, state, duration_ms, rows_loaded }) => [id, state, duration_ms, rows_loaded]),
    [
      ["r1", "failed", 1_000, 0],
      ["r2", "succeeded", 1_000, 4],
    ],
  );
  assert.deepEqual((await store.history.lastRuns("a", 1)).map(({ id }) => id), ["r2"]);
  const steps = await store.history.steps(["r1", "r2"]);
  assert.deepEqual(
    steps.map(({ name, runs }) => [name, ...runs.map((one) => `${one.run} ${one.state} ${one.rows}`)]),
    [
      ["model:b", "r1 succeeded 2", "r2 succeeded 2"],
      ["extract:a", "r1 failed 1", "r2 succeeded 3"],
    ],
  );
});
