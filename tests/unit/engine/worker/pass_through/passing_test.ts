import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { ReadMessage } from "../../../../../contract/connector/source.ts";
import { AppError } from "../../../../../contract/errors.ts";
import { JobProject, rows, statesOf } from "../job_fixture.ts";
import { ALL, Destination, twoBatches } from "./destination_double.ts";

const stream = { connector: "it" };
const definition = (
  extract: Readonly<Record<string, unknown>> = {},
  load: Readonly<Record<string, unknown>> = {},
) => ({
  extract: { s: { ...stream, ...extract } },
  load: { s: { connector: "it", table: "t", ...load } },
});

const passed = ({ reports }: { readonly reports: readonly { readonly type: string }[] }): boolean =>
  JSON.stringify(reports).includes("Takes the rows while they are read");

Deno.test("a raw table that is loaded unchanged goes to its destination while it is read", async () => {
  await using project = await JobProject.create();
  const destination = new Destination();
  const { seen } = destination;
  const staged = Promise.withResolvers<void>();
  destination.onBatch = () => staged.resolve();
  const read = async function* (): AsyncGenerator<ReadMessage> {
    seen.push("reads 1");
    yield rows("s", [1, "a"], [2, "b"]);
    // The source goes on when the destination has the first rows: in one pass or never.
    await staged.promise;
    seen.push("reads 2");
    yield rows("s", [3, "c"]);
  };
  const attempt = await project.attempt({ read, ...destination.system }, definition());
  equal(attempt.error, undefined);
  deepEqual(seen, [
    "claim",
    "reads 1",
    "staged 2",
    "reads 2",
    "staged 1",
    "staged all",
    "apply",
    "commit replace",
  ]);
  deepEqual(destination.committed, [ALL]);
  equal(destination.inputs[0]?.rows, null);
  deepEqual(await project.rows("SELECT id, x FROM raw.s ORDER BY id"), [
    { id: 1, x: "a" },
    { id: 2, x: "b" },
    { id: 3, x: "c" },
  ]);
  deepEqual(statesOf(attempt), { "extract:s": "succeeded", "load:s→it": "succeeded" });
  equal(attempt.steps.get("extract:s")?.rows, 3);
  equal(attempt.steps.get("load:s→it")?.rows, 3);
  // Two steps that overlap, each with times of its own.
  const starts = attempt.reports.flatMap((report) =>
    report.type === "step" ? [`${report.step.name} ${report.step.state}`] : []
  );
  deepEqual(starts, [
    "extract:s running",
    "load:s→it running",
    "extract:s succeeded",
    "load:s→it succeeded",
  ]);
});

Deno.test("the destination commits when the warehouse has, with the hash and the types of its table", async () => {
  const hashes: (string | null)[] = [];
  for (const stagesWhileReading of [true, false]) {
    await using project = await JobProject.create();
    const destination = new Destination();
    let sawCommit = false;
    const attempt = await project.attempt(
      { read: () => twoBatches([]), ...destination.system, stagesWhileReading },
      definition(),
      {},
      {},
      undefined,
      (report) => {
        if (report.type !== "step" || report.step.name !== "extract:s") return;
        if (report.step.state === "succeeded") sawCommit = destination.committed.length === 0;
      },
    );
    equal(attempt.error, undefined);
    ok(sawCommit);
    equal(passed(attempt), stagesWhileReading);
    deepEqual(destination.committed, [ALL]);
    hashes.push(...destination.hashes);
    deepEqual(destination.inputs[0]?.schema.fields.map(({ type }) => String(type)), ["Int32", "Utf8"]);
  }
  ok(hashes[0] !== null);
  equal(hashes[0], hashes[1]);
});

/** What decides, beside what load_in_pass_test.ts tries: each once with a first run, and once with a second. */
const CASES: readonly (readonly [
  string,
  Readonly<Record<string, unknown>>,
  Readonly<Record<string, unknown>>,
  boolean,
  boolean,
])[] = [
  ["full", {}, {}, true, true],
  ["full, loaded by append", {}, { mode: "append" }, true, true],
  ["full, loaded by merge", {}, { mode: "merge", primary_key: ["id"] }, true, true],
  ["append", { mode: "append", update_key: "id" }, {}, true, false],
  ["incremental", { mode: "incremental", primary_key: ["id"], update_key: "id" }, {}, false, false],
  ["columns and masks", { columns: ["id", "x"], mask: { x: "hash" } }, {}, true, true],
];

