import { deepEqual, equal } from "node:assert/strict";
import type { Attempt, Step } from "../../../contract/run.ts";
import { queuedMs, spansOf, waitBefore } from "../../../ui/parts/runs/run_spans.ts";

const at = (seconds: number) => new Date(Date.UTC(2026, 6, 30) + seconds * 1_000).toISOString();
const seconds = (ms: number) => (ms - Date.parse(at(0))) / 1_000;
const NOW_MS = Date.parse(at(100));

const attempt = (number: number, state: Attempt["state"], from: number, to: number | null) => ({
  attempt: number,
  state,
  started_at: at(from),
  finished_at: to === null ? null : at(to),
} as Attempt);

const step = (name: string, change: Partial<Step> = {}) => ({
  name,
  state: "succeeded",
  attempt: 1,
  depends: [],
  started_at: null,
  finished_at: null,
  ...change,
} as unknown as Step);

Deno.test("a run's time goes to its attempts and to the waits before and between them", () => {
  const attempts = [
    attempt(1, "failed", 12, 34),
    attempt(2, "lost", 34.5, 40),
    attempt(3, "running", 60, null),
  ];
  const run = { state: "running", created_at: at(0), finished_at: null, attempts } as const;
  deepEqual(
    spansOf(run, NOW_MS).map(({ kind, startMs, endMs }) => `${kind} ${seconds(startMs)}-${seconds(endMs)}`),
    ["queued 0-12", "failed 12-34", "lost 34.5-40", "waiting 40-60", "running 60-100"],
  );
  equal(queuedMs(run, NOW_MS), 12_000);
  const queued = { state: "queued", created_at: at(0), finished_at: null } as const;
  deepEqual(spansOf({ ...queued, attempts: [] }, NOW_MS).map(({ kind }) => kind), ["queued"]);
  const again = spansOf({ ...queued, attempts: [attempt(1, "failed", 0.2, 9)] }, NOW_MS);
  deepEqual(again.map(({ kind }) => kind), ["failed", "waiting"]);
  equal(queuedMs({ ...queued, attempts: [attempt(1, "failed", 0.2, 9)] }, NOW_MS), undefined);
});

Deno.test("a step waits from when all that it depends on was done", () => {
  const done = step("a", { started_at: at(0), finished_at: at(20) });
  const slow = step("b", { started_at: at(0), finished_at: at(30) });
  const run = { attempt: 1, started_at: at(0), finished_at: null, steps: [done, slow] };
  const waits = (change: Partial<Step>, steps: readonly Step[] = run.steps) => {
    const wait = waitBefore(step("c", change), { ...run, steps: [...steps] }, NOW_MS);
    return wait && [seconds(wait.startMs), seconds(wait.endMs)];
  };
  deepEqual(waits({ depends: ["a", "b"], started_at: at(45) }), [30, 45]);
  deepEqual(waits({ depends: ["a"], started_at: at(20.5) }), undefined);
  deepEqual(waits({ started_at: at(8) }), [0, 8]);
  deepEqual(waits({ depends: ["b"], state: "pending" }), [30, 100]);
  deepEqual(waits({ depends: ["b"], state: "skipped" }), undefined);
  deepEqual(waits({ depends: ["b"], state: "pending" }, [step("b", { state: "running" })]), undefined);
  deepEqual(waits({ attempt: 2, started_at: at(45) }), undefined);
  const earlier = step("b", { attempt: 0, finished_at: at(-9) });
  deepEqual(waits({ depends: ["b"], started_at: at(5) }, [earlier]), [0, 5]);
});
