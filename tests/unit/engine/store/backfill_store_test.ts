import assert from "node:assert/strict";
import { addPipeline, claim, lease, newRun, outcome, StoreFixture } from "./store_fixture.ts";

const iso = (ms: number) => new Date(ms).toISOString();

function windows(group: string, count: number, pipeline = "a") {
  return Array.from({ length: count }, (_, index) =>
    newRun(`${group}-${index}`, {
      pipeline,
      trigger: "backfill",
      group,
      window: { startMs: index * 1_000, endMs: (index + 1) * 1_000 },
      idempotencyKey: `backfill ${group} ${index}`,
      requestHash: "h",
      priority: -10,
    }));
}

Deno.test("a backfill is what its runs are: counts, rows, an estimate, and the windows in order", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await store.runs.createAll(windows("g", 4));
  await store.runs.createAll(windows("other", 1, "b"));
  await store.runs.create(newRun("loose", { pipeline: "b", group: "g" }));
  const ofA = { pipelines: ["a"] };
  await claim(store, "me", 2_000, ofA);
  await store.attempts.finish(lease("g-0"), "succeed", outcome({ atMs: 5_000, rowsLoaded: 7 }));
  await claim(store, "me", 6_000, ofA);
  const error = { code: "invalid" as const, message: "no" };
  await store.attempts.finish(lease("g-1"), "fail", outcome({ atMs: 7_000, error }));

  const found = await store.backfills.get("g");
  assert.deepEqual(found && { ...found, created_at: "" }, {
    group: "g",
    pipeline: "a",
    state: "running",
    window_start: iso(0),
    window_end: iso(4_000),
    total: 4,
    runs: { queued: 2, running: 0, succeeded: 1, failed: 1, cancelled: 0 },
    rows_extracted: 0,
    rows_loaded: 7,
    params: {},
    select: null,
    triggered_by: null,
    created_at: "",
    finished_at: null,
    remaining_ms: 6_000,
  });
  assert.deepEqual(
    (await store.backfills.windows("g")).map(({ run, state, error }) => [run, state, error?.message]),
    [["g-0", "succeeded", undefined], ["g-1", "failed", "no"], ["g-2", "queued", undefined], [
      "g-3",
      "queued",
      undefined,
    ]],
  );
  assert.deepEqual((await store.backfills.list({ limit: 9 })).map(({ group }) => group), ["other", "g"]);
  assert.deepEqual((await store.backfills.list({ limit: 9, pipeline: "a" })).map(({ group }) => group), [
    "g",
  ]);
  assert.equal(await store.backfills.get("none"), undefined);
  await addPipeline(store, "a@dev");
  await store.runs.createAll(windows("tried", 1, "a@dev"));
  const inDev = await store.backfills.list({ limit: 9, environment: "dev" });
  assert.deepEqual(inDev.map(({ group }) => group), ["tried"]);

  for (const id of ["g-2", "g-3"]) await store.runs.cancelQueued(id, 8_000, "asked", null);
  const ended = await store.backfills.get("g");
  assert.deepEqual([ended?.state, ended?.finished_at, ended?.remaining_ms], ["failed", iso(8_000), 0]);
});

Deno.test("createAll() makes what is missing of a backfill, and nothing where a run asked for something else", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await store.runs.createAll(windows("g", 2));
  await store.runs.createAll(windows("g", 3));
  assert.equal((await store.backfills.get("g"))?.total, 3);
  const other = windows("g", 5).map((run) => ({ ...run, requestHash: "another" }));
  await assert.rejects(store.runs.createAll(other), { reason: "idempotency_key_reused" });
  assert.equal((await store.backfills.get("g"))?.total, 3);
  const events = await store.outbox.read(0, 100);
  assert.deepEqual(events.map(({ run }) => run.id), ["g-0", "g-1", "g-2"]);
});

Deno.test("a run is overtaken where another of its pipeline has begun since its first attempt, whatever the clock", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await store.runs.createAll(windows("g", 2));
  await store.runs.create(newRun("b", { pipeline: "b" }));
  const ofA = { pipelines: ["a"] };
  await claim(store, "me", 9_000, ofA);
  await store.attempts.finish(lease("g-0"), "fail", outcome());
  await claim(store, "me", 9_000, { pipelines: ["b"] });
  assert.equal(await store.attempts.isOvertaken("g-0"), false);
  await claim(store, "me", 8_000, ofA);
  await store.attempts.finish(lease("g-1"), "fail", outcome());
  assert.deepEqual([await store.attempts.isOvertaken("g-0"), await store.attempts.isOvertaken("g-1")], [
    true,
    false,
  ]);
  // The second attempt of the older one overtakes the younger.
  await store.runs.retry("g-0", 8_500);
  await claim(store, "me", 8_600, ofA);
  assert.equal(await store.attempts.isOvertaken("g-1"), true);
});