for (const [name, extract, load, first, second] of CASES) {
  Deno.test(`what is loaded is what the table has: ${name}`, async () => {
    await using project = await JobProject.create();
    for (const [run, isPassing] of [["run1", first], ["run2", second]] as const) {
      const destination = new Destination();
      const system = { read: () => twoBatches([]), ...destination.system };
      const attempt = await project.attempt(system, definition(extract, load), {}, { runId: run });
      equal(attempt.error, undefined);
      equal(passed(attempt), isPassing, run);
      const stored = await project.rows("SELECT concat(id, ' ', x) AS t FROM raw.s ORDER BY id");
      deepEqual(destination.committed.flat().toSorted(), stored.map(({ t }) => t));
      ok(stored.length > 0);
    }
  });
}

Deno.test("a source that breaks at some row leaves the destination as it was, and the next attempt loads all", async () => {
  await using project = await JobProject.create();
  const destination = new Destination();
  const staged = Promise.withResolvers<void>();
  destination.onBatch = () => staged.resolve();
  const read = async function* (): AsyncGenerator<ReadMessage> {
    yield rows("s", [1, "a"], [2, "b"]);
    await staged.promise;
    throw new AppError("unavailable", "the source broke at row 3");
  };
  const attempt = await project.attempt({ read, ...destination.system }, definition());
  match(String(attempt.error), /the source broke at row 3/);
  deepEqual(statesOf(attempt), { "extract:s": "failed", "load:s→it": "skipped" });
  deepEqual(destination.seen, ["claim", "staged 2", "dropped"]);
  const again = await project.attempt(
    { read: () => twoBatches([]), ...destination.system },
    definition(),
    {},
    { attempt: 2 },
  );
  equal(again.error, undefined);
  ok(passed(again));
  deepEqual(destination.committed, [ALL]);
});

Deno.test("a destination that fails in the middle fails its load alone; the retry loads from the table", async () => {
  await using project = await JobProject.create();
  const destination = new Destination();
  destination.onBatch = () => {
    throw new AppError("unavailable", "the disk of the destination is full");
  };
  const seen: string[] = [];
  // More batches than wait in between: the source must not wait for a taker that is gone.
  const read = async function* (): AsyncGenerator<ReadMessage> {
    for (let id = 1; id <= 20; id += 1) yield await Promise.resolve(rows("s", [id, "a"]));
    seen.push("has read");
  };
  const attempt = await project.attempt({ read, ...destination.system }, definition());
  match(String(attempt.error), /load:s→it: the disk of the destination is full/);
  deepEqual(statesOf(attempt), {
    "extract:s": "succeeded",
    "load:s→it": "failed",
  });
  equal(attempt.steps.get("load:s→it")?.error?.code, "unavailable");
  deepEqual(destination.seen, ["claim", "staged 1", "dropped"]);
  destination.onBatch = () => {};
  const again = await project.attempt({ read, ...destination.system }, definition(), {}, { attempt: 2 });
  equal(again.error, undefined);
  equal(passed(again), false);
  equal(destination.committed[0]?.length, 20);
  deepEqual(seen, ["has read"], "the stream is read once");
});

Deno.test("a claim that fails, fails the load alone", async () => {
  await using project = await JobProject.create();
  const attempt = await project.attempt({
    read: () => twoBatches([]),
    stagesWhileReading: true,
    begin: () => Promise.reject(new AppError("forbidden", "no right to write there")),
  }, definition());
  deepEqual(statesOf(attempt), { "extract:s": "succeeded", "load:s→it": "failed" });
  match(String(attempt.error), /no right to write there/);
});

Deno.test("a run that is cancelled while it reads and stages leaves the destination as it was", async () => {
  await using project = await JobProject.create();
  const destination = new Destination();
  const stop = new AbortController();
  const never = Promise.withResolvers<void>();
  // The destination hangs, and the source waits for room.
  destination.onBatch = () => {
    queueMicrotask(() => stop.abort(new AppError("cancelled", "someone cancelled the run")));
    stop.signal.addEventListener("abort", () => never.reject(stop.signal.reason));
    return never.promise;
  };
  const read = async function* (): AsyncGenerator<ReadMessage> {
    for (let id = 1; id <= 20; id += 1) yield await Promise.resolve(rows("s", [id, "a"]));
  };
  const attempt = await project.attempt(
    { read, ...destination.system },
    definition(),
    {},
    {},
    stop.signal,
  );
  match(String(attempt.error), /someone cancelled the run/);
  deepEqual(statesOf(attempt), { "extract:s": "cancelled", "load:s→it": "cancelled" });
  deepEqual(destination.seen, ["claim", "staged 1", "dropped"]);
});

