import assert from "node:assert/strict";
import { AppError } from "../../../../contract/errors.ts";
import { logLine, newRun, StoreFixture } from "./store_fixture.ts";

Deno.test("read() answers the lines after a seq, in order, up to the limit", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await store.runs.create(newRun("r"));
  await store.runs.create(newRun("other"));
  await store.logs.append("r", [logLine(3), logLine(1), logLine(2, { level: "error", step: "model:a" })]);
  await store.logs.append("other", [logLine(1)]);
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
  const store = await fixture.openWithPipelines();
  await store.runs.create(newRun("r"));
  await store.logs.append("r", []);
  assert.equal(await store.logs.lastSeq("r"), 0);
  assert.equal(await store.logs.lastSeq("none"), 0);
});

Deno.test("append() takes more lines than one statement can carry, and any text", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await store.runs.create(newRun("r"));
  const lines = Array.from({ length: 10_000 }, (_, n) => logLine(n + 1, { message: `é😀'"\\;--\n\t${n}` }));
  await store.logs.append("r", lines);
  assert.deepEqual(await store.logs.read("r", { afterSeq: 0, limit: 10_000 }), lines);
  const long = "x".repeat(3_000_000);
  await store.logs.append("r", [logLine(10_001, { message: long })]);
  assert.equal((await store.logs.read("r", { afterSeq: 10_000, limit: 1 }))[0]?.message, long);
});

Deno.test("append() keeps what follows a NUL or half a surrogate pair", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await store.runs.create(newRun("r"));
  await store.logs.append("r", [logLine(1, { message: "before\0after \ud800 \x1b[31m" })]);
  assert.equal(
    (await store.logs.read("r", { afterSeq: 0, limit: 1 }))[0]?.message,
    "before␀after \ufffd \x1b[31m",
  );
});

Deno.test("append() writes all of its lines or none", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await store.runs.create(newRun("r"));
  await store.logs.append("r", [logLine(1_500)]);
  const lines = Array.from({ length: 2_000 }, (_, n) => logLine(n + 1));
  const isConflict = (error: unknown) => error instanceof AppError && error.code === "conflict";
  await assert.rejects(store.logs.append("r", lines), isConflict);
  assert.deepEqual(await store.logs.read("r", { afterSeq: 0, limit: 9 }), [logLine(1_500)]);
  await assert.rejects(store.logs.append("none", [logLine(1)]), isConflict);
});
