import assert from "node:assert/strict";
import type { LogLine } from "../../../../contract/run.ts";
import type { LogSearch } from "../../../../engine/store/ports/logs.ts";
import type { Store } from "../../../../engine/store/store.ts";
import { addPipeline, claim, lease, logLine, newRun, outcome, StoreFixture } from "./store_fixture.ts";

const DAY_MS = 86_400_000;

/** Ends at `atMs` as well. */
async function addRun(
  store: Store,
  id: string,
  lines: readonly LogLine[],
  { pipeline = "a", atMs = 2_000 } = {},
) {
  await store.runs.create(newRun(id, { pipeline, createdAtMs: atMs }));
  await claim(store, "me", atMs);
  await store.logs.append(lease(id), lines);
  await store.attempts.finish(lease(id), "succeed", outcome({ atMs }));
}

/** Packs all that has ended; returns how many lines went. */
async function packAll(store: Store): Promise<number> {
  let count = 0;
  for (let after = "";;) {
    const packed = await store.logs.pack({ after, endedBeforeMs: Number.MAX_SAFE_INTEGER });
    if (packed === undefined) return count;
    count += packed.lines;
    after = packed.after;
  }
}

const line = (seq: number, change: Partial<LogLine> = {}) => logLine(seq, { attempt: 1, ...change });

const EARLY = { at: new Date(5).toISOString() };

async function found(store: Store, what: Partial<LogSearch>) {
  const { lines } = await store.logs.search({ filter: {}, limit: 99, ...what });
  return lines.map(({ run, seq }) => `${run} ${seq}`);
}

/** Rows, blocks and both at once must read alike. */
async function eachForm(work: (store: Store, form: string) => Promise<void>): Promise<void> {
  for (const form of ["rows", "blocks"]) {
    await using fixture = new StoreFixture();
    const store = await fixture.open();
    await addPipeline(store, "a");
    await addPipeline(store, "b");
    await work(store, form);
  }
}

Deno.test("pack() leaves every line readable as it was, in blocks and rows together", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  await addPipeline(store, "a");
  const texts = [
    '"quoted" \\ back',
    "line\nbreak",
    "\x1b[31m red",
    "ΟΔΟΣ straße 💾",
    "x".repeat(200_000),
    "",
  ];
  const lines = Array.from({ length: 5_000 }, (_, at) =>
    line(at + 1, {
      level: at % 3 === 0 ? "warn" : "debug",
      step: at % 2 === 0 ? "model:a" : null,
      message: `${at} ${texts[at % 1_000] ?? "short"}`,
    }));
  await addRun(store, "r", lines);
  assert.equal(await packAll(store), 5_000);
  assert.equal(await packAll(store), 0);
  assert.deepEqual(await store.logs.read("r", { afterSeq: 0, limit: 10_000 }), lines);
  assert.deepEqual(await store.logs.read("r", { afterSeq: 2_500, limit: 700 }), lines.slice(2_500, 3_200));
  assert.equal(await store.logs.lastSeq("r"), 5_000);

  await store.runs.create(newRun("s", { pipeline: "a" }));
  await claim(store, "me", 3_000);
  await store.logs.append(lease("s"), [line(1)]);
  assert.equal(await packAll(store), 0, "it goes on");
  await store.attempts.finish(lease("s"), "fail", outcome());
  await packAll(store);
  assert.ok(await store.runs.retry("s", 4_000));
  await claim(store, "me", 5_000);
  const second = { ...lease("s"), attempt: 2 };
  await store.logs.append(second, [line(2, { attempt: 2 })]);
  assert.deepEqual((await store.logs.read("s", { afterSeq: 0, limit: 9 })).map(({ seq }) => seq), [1, 2]);
  assert.deepEqual(await found(store, { run: "s" }), ["s 1", "s 2"]);
  assert.equal(await store.logs.lastSeq("s"), 2);
});

Deno.test("pack() passes over runs that ended a moment ago", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  await addPipeline(store, "a");
  await addRun(store, "r", [line(1)], { atMs: 5_000 });
  assert.deepEqual(await store.logs.pack({ after: "", endedBeforeMs: 5_000 }), { lines: 0, after: "r" });
  assert.deepEqual(await store.logs.pack({ after: "", endedBeforeMs: 5_001 }), { lines: 1, after: "r" });
});

Deno.test("compressed lines go with their run", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  await addPipeline(store, "a");
  for (const id of ["r", "s"]) await addRun(store, id, [line(1)]);
  await packAll(store);
  const what = { pipeline: "a", beforeMs: 9_000, keepNewest: 1, keepAtMost: 9, limit: 9 };
  assert.equal(await store.retention.forgetRuns(what), 1);
  assert.deepEqual(await found(store, {}), ["s 1"]);
});

