import assert from "node:assert/strict";
import { createClient, type InStatement } from "@libsql/client/sqlite3";
import { SteadyClient } from "../../../../engine/store/steady_client.ts";
import { addPipeline, claim, lease, newRun, outcome, StoreFixture } from "./store_fixture.ts";

/** A client on a file of its own with a table `t (n integer primary key)`; `sent` has what went to SQLite. */
async function withClient(work: (client: SteadyClient, sent: string[]) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const sent: string[] = [];
  const client = new SteadyClient({
    busyTimeoutMs: 300,
    open: async () => {
      const real = createClient({ url: `file:${folder}/t.db`, concurrency: 1, timeout: 1 });
      await real.execute("create table if not exists t (n integer primary key)");
      const { execute, batch } = real;
      return Object.assign(real, {
        execute: (...args: unknown[]) => {
          sent.push("one");
          return Reflect.apply(execute, real, args);
        },
        batch: (statements: InStatement[], ...args: unknown[]) => {
          sent.push(`batch of ${statements.length}`);
          return Reflect.apply(batch, real, [statements, ...args]);
        },
      });
    },
  });
  try {
    await work(client, sent);
  } finally {
    client.close();
    await Deno.remove(folder, { recursive: true });
  }
}

const insert = (n: number) => ({ sql: "insert into t values (?) returning n", args: [n] });

Deno.test("writes that wait at the same time are one transaction, and each has its own result", async () => {
  await withClient(async (client, sent) => {
    const [one, two, three] = await Promise.all([
      client.execute(insert(1)),
      client.batch([insert(2), insert(3)]),
      client.execute("update t set n = n + 10 where n > 1"),
    ]);
    assert.deepEqual(sent, ["batch of 4"]);
    assert.deepEqual(one.rows.map(({ n }) => n), [1]);
    assert.deepEqual(two.map(({ rows }) => rows[0]?.["n"]), [2, 3]);
    assert.equal(three.rowsAffected, 2);
  });
});

Deno.test("of writes that wait at the same time the one that fails fails alone, and none is done twice", async () => {
  await withClient(async (client) => {
    await client.execute(insert(1));
    const outcomes = await Promise.allSettled([
      client.execute(insert(2)),
      client.batch([insert(3), insert(1)]),
      client.execute(insert(4)),
    ]);
    assert.deepEqual(outcomes.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
    const { rows } = await client.execute("select n from t order by n");
    assert.deepEqual(rows.map(({ n }) => n), [1, 2, 4]);
  });
});

Deno.test("ends that come at once are each guarded by their own lease, the second of one run as well", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  for (const pipeline of ["c", "d"]) await addPipeline(store, pipeline);
  for (const pipeline of ["a", "b", "c", "d"]) {
    await store.runs.create(newRun(pipeline, { pipeline, limits: { shop: { slots: 9, needed: 1 } } }));
    await claim(store, "me", 2_000);
  }
  const before = await store.outbox.lastSeq();
  const error = { code: "invalid" as const, message: "no\0pe", detail: "long" };
  const ended = await Promise.all([
    store.attempts.finish(lease("a"), "succeed", outcome({ atMs: 5_000, rowsLoaded: 7 })),
    store.attempts.finish(lease("b", 1, "other"), "succeed", outcome()),
    store.attempts.finish(lease("c"), "fail", outcome({ atMs: 6_000, error, reason: "it failed" })),
    store.attempts.finish(lease("c"), "cancel", outcome({ cancelledBy: "Ann" })),
    store.attempts.requeue(lease("d"), 9_000, outcome({ atMs: 7_000, attemptState: "stopped" })),
  ]);
  assert.deepEqual(ended.map((run) => run && `${run.id} ${run.state}`), [
    "a succeeded",
    undefined,
    "c failed",
    undefined,
    "d queued",
  ]);
  const c = await store.runs.get("c");
  assert.deepEqual([c?.error, c?.reason, c?.cancelled_by], [error, "it failed", null]);
  assert.deepEqual(c?.attempts.map(({ state, finished_at }) => `${state} ${finished_at}`), [
    "failed 1970-01-01T00:00:06.000Z",
  ]);
  const d = await store.runs.get("d");
  assert.deepEqual([d?.started_at, d?.finished_at, d?.not_before], [null, null, "1970-01-01T00:00:09.000Z"]);
  assert.equal(d?.attempts[0]?.state, "stopped");
  assert.equal((await store.runs.get("b"))?.state, "running");
  const events = await store.outbox.read(before, 9);
  assert.deepEqual(events.map(({ run, createdAtMs }) => `${run.id} ${run.state} ${createdAtMs}`).toSorted(), [
    "a succeeded 5000",
    "c failed 6000",
    "d queued 7000",
  ]);
  // Their slots are free again, and b's is not.
  assert.deepEqual((await store.attempts.renew("me", 8_000, 9_000)).map(({ run }) => run), ["b"]);
  await store.attempts.setSlots({ shop: 1 });
  await store.runs.create(newRun("a2", { pipeline: "a", limits: { shop: { slots: 1, needed: 1 } } }));
  assert.equal(await claim(store, "me", 8_500), undefined);
});
