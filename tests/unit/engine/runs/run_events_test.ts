import { deepEqual, equal } from "node:assert/strict";
import type { Run, RunEvent, Step } from "../../../../contract/run.ts";
import { NO_PROGRESS } from "../../../../contract/runs/progress.ts";
import { RunEvents } from "../../../../engine/runs/run_events.ts";

const progress = (rows: number): RunEvent => ({
  type: "progress",
  step: "extract:a",
  ...NO_PROGRESS,
  rows,
});
const line = (seq: number): RunEvent => ({
  type: "log",
  line: { seq, at: "2026-01-01T00:00:00.000Z", level: "info", attempt: 1, step: null, message: "" },
});

/** What a follower gets until it is at its end or has had so many. */
async function take(events: AsyncIterable<RunEvent>, count: number): Promise<RunEvent[]> {
  const taken: RunEvent[] = [];
  if (count === 0) return taken;
  for await (const event of events) {
    taken.push(event);
    if (taken.length === count) break;
  }
  return taken;
}

Deno.test("followers of a run get its events in order, from the call of follow() on", async () => {
  const events = new RunEvents();
  const { signal } = new AbortController();
  events.publish("r", line(1));
  const following = events.follow("r", signal);
  events.publish("r", line(2));
  events.publish("other", line(9));
  events.publish("r", line(3));
  deepEqual(await take(following, 2), [line(2), line(3)]);
});

Deno.test("a follower that is aborted ends, also while it waits, and one that was aborted before at once", async () => {
  const events = new RunEvents();
  const stop = new AbortController();
  const waiting = take(events.follow("r", stop.signal), 1);
  stop.abort();
  deepEqual(await waiting, []);
  deepEqual(await take(events.follow("r", stop.signal), 1), []);
});

Deno.test("a follower that returns is forgotten, and others go on", async () => {
  const events = new RunEvents();
  const { signal } = new AbortController();
  const [one, other] = [events.follow("r", signal), events.follow("r", signal)];
  await one.return?.();
  events.publish("r", line(1));
  deepEqual(await one.next(), { done: true, value: undefined });
  deepEqual(await take(other, 1), [line(1)]);
});

Deno.test("a follower that does not keep up loses progress first, and is cut off at last", async () => {
  const events = new RunEvents();
  const { signal } = new AbortController();
  const slow = events.follow("r", signal);
  for (let n = 0; n < 5_000; n++) events.publish("r", progress(n));
  events.publish("r", line(1));
  const kept = await take(events.follow("r", AbortSignal.abort()), 1);
  deepEqual(kept, []);
  const first: RunEvent[] = [];
  for (let n = 0; n < 1_002; n++) {
    const { value } = await slow.next();
    if (value !== undefined) first.push(value);
  }
  equal(first.length, 1_002);
  deepEqual(first.at(-1), line(1), "what is no progress is kept");

  const stuck = events.follow("r", signal);
  for (let n = 0; n < 20_001; n++) events.publish("r", line(n));
  equal((await stuck.next()).done, true);
});

Deno.test("how far the running steps of a run are is known until they or the run have ended", () => {
  const events = new RunEvents();
  const rowsOf = (run: string) => [...events.progressOf(run)].map(([step, { rows }]) => `${step} ${rows}`);
  events.publish("r", progress(1));
  events.publish("r", progress(2));
  events.publish("r", { ...progress(7), step: "extract:b" } as RunEvent);
  deepEqual(rowsOf("r"), ["extract:a 2", "extract:b 7"]);
  deepEqual(rowsOf("other"), []);
  const step = { name: "extract:a", state: "running" } as Step;
  events.publish("r", { type: "step", step });
  equal(rowsOf("r").length, 2);
  events.publish("r", { type: "step", step: { ...step, state: "failed" } });
  deepEqual(rowsOf("r"), ["extract:b 7"]);
  events.publish("r", { type: "run", run: { id: "r", state: "queued" } as Run });
  deepEqual(rowsOf("r"), []);
});