Deno.test("search() finds what each condition asks for, newest run first", async () => {
  await eachForm(async (store, form) => {
    await addRun(store, "r1", [line(1, { message: "Cannot READ public.orders" }), line(2)], { atMs: 10 });
    await addRun(store, "r2", [
      line(1, { ...EARLY, level: "warn", step: "extract:orders", message: 'slow\n"read"' }),
      line(2, { ...EARLY, level: "error", step: "model:orders_daily", message: "ΟΔΟΣ" }),
      line(3, { at: new Date(2 * DAY_MS).toISOString() }),
    ], { pipeline: "b", atMs: DAY_MS });
    if (form === "blocks") await packAll(store);
    assert.deepEqual(await found(store, {}), ["r2 1", "r2 2", "r2 3", "r1 1", "r1 2"], form);
    assert.deepEqual(await found(store, { filter: { text: "read" } }), ["r2 1", "r1 1"]);
    assert.deepEqual(await found(store, { filter: { text: 'SLOW\n"R' } }), ["r2 1"]);
    assert.deepEqual(await found(store, { filter: { text: "οδοσ" } }), ["r2 2"]);
    assert.deepEqual(await found(store, { filter: { text: "%" } }), []);
    assert.deepEqual(await found(store, { filter: { level: "warn" } }), ["r2 1", "r2 2"]);
    assert.deepEqual(await found(store, { filter: { level: "error" } }), ["r2 2"]);
    assert.deepEqual(await found(store, { filter: { step: "orders" } }), ["r2 1"]);
    assert.deepEqual(await found(store, { filter: { step: "model:orders_daily" } }), ["r2 2"]);
    assert.deepEqual(await found(store, { pipeline: "a" }), ["r1 1", "r1 2"]);
    assert.deepEqual(await found(store, { run: "r2", afterSeq: 1 }), ["r2 2", "r2 3"]);
    assert.deepEqual(await found(store, { filter: { sinceMs: DAY_MS } }), ["r2 3"]);
    assert.deepEqual(await found(store, { filter: { untilMs: DAY_MS + 1 }, pipeline: "b" }), [
      "r2 1",
      "r2 2",
    ]);
  });
});

Deno.test("search() finds lines of the pipelines in an environment", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  for (const name of ["a", "a@dev", "a@dev2"]) await addPipeline(store, name);
  await addRun(store, "r1", [line(1)], { pipeline: "a@dev" });
  await addRun(store, "r2", [line(1)], { pipeline: "a@dev2" });
  assert.deepEqual(await found(store, { environment: "dev" }), ["r1 1"]);
});

Deno.test("search() goes on where it was, by its limit and by its time, and ends", async () => {
  await eachForm(async (store, form) => {
    for (let n = 0; n < 6; n++) await addRun(store, `r${n}`, [line(1), line(2), line(3)]);
    if (form === "blocks") await packAll(store);
    for (const by of [{ limit: 2 }, { limit: 99, budgetMs: 0 }, { limit: 4, budgetMs: 0 }]) {
      const all: string[] = [];
      let from: LogSearch["from"];
      for (let pages = 1;; pages++) {
        const page = await store.logs.search({ filter: {}, ...by, ...(from === undefined ? {} : { from }) });
        all.push(...page.lines.map(({ run, seq }) => `${run} ${seq}`));
        if (page.next === null) break;
        assert.ok(pages < 99 && page.backToMs !== null);
        from = page.next;
      }
      const wanted = [5, 4, 3, 2, 1, 0].flatMap((n) => [1, 2, 3].map((seq) => `r${n} ${seq}`));
      assert.deepEqual(all, wanted, `${form} ${JSON.stringify(by)}`);
    }
  });
});

Deno.test("search() does not look at runs that had ended before, nor at older ones than can be retried", async () => {
  await using fixture = new StoreFixture();
  const store = await fixture.open();
  await addPipeline(store, "a");
  await addRun(store, "old", [line(1, { at: new Date(500 * DAY_MS).toISOString() })], { atMs: DAY_MS });
  await addRun(store, "ended", [line(1, { at: new Date(500 * DAY_MS).toISOString() })], {
    atMs: 450 * DAY_MS,
  });
  await addRun(store, "r", [line(1, { at: new Date(500 * DAY_MS).toISOString() })], { atMs: 500 * DAY_MS });
  assert.deepEqual(await found(store, { filter: { sinceMs: 490 * DAY_MS } }), ["r 1"]);
});
