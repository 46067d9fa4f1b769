import assert from "node:assert/strict";
import type { Store } from "../../../../engine/store/store.ts";
import { AppError } from "../../../../contract/errors.ts";
import {
  addPipeline,
  claim,
  lease,
  logLine as bare,
  newRun,
  outcome,
  StoreFixture,
} from "./store_fixture.ts";

/** A line of the first attempt. */
const logLine: typeof bare = (seq, change) => bare(seq, { attempt: 1, ...change });

/** A store with these runs under way. */
async function openRunning(fixture: StoreFixture, ...runs: string[]): Promise<Store> {
  const store = await fixture.open();
  for (const run of runs) {
    await addPipeline(store, run);
    await store.runs.create(newRun(run, { pipeline: run }));
    await claim(store, "me", 2_000);
  }
  return store;
}

Deno.test("read() answers the lines after a seq, in order, up to the limit", async () => {
  await using fixture = new StoreFixture();
  const store = await openRunning(fixture, "r", "other");
  await store.logs.append(lease("r"), [
    logLine(3),
    logLine(1),
    logLine(2, { level: "error", step: "model:a" }),
  ]);
  await store.logs.append(lease("other"), [logLine(1)]);
  assert.deepEqual(await store.logs.read("r", { afterSeq: 1, limit: 9 }), [
    logLine(2, { level: "error", step: "model:a" }),
    logLine(3),
  ]);
  assert.deepEqual(await store.logs.read("r", { afterSeq: 0, limit: 1 }), [logLine(1)]);
  assert.deepEqual(await store.logs.read("r", { afterSeq: 3, limit: 9 }), []);
  assert.equal(await store.logs.lastSeq("r"), 3);
});

Deno.test("lastSeq() is 0 for a run without a log and for one that is not there", async () => {
  await using fixture = new StoreFixture();
  const store = await openRunning(fixture, "r");
  await store.logs.append(lease("r"), []);
  assert.equal(await store.logs.lastSeq("r"), 0);
  assert.equal(await store.logs.lastSeq("none"), 0);
});

Deno.test("append() takes more lines than one statement can carry, and any text", async () => {
  await using fixture = new StoreFixture();
  const store = await openRunning(fixture, "r");
  const lines = Array.from({ length: 10_000 }, (_, n) => logLine(n + 1, { message: `é😀'"\\;--\n\t${n}` }));
  await store.logs.append(lease("r"), lines);
  assert.deepEqual(await store.logs.read("r", { afterSeq: 0, limit: 10_000 }), lines);
  const long = "x".repeat(3_000_000);
  await store.logs.append(lease("r"), [logLine(10_001, { message: long })]);
  assert.equal((await store.logs.read("r", { afterSeq: 10_000, limit: 1 }))[0]?.message, long);
});

Deno.test("append() keeps what follows a NUL or half a surrogate pair", async () => {
  await using fixture = new StoreFixture();
  const store = await openRunning(fixture, "r");
  await store.logs.append(lease("r"), [logLine(1, { message: "before\0after \ud800 \x1b[31m" })]);
  assert.equal(
    (await store.logs.read("r", { afterSeq: 0, limit: 1 }))[0]?.message,
    "before␀after \ufffd \x1b[31m",
  );
});

Deno.test("append() writes all of its lines or none", async () => {
  await using fixture = new StoreFixture();
  const store = await openRunning(fixture, "r");
  await store.logs.append(lease("r"), [logLine(1_500)]);
  const lines = Array.from({ length: 2_000 }, (_, n) => logLine(n + 1));
  const isConflict = (error: unknown) => error instanceof AppError && error.code === "conflict";
  await assert.rejects(store.logs.append(lease("r"), lines), isConflict);
  assert.deepEqual(await store.logs.read("r", { afterSeq: 0, limit: 9 }), [logLine(1_500)]);
});

Deno.test("append() writes nothing for an attempt that has ended, was lost or never was", async () => {
  await using fixture = new StoreFixture();
  const store = await openRunning(fixture, "r");
  assert.equal(await store.logs.append(lease("r"), [logLine(1)]), true);
  for (const wrong of [lease("none"), lease("r", 2), lease("r", 1, "another")]) {
    assert.equal(await store.logs.append(wrong, [logLine(2)]), false);
  }
  await store.attempts.requeue(lease("r"), null, outcome());
  assert.equal(await store.logs.append(lease("r"), [logLine(2)]), false);
  assert.equal(await store.logs.lastSeq("r"), 1);
});
