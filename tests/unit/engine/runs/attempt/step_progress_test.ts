import { deepEqual, equal } from "node:assert/strict";
import type { StepTrend } from "../../../../../contract/runs/history.ts";
import { NO_PROGRESS, progressText, type StepProgress } from "../../../../../contract/runs/progress.ts";
import { StepProgressMeter } from "../../../../../engine/runs/attempt/step_progress.ts";
import { FakeClock } from "../../../../support/fake_clock.ts";

const BEGIN = "2026-01-01T00:00:00.000Z";

function trend(name: string, ...durations: readonly number[]): StepTrend {
  const runs = durations.map((duration_ms, index) => ({
    run: `r${index}`,
    state: "succeeded" as const,
    duration_ms,
    rows: 1,
  }));
  return { name, kind: "extract", runs };
}

function meterWith(lastSteps: () => Promise<readonly StepTrend[]> = () => Promise.resolve([])) {
  const clock = new FakeClock(BEGIN);
  const estimates: [string, StepProgress][] = [];
  const meter = new StepProgressMeter({
    clock,
    lastSteps,
    onEstimate: (step, progress) => estimates.push([step, progress]),
  });
  const take = (rows: number, sizeBytes: number | null, total?: { rows?: number; bytes?: number }) =>
    meter.take({ type: "progress", step: "a", rows, sizeBytes, ...(total === undefined ? {} : { total }) });
  return { clock, meter, estimates, take, text: (found: StepProgress) => progressText(found, clock.now()) };
}

Deno.test("speeds are of the last ten seconds, and unknown in the first", async () => {
  const { clock, meter, take } = meterWith();
  using _meter = meter;
  meter.begin("a");
  await clock.advance(500);
  deepEqual([take(100, 10).rows_per_second, take(100, 10).bytes_per_second], [null, null]);
  await clock.advance(500);
  deepEqual([take(200, 50).rows_per_second, take(200, 50).bytes_per_second], [200, 50]);
  for (let second = 0; second < 20; second++) {
    await clock.advance(1_000);
    take(200 + second, null);
  }
  const calm = take(219, null);
  equal(calm.rows_per_second, 1);
  equal(calm.bytes_per_second, null);
});

Deno.test("what is left goes by the source's total of bytes, then of rows, while it is not passed", async () => {
  const { clock, meter, take, text } = meterWith();
  using _meter = meter;
  meter.begin("a");
  await clock.advance(2_000);
  const byBytes = take(10, 1_000_000, { bytes: 4_000_000, rows: 11 });
  deepEqual([byBytes.ends_by, byBytes.ends_at], ["source", "2026-01-01T00:00:08.000Z"]);
  equal(text(byBytes), "25 % of 4.00 MB, about 6 s left, 5 rows/s, 500 kB/s");
  equal(text(take(10, null, { rows: 40 })), "25 % of about 40 rows, about 6 s left, 5 rows/s");
  const passed = take(10, null, { rows: 9 });
  deepEqual([passed.ends_at, passed.total_rows], [null, 9]);
  equal(text(passed), "5 rows/s");
  equal(take(1, null, { rows: 1_000_000 }).ends_at, null, "a share that is too small to tell");
});

Deno.test("a step that says nothing is told by the last runs, once it takes some time", async () => {
  let asked = 0;
  const { clock, meter, estimates, take, text } = meterWith(() => {
    asked += 1;
    return Promise.resolve([trend("a", 10_000, 20_000, 60_000), trend("b", 1, 1), trend("c", 900, 900, 900)]);
  });
  using _meter = meter;
  for (const step of ["a", "b", "c", "short"]) meter.begin(step);
  await clock.advance(1_000);
  meter.end("short");
  equal(asked, 0);
  await clock.advance(1_500);
  equal(asked, 1);
  deepEqual(estimates.map(([step, { ends_at, ends_by }]) => [step, ends_at, ends_by]), [
    ["a", "2026-01-01T00:00:20.000Z", "last_runs"],
  ]);
  equal(text(estimates[0]?.[1] ?? NO_PROGRESS), "about 17 s left by the last runs");
  await clock.advance(30_000);
  equal(take(0, null).ends_at, "2026-01-01T00:01:00.000Z", "longer than most, not longer than all");
  await clock.advance(60_000);
  equal(take(0, null).ends_at, null, "longer than ever: no promise");
});

Deno.test("a history that cannot be read promises nothing and fails nothing", async () => {
  const { clock, meter, estimates } = meterWith(() => Promise.reject(new Error("the store is away")));
  using _meter = meter;
  meter.begin("a");
  await clock.advance(5_000);
  deepEqual(estimates, []);
});

Deno.test("rows that begin anew have no speed from before", async () => {
  const { clock, meter, take } = meterWith();
  using _meter = meter;
  meter.begin("a");
  await clock.advance(2_000);
  take(1_000, null);
  await clock.advance(100);
  equal(take(10, null).rows_per_second, null);
});
