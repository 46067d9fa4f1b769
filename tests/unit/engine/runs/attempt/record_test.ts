import { deepEqual, equal, fail, ok } from "node:assert/strict";
import { systemClock } from "../../../../../contract/clock.ts";
import { NO_TRAFFIC } from "../../../../../contract/streams/traffic.ts";
import { AppError } from "../../../../../contract/errors.ts";
import type { PipelineStep, Step } from "../../../../../contract/run.ts";
import type { TablePreview } from "../../../../../contract/table.ts";
import type { PublishedReport } from "../../../../../engine/runs/attempt/publish_reports.ts";
import { AttemptRecorder, endOpenSteps } from "../../../../../engine/runs/attempt/record.ts";
import { RunEvents } from "../../../../../engine/runs/run_events.ts";
import type { Store } from "../../../../../engine/store/store.ts";
import {
  claim,
  lease,
  newRun,
  outcome,
  pipelineStep,
  step,
  StoreFixture,
} from "../../store/store_fixture.ts";

const PLAN: PipelineStep[] = [
  pipelineStep({ name: "extract:a", kind: "extract" }),
  pipelineStep({ name: "model:b", depends: ["extract:a"] }),
];

interface Context {
  readonly store: Store;
  readonly events: RunEvents;
  readonly recorder: AttemptRecorder;
  /** How often the lease was found lost. */
  readonly losses: () => number;
  readonly published: () => number;
  readonly kept: readonly (readonly PublishedReport[])[];
}

async function withRecorder(
  attempt: number,
  prepare: (store: Store) => Promise<void>,
  work: (context: Context) => Promise<void>,
  wrap: (store: Store) => Store = (store) => store,
): Promise<void> {
  await using fixture = new StoreFixture();
  const store = await fixture.openWithPipelines();
  await store.runs.create(newRun("r"));
  await prepare(store);
  const run = await claim(store, "me", 2_000);
  equal(run?.attempt, attempt);
  const events = new RunEvents();
  let published = 0;
  const publish = events.publish.bind(events);
  events.publish = (id, event) => {
    published += 1;
    publish(id, event);
  };
  let losses = 0;
  const kept: (readonly PublishedReport[])[] = [];
  const recorder = new AttemptRecorder(
    {
      store: wrap(store),
      events,
      clock: systemClock,
      log: () => {},
      lease: lease("r", attempt),
      leaving: new AbortController().signal,
      redact: (text) => text.replaceAll("hunter2", "[redacted]"),
      publish: (_pipeline, reports) => {
        kept.push(reports);
        return Promise.resolve();
      },
    },
    run ?? fail("nothing to claim"),
    () => void (losses += 1),
  );
  await recorder.begin(PLAN);
  await work({ store, events, recorder, losses: () => losses, published: () => published, kept });
}

const stepsOf = async (store: Store) =>
  (await store.runs.get("r"))?.steps.map(({ name, state, attempt }) => `${name} ${state} ${attempt}`);

const done = (name: string, attempt: number): Step => step(name, { attempt, state: "succeeded", rows: 5 });

Deno.test("a later attempt keeps what an earlier one committed, and its history", async () => {
  await withRecorder(2, async (store) => {
    await claim(store, "me", 1_000);
    await store.attempts.putSteps(lease("r"), [done("extract:a", 1), step("model:b", { state: "failed" })]);
    await store.attempts.requeue(lease("r"), null, outcome());
  }, async ({ store, recorder }) => {
    // The process tells again what the warehouse says was committed.
    recorder.take({ type: "step", step: done("extract:a", 1) });
    recorder.take({ type: "step", step: done("model:b", 2) });
    await recorder.end(null, false);
    deepEqual(await stepsOf(store), ["extract:a succeeded 1", "model:b succeeded 2"]);
    equal(recorder.outcome(null, null).rowsExtracted, 0);
  });
});

Deno.test("a step that an earlier attempt committed but could not report counts as done", async () => {
  await withRecorder(2, async (store) => {
    await claim(store, "me", 1_000);
    await store.attempts.putSteps(lease("r"), [step("extract:a", { state: "running" })]);
    await store.attempts.requeue(lease("r"), null, outcome({ attemptState: "lost" }));
  }, async ({ store, recorder }) => {
    recorder.take({ type: "step", step: done("extract:a", 1) });
    await recorder.end(null, false);
    deepEqual((await stepsOf(store))?.[0], "extract:a succeeded 2");
  });
});

