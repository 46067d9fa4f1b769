import { deepEqual, equal } from "node:assert/strict";
import { placeInRun } from "../../../ui/parts/steps/step_timeline.tsx";

const at = (seconds: number) => new Date(Date.UTC(2026, 6, 30) + seconds * 1_000).toISOString();
const NOW_MS = Date.parse(at(20));

Deno.test("placeInRun() is the step's part of the run's time", () => {
  const run = { attempt: 1, started_at: at(0), finished_at: at(10) };
  const step = { attempt: 1, started_at: at(2), finished_at: at(7) };
  deepEqual(placeInRun(step, run, NOW_MS), { start: 20, width: 50 });
});

Deno.test("placeInRun() lets what still runs reach to now", () => {
  const run = { attempt: 1, started_at: at(0), finished_at: null };
  const step = { attempt: 1, started_at: at(10), finished_at: null };
  deepEqual(placeInRun(step, run, NOW_MS), { start: 50, width: 50 });
});

Deno.test("placeInRun() keeps a short step visible and within the run", () => {
  const run = { attempt: 1, started_at: at(0), finished_at: at(10) };
  deepEqual(placeInRun({ attempt: 1, started_at: at(10), finished_at: at(10) }, run, NOW_MS), {
    start: 99.2,
    width: 0.8,
  });
  const instant = { attempt: 1, started_at: at(0), finished_at: at(0) };
  deepEqual(placeInRun(instant, instant, NOW_MS), { start: 0, width: 0.8 });
});

Deno.test("placeInRun() has no place for a step that did not start, or in another attempt", () => {
  const run = { attempt: 2, started_at: at(0), finished_at: null };
  equal(placeInRun({ attempt: 2, started_at: null, finished_at: null }, run, NOW_MS), undefined);
  equal(placeInRun({ attempt: 1, started_at: at(1), finished_at: at(2) }, run, NOW_MS), undefined);
  const queued = { attempt: 2, started_at: null, finished_at: null };
  equal(placeInRun({ attempt: 2, started_at: at(1), finished_at: null }, queued, NOW_MS), undefined);
});
