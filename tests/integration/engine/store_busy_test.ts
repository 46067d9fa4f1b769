import assert from "node:assert/strict";
import { AppError } from "../../../contract/errors.ts";
import type { Store } from "../../../engine/store/store.ts";
import { OtherProcess } from "../../support/other_process.ts";
import { newRun, StoreFixture } from "../../unit/engine/store/store_fixture.ts";

/** Writes of every shape that the store has: one statement with and without rows, and a batch. */
const WRITES: Record<string, (store: Store, id: string) => Promise<unknown>> = {
  "a statement that returns rows": (store, id) => store.runs.create(newRun(id)),
  "a statement without rows": (store, id) => store.pipelines.putStreamColumns("a", id, []),
  "a batch": (store, id) => store.pipelines.putConnectors({ [id]: { type: "file" } }),
};

const isBusy = (error: unknown) => {
  assert.ok(error instanceof AppError);
  assert.equal(error.code, "unavailable");
  assert.match(error.message, /another process is writing/);
  return true;
};

Deno.test("after a write met another process's lock, what is written next is seen by others", async () => {
  for (const [first, write] of Object.entries(WRITES)) {
    await using fixture = new StoreFixture();
    const patient = await fixture.openWithPipelines();
    await patient[Symbol.asyncDispose]();
    const store = await fixture.open({ busyTimeoutMs: 60 });
    await using other = new OtherProcess(fixture.path);
    await other.execute("begin immediate");
    for (let n = 0; n < 3; n++) await assert.rejects(write(store, `refused${n}`), isBusy, first);
    await other.execute("rollback");

    for (const again of Object.values(WRITES)) await again(store, "accepted");
    const ids = (await other.execute("select id from runs")).map(({ id }) => id);
    assert.deepEqual(ids, ["accepted"], first);
    assert.equal((await other.execute("select stream from stream_columns")).length, 1, first);
    assert.equal((await other.execute("select name from connectors")).length, 1, first);
    // The lock is free: nothing was left in a transaction.
    await other.execute("delete from connectors");
    assert.deepEqual(Object.keys(await store.pipelines.connectors()), [], first);
  }
});

Deno.test("a write waits for another process's lock without holding up this one, reads included", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await using other = new OtherProcess(fixture.path);
  await other.execute("begin immediate");
  const order: string[] = [];
  const writes = ["one", "two", "three"].map(async (id) => {
    await store.runs.create(newRun(id));
    order.push(id);
  });
  assert.deepEqual((await store.pipelines.list()).map(({ name }) => name), ["a", "b"]);
  assert.deepEqual(order, []);
  await other.execute("commit");
  await Promise.all(writes);
  assert.deepEqual(order, ["one", "two", "three"]);
  const seen = await other.execute("select id from runs order by seq");
  assert.deepEqual(seen.map(({ id }) => id), ["one", "two", "three"]);
});