Deno.test("what the store does not take is offered again, in order, before the attempt has ended", async () => {
  let refusals = 2;
  const wrap = (store: Store): Store => ({
    ...store,
    logs: {
      ...store.logs,
      append: (...args) => {
        if (refusals-- > 0) return Promise.reject(new AppError("unavailable", "the disk is full"));
        return store.logs.append(...args);
      },
    },
  });
  await withRecorder(1, () => Promise.resolve(), async ({ store, recorder, published }) => {
    recorder.log("info", null, "password hunter2");
    recorder.take({ type: "step", step: done("extract:a", 1) });
    recorder.take({ type: "columns", stream: "orders", columns: [] });
    await recorder.end(null, false);
    const lines = await store.logs.read("r", { afterSeq: 0, limit: 9 });
    deepEqual(lines.map(({ seq, attempt, message }) => [seq, attempt, message]), [[
      1,
      1,
      "password [redacted]",
    ]]);
    deepEqual(await stepsOf(store), ["extract:a succeeded 1", "model:b skipped 1"]);
    deepEqual(await store.pipelines.streamColumns("a"), { orders: [] });
    equal(published(), 5, "followers hear of it once, when it is stored");
  }, wrap);
});

Deno.test("an attempt that lost its lease writes and tells nothing more", async () => {
  await withRecorder(1, () => Promise.resolve(), async ({ store, recorder, losses, published }) => {
    await store.attempts.requeue(lease("r"), null, outcome({ attemptState: "lost" }));
    recorder.take({ type: "step", step: done("extract:a", 1) });
    recorder.log("info", null, "too late");
    await recorder.end(null, false);
    deepEqual([losses(), published()], [1, 0]);
    deepEqual(await stepsOf(store), []);
    equal(await store.logs.lastSeq("r"), 0);
  });
});

const TABLE: TablePreview = {
  name: "raw.a",
  step: "extract:a",
  description: null,
  columns: [{ name: "x", type: "VARCHAR", description: null }],
  row_count: 1,
  cursor: null,
  changed_at: "2026-01-01T00:00:00.000Z",
  run: "r",
  rows: [["hunter2"], [null]],
  note: null,
};

Deno.test("what a run reports beside its steps is kept together, while the lease is held", async () => {
  await withRecorder(1, () => Promise.resolve(), async ({ store, recorder, kept }) => {
    for (const name of ["a", "b"]) recorder.take({ type: "table", table: { ...TABLE, name } });
    await recorder.end(null, false);
    deepEqual(
      kept.map((reports) => reports.map((report) => report.type === "table" ? report.table.name : "")),
      [["a", "b"]],
    );
    await store.attempts.requeue(lease("r"), null, outcome({ attemptState: "lost" }));
    recorder.take({ type: "table", table: TABLE });
    await recorder.end(null, false);
    equal(kept.length, 1);
  });
});

Deno.test("what a step's requests came to is kept while it runs, and where its process dies", async () => {
  await withRecorder(1, () => Promise.resolve(), async ({ store, recorder }) => {
    const told = (requests: number) =>
      recorder.take({
        type: "progress",
        step: "extract:a",
        rows: 0,
        sizeBytes: null,
        traffic: { ...NO_TRAFFIC, requests },
      });
    recorder.take({ type: "step", step: step("extract:a", { state: "running" }) });
    told(1);
    told(2);
    await recorder.end({ code: "internal", message: "it died" }, false);
    const [ended] = (await store.runs.get("r"))?.steps ?? [];
    deepEqual([ended?.state, ended?.traffic], ["failed", { ...NO_TRAFFIC, requests: 2 }]);
  });
});

Deno.test("how far a running step is goes to followers with its speed, and that of no other step", async () => {
  await withRecorder(1, () => Promise.resolve(), async ({ events, recorder }) => {
    const report = {
      type: "progress",
      step: "extract:a",
      rows: 7,
      sizeBytes: 9,
      total: { rows: 70 },
    } as const;
    const seen: string[] = [];
    const publish = events.publish.bind(events);
    events.publish = (id, event) => {
      if (event.type === "progress") seen.push(`${event.rows} of ${event.total_rows}, ${event.size_bytes} B`);
      publish(id, event);
    };
    recorder.take(report);
    recorder.take({ type: "step", step: step("extract:a", { state: "running" }) });
    recorder.take(report);
    await recorder.end(null, false);
    deepEqual(seen, ["7 of 70, 9 B"]);
    equal(events.progressOf("r").size, 0);
  });
});

Deno.test("a run cannot fill the store with log lines", async () => {
  await withRecorder(1, () => Promise.resolve(), async ({ store, recorder }) => {
    for (let n = 0; n < 20_500; n++) recorder.log("info", null, `line ${n}`);
    await recorder.end(null, false);
    equal(await store.logs.lastSeq("r"), 20_000);
    const [last] = await store.logs.read("r", { afterSeq: 19_999, limit: 1 });
    ok(last?.message.startsWith("More than 20000 log lines"));
  });
});

Deno.test("endOpenSteps() ends what runs and skips what waits, or cancels both", () => {
  const steps = [step("a", { state: "running" }), step("b"), step("c", { state: "succeeded" })];
  const error = { code: "internal" as const, message: "died" };
  const ended = (isStop: boolean) =>
    endOpenSteps(steps, error, isStop, 0).map(({ name, state, error: own }) => [name, state, own?.message]);
  deepEqual(ended(false), [["a", "failed", "died"], ["b", "skipped", undefined]]);
  deepEqual(ended(true), [["a", "cancelled", "died"], ["b", "cancelled", undefined]]);
});