Deno.test("a source does not run ahead of a destination that is slow", async () => {
  await using project = await JobProject.create();
  const destination = new Destination();
  let read = 0;
  let staged = 0;
  let most = 0;
  const source = async function* (): AsyncGenerator<ReadMessage> {
    for (let id = 1; id <= 30; id += 1) {
      read += 1;
      most = Math.max(most, read - staged);
      yield await Promise.resolve(rows("s", [id, "a"]));
    }
  };
  destination.onBatch = async () => {
    // As many turns as a source needs that nothing holds back.
    for (let turn = 0; turn < 200; turn += 1) await Promise.resolve();
    staged += 1;
  };
  const attempt = await project.attempt({ read: source, ...destination.system }, definition());
  equal(attempt.error, undefined);
  ok(passed(attempt));
  equal(destination.committed[0]?.length, 30);
  ok(most <= 5, `${most} batches were in memory`);
});

Deno.test("states commit in between, and the rows still go to the destination in the same pass", async () => {
  await using project = await JobProject.create();
  const destination = new Destination();
  const read = async function* (): AsyncGenerator<ReadMessage> {
    yield await Promise.resolve(rows("s", [1, "a"]));
    yield { type: "state", stream: "s", state: 1 };
    yield rows("s", [2, "b"]);
    yield { type: "reject", stream: "s", reject: { reason: "does not fit", position: null, row: null } };
    yield { type: "state", stream: "s", state: 2 };
  };
  const attempt = await project.attempt(
    { read, ...destination.system },
    definition({ max_rejects: 1 }),
  );
  equal(attempt.error, undefined);
  ok(passed(attempt));
  deepEqual(destination.committed, [["1 a", "2 b"]]);
  equal(attempt.steps.get("load:s→it")?.rows, 2);
});

Deno.test("an attempt that goes on with what an earlier one read loads from the table", async () => {
  await using project = await JobProject.create();
  const destination = new Destination();
  const broken = async function* (): AsyncGenerator<ReadMessage> {
    yield await Promise.resolve(rows("s", [1, "a"]));
    yield { type: "state", stream: "s", state: 1 };
    yield rows("s", [9, "z"]);
    throw new AppError("unavailable", "the source broke");
  };
  const first = await project.attempt({ read: broken, ...destination.system }, definition());
  ok(passed(first));
  const rest = async function* (): AsyncGenerator<ReadMessage> {
    yield await Promise.resolve(rows("s", [2, "b"]));
  };
  const second = await project.attempt(
    { read: rest, ...destination.system },
    definition(),
    {},
    { attempt: 2 },
  );
  equal(second.error, undefined);
  equal(passed(second), false);
  deepEqual(destination.committed, [["1 a", "2 b"]]);
});

Deno.test("a stream and a load of one connector pass where it has connections for both", async () => {
  for (const [connector, isPassing] of [["it", true], ["narrow", false]] as const) {
    await using project = await JobProject.create();
    const destination = new Destination();
    const attempt = await project.attempt(
      { read: () => twoBatches([]), ...destination.system },
      definition({ connector }, { connector }),
    );
    equal(attempt.error, undefined);
    equal(passed(attempt), isPassing);
    deepEqual(destination.committed, [ALL]);
  }
});

Deno.test("rows whose columns change in the middle are loaded from the table", async () => {
  await using project = await JobProject.create();
  const destination = new Destination();
  const read = async function* (): AsyncGenerator<ReadMessage> {
    yield await Promise.resolve(rows("s", [1, "a"]));
    yield { type: "state", stream: "s", state: 1 };
    const other = rows("s", [2, "b"]);
    if (other.type === "rows") yield { ...other, batch: other.batch.selectAt([1, 0]) };
  };
  const attempt = await project.attempt({ read, ...destination.system }, definition());
  equal(attempt.error, undefined);
  ok(passed(attempt), "it began so");
  deepEqual(destination.committed, [["1 a", "2 b"]]);
  deepEqual(destination.inputs.map(({ rows }) => rows), [null, 2]);
  ok(destination.seen.includes("dropped"));
});
