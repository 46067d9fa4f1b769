import assert from "node:assert/strict";
import type { RunsToForget } from "../../../../engine/store/ports/retention.ts";
import type { Store } from "../../../../engine/store/store.ts";
import { claim, lease, logLine, newRun, outcome, revision, step, StoreFixture } from "./store_fixture.ts";

/** Runs `r1`, `r2`, … of pipeline `a`, each asked for and ended at its number in seconds. */
async function addRuns(store: Store, count: number, event: "succeed" | "fail" = "succeed"): Promise<void> {
  for (let n = 1; n <= count; n++) {
    await store.runs.create(newRun(`r${n}`, { createdAtMs: n * 1_000, windowEndMs: n * 1_000 }));
    await claim(store, "me", n * 1_000);
    await store.attempts.putSteps(lease(`r${n}`), [step("model:a")]);
    await store.logs.append(lease(`r${n}`), [logLine(1)]);
    await store.attempts.finish(lease(`r${n}`), event, outcome());
  }
}

async function left(store: Store): Promise<string[]> {
  return (await store.runs.list({ pipeline: "a", limit: 500 })).map(({ id }) => id);
}

const WHAT: RunsToForget = { pipeline: "a", beforeMs: 0, keepNewest: 2, keepAtMost: 1_000, limit: 100 };

Deno.test("forgetRuns() forgets by age, with steps, attempts and logs, but never the newest", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await addRuns(store, 6, "fail");
  assert.equal(await store.retention.forgetRuns({ ...WHAT, beforeMs: 3_500 }), 3);
  assert.deepEqual(await left(store), ["r6", "r5", "r4"]);
  assert.equal(await store.logs.lastSeq("r1"), 0);
  assert.equal(await store.retention.forgetRuns({ ...WHAT, beforeMs: 99_000 }), 1);
  assert.deepEqual(await left(store), ["r6", "r5"]);
  assert.equal(await store.retention.forgetRuns({ ...WHAT, beforeMs: 99_000 }), 0);
});

Deno.test("forgetRuns() forgets by count, the oldest first, a step at a time, and in its pipeline only", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await addRuns(store, 6, "fail");
  await store.runs.create(newRun("other", { pipeline: "b", createdAtMs: 0 }));
  await store.runs.cancelQueued("other", 1, "asked", null);
  const step = () => store.retention.forgetRuns({ ...WHAT, keepAtMost: 3, limit: 2 });
  assert.equal(await step(), 2);
  assert.deepEqual(await left(store), ["r6", "r5", "r4", "r3"]);
  assert.equal(await step(), 1);
  assert.equal(await step(), 0);
  assert.deepEqual(await left(store), ["r6", "r5", "r4"]);
  assert.ok(await store.runs.get("other"));
});

Deno.test("forgetRuns() keeps what is queued or running, and the run from whose window the next goes on", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await store.runs.create(newRun("waiting", { createdAtMs: 1 }));
  await claim(store, "me", 1_000);
  await store.attempts.requeue(lease("waiting"), 90_000, outcome());
  for (let n = 1; n <= 4; n++) await store.runs.create(newRun(`q${n}`, { createdAtMs: n }));
  for (let n = 1; n <= 4; n++) await store.runs.cancelQueued(`q${n}`, n, "asked", null);
  assert.equal(await store.retention.forgetRuns({ ...WHAT, beforeMs: 99_000 }), 2);
  assert.deepEqual(await left(store), ["q4", "q3", "waiting"]);

  await store.runs.cancelQueued("waiting", 5, "asked", null);
  await addRuns(store, 1);
  for (let n = 5; n <= 8; n++) await store.runs.create(newRun(`q${n}`, { createdAtMs: n }));
  for (let n = 5; n <= 8; n++) await store.runs.cancelQueued(`q${n}`, n, "asked", null);
  await store.retention.forgetRuns({ ...WHAT, beforeMs: 99_000 });
  assert.deepEqual(await left(store), ["q8", "q7", "r1"]);
  assert.equal(await store.runs.lastWindowEndMs("a"), 1_000);
});

Deno.test("forgetMessages() forgets old rows of the outbox, and of the inbox what was settled long ago", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await addRuns(store, 2);
  const message = { hook: "shop", body: new Uint8Array(), headers: {} };
  const seqs: number[] = [];
  for (const key of ["1", "2", "3"]) {
    seqs.push((await store.inbox.put({ ...message, key, receivedAtMs: 500 })).seq);
  }
  await store.inbox.settle("shop", seqs[0] ?? 0, 1_000);
  await store.inbox.settle("shop", seqs[1] ?? 0, 9_000);
  const before = await store.outbox.lastSeq();
  const gone = await store.retention.forgetMessages(2_000);
  assert.ok(gone > 1, String(gone));
  assert.ok((await store.outbox.read(0, 100)).every(({ createdAtMs }) => createdAtMs >= 2_000));
  assert.equal(await store.outbox.lastSeq(), before);
  assert.equal((await store.inbox.after("shop", 0))?.key, "2");
  await store.retention.forgetMessages(99_000);
  assert.equal((await store.inbox.after("shop", 0))?.key, "3", "nobody has read it");
});

