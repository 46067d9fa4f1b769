import { deepEqual, equal } from "node:assert/strict";
import { followingRuns, type Waiting } from "../../../../../engine/runs/triggers/following_runs.ts";
import type { DependencyMark } from "../../../../../engine/store/triggers/dependencies.ts";

const mark = (upstream: string, run: string, startMs: number | null, endMs: number, more = {}) => (
  { pipeline: "z", upstream, run, startMs, endMs, isGiven: false, isUsed: false, ...more } as DependencyMark
);

/** `start-end of runs` of each run that is due. */
function due(marks: readonly DependencyMark[], more: Partial<Waiting> = {}): string[] {
  const waiting: Waiting = { needs: "all", pipelines: ["a", "b"], oneByOne: false, mayWait: true, marks };
  const { runs, unshared } = followingRuns({ ...waiting, ...more });
  return [
    ...runs.map(({ startMs, endMs, runs }) => `${startMs}-${endMs} of ${runs.join(" ")}`),
    ...unshared ? ["unshared"] : [],
  ];
}

Deno.test("any: one run for all that has come, or one for each", () => {
  const marks = [mark("a", "1", 0, 10), mark("b", "2", 5, 12), mark("a", "3", 10, 20)];
  deepEqual(due(marks, { needs: "any" }), ["0-20 of 1 2 3"]);
  deepEqual(due(marks, { needs: "any", oneByOne: true }), ["0-10 of 1", "5-12 of 2", "10-20 of 3"]);
  deepEqual(due(marks, { needs: "any", mayWait: false }), []);
  deepEqual(due([], { needs: "any" }), []);
  deepEqual(due([mark("a", "1", null, 10), mark("a", "2", 10, 20)], { needs: "any" }), ["null-20 of 1 2"]);
});

Deno.test("all: one run when each has succeeded, for what they share", () => {
  deepEqual(due([mark("a", "1", 0, 10)]), []);
  deepEqual(due([mark("a", "1", 0, 10), mark("b", "2", 0, 10)]), ["0-10 of 1 2"]);
  deepEqual(due([mark("a", "1", null, 10), mark("b", "2", null, 12)]), ["null-10 of 1 2"]);
  deepEqual(due([mark("a", "1", null, 10), mark("b", "2", 3, 12)]), ["3-10 of 1 2"]);
  // Several of one make one interval; what begins behind the shared one is left for the next.
  deepEqual(due([mark("a", "1", 0, 5), mark("a", "2", 5, 10), mark("b", "3", 0, 10)]), ["0-10 of 1 2 3"]);
  deepEqual(due([mark("a", "1", 0, 10), mark("a", "2", 10, 20), mark("b", "3", 0, 10)]), ["0-10 of 1 3"]);
  deepEqual(due([mark("a", "1", 0, 10), mark("b", "2", 10, 20)]), ["unshared"]);
  // What is left of a window counts for the interval, and is no success of its own.
  const rest = mark("b", "2", 10, 12, { isUsed: true });
  deepEqual(due([rest, mark("a", "3", 10, 20)]), []);
  deepEqual(due([rest, mark("a", "3", 10, 20), mark("b", "4", 12, 22)]), ["10-20 of 2 3 4"]);
});

Deno.test("windows that were asked for are each for themselves, also while a run waits", () => {
  const given = { isGiven: true };
  const marks = [mark("a", "1", 0, 10, given), mark("a", "2", 10, 20, given), mark("b", "3", 10, 20, given)];
  deepEqual(due(marks, { needs: "any", mayWait: false }), ["0-10 of 1", "10-20 of 2", "10-20 of 3"]);
  deepEqual(due(marks, { mayWait: false }), ["10-20 of 2 3"]);
  deepEqual(due([...marks, mark("a", "4", 20, 30), mark("b", "5", 20, 30)]), [
    "10-20 of 2 3",
    "20-30 of 4 5",
  ]);
});

Deno.test("the key names the newest run of each, the pipelines are named once", () => {
  const marks = [mark("a", "1", 0, 5), mark("a", "2", 5, 10), mark("b", "3", 0, 10)];
  const { runs: [run] } = followingRuns({
    needs: "all",
    pipelines: ["a", "b"],
    oneByOne: false,
    mayWait: true,
    marks,
  });
  deepEqual(run?.keyRuns, ["2", "3"]);
  deepEqual(run?.upstreams, ["a", "b"]);
  equal(run?.isGiven, false);
});