Deno.test("forgetRevisions() takes what no pipeline and no run has used for a while, with its files", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  const save = (id: string, ...contents: string[]) =>
    store.revisions.save(
      revision({ id, files: contents.map((content, i) => ({ path: `${i}.sql`, content })) }),
      [],
    );
  await save("of a run", "SELECT 1");
  await save("unused", "SELECT 1", "SELECT 2");
  await save("comes back", "SELECT 2");
  await store.runs.create(newRun("r1", { revision: "of a run" }));
  const forget = (nowMs: number) => store.retention.forgetRevisions({ nowMs, unusedBeforeMs: nowMs - 100 });
  const left = async () => {
    const ids = ["rev-a", "rev-b", "of a run", "unused", "comes back"];
    return (await Promise.all(ids.map(async (id) => await store.revisions.has(id) ? [id] : []))).flat();
  };
  assert.equal(await forget(1_000), 0, "only noted");
  assert.equal(await forget(1_050), 0, "not long enough");
  await save("comes back", "SELECT 2");
  assert.equal(await forget(1_101), 1);
  assert.deepEqual(await left(), ["rev-a", "rev-b", "of a run", "comes back"]);
  assert.deepEqual((await store.revisions.get("comes back"))?.revision.files, [{
    path: "0.sql",
    content: "SELECT 2",
  }]);
  await store.pipelines.put({ name: "a", origin: "files", revision: "comes back", faults: [] });
  await forget(1_300);
  assert.equal(await forget(1_500), 1, "the one that the pipeline had before");
  assert.deepEqual(await left(), ["rev-b", "of a run", "comes back"]);
  await store.runs.cancelQueued("r1", 2_000, "asked", null);
  assert.equal(await forget(2_000), 0, "a run that has ended still shows it");
  await store.runs.create(newRun("r2", { revision: "comes back" }));
  await store.retention.forgetRuns({ ...WHAT, beforeMs: 99_000, keepNewest: 1 });
  await forget(2_100);
  assert.equal(await forget(2_300), 1);
  assert.deepEqual(await left(), ["rev-b", "comes back"]);
});

Deno.test("forgetKeys() lets go of keys that came with requests, and keeps those that the server makes", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  const keyed = (id: string, idempotencyKey: string, createdAtMs: number) =>
    store.runs.create(newRun(id, { idempotencyKey, requestHash: id, createdAtMs }));
  await keyed("old", "order-1", 1_000);
  await keyed("made", "schedule 1970-01-01T00:00:01.000Z", 1_000);
  await keyed("young", "order-2", 9_000);
  assert.equal(await store.retention.forgetKeys(5_000), 1);
  assert.equal(await store.retention.forgetKeys(5_000), 0);
  assert.equal((await keyed("again", "order-1", 9_500)).created, true);
  await assert.rejects(keyed("other", "order-2", 9_500), { reason: "idempotency_key_reused" });
  await assert.rejects(keyed("twice", "schedule 1970-01-01T00:00:01.000Z", 9_500), {
    reason: "idempotency_key_reused",
  });
});

Deno.test("forgetMessages() forgets problems that are over and alerts that were sent, and nothing that is open", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  const { alerts } = store;
  const about = {
    kind: "failure" as const,
    pipeline: "a",
    run: null,
    message: "",
    atMs: 1_000,
    isTold: true,
  };
  await alerts.apply(1_000, [
    { type: "open", problem: { ...about, id: "over", key: "a failure" } },
    { type: "close", id: "over", atMs: 1_500 },
    { type: "open", problem: { ...about, id: "open", key: "b failure" } },
  ]);
  const sent = {
    id: "sent",
    notifier: "team",
    state: "sent" as const,
    title: "t",
    events: [],
    event_count: 0,
    attempt: 1,
    created_at: new Date(1_000).toISOString(),
    not_before: null,
    ended_at: new Date(1_500).toISOString(),
    error: null,
  };
  await alerts.record(sent);
  await alerts.record({ ...sent, id: "waits", state: "waiting", ended_at: null });
  assert.equal(await store.retention.forgetMessages(1_500), 0);
  assert.equal(await store.retention.forgetMessages(2_000), 2);
  assert.deepEqual((await alerts.list({ limit: 9 })).map(({ id }) => id), ["open"]);
  assert.deepEqual((await alerts.deliveries({ limit: 9 })).map(({ id }) => id), ["waits"]);
});
