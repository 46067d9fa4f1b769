import { deepEqual, equal } from "node:assert/strict";
import type { ScheduleDefinition } from "../../../../../contract/pipeline/schedule.ts";
import { CronTimes } from "../../../../../engine/runs/schedules/cron_times.ts";
import { FiringPlan, type Scheduled } from "../../../../../engine/runs/schedules/firing_plan.ts";
import { Firings } from "../../../../../engine/runs/schedules/firings.ts";

const HOUR_MS = 3_600_000;

/** Numbers from 0 to 1 that are the same each time. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
}

Deno.test("the union of looks at whatever moments is all firings, each once, over changes of clocks and restarts", () => {
  const zones = ["Europe/Paris", "Australia/Lord_Howe", "Atlantic/Azores", "Africa/Cairo", "UTC"];
  const crons = ["*/20 * * * *", "30 1,2 * * *", "0 0 * * *", "15 */3 * * *", "45 0-3 * * 0,1,4"];
  for (let seed = 1; seed <= 5; seed++) {
    const next = numbers(seed);
    const pick = <T>(values: readonly T[]): T => {
      const value = values[Math.floor(next() * values.length)];
      if (value === undefined) throw new Error("nothing to pick from");
      return value;
    };
    // In these days the clocks of some of the zones change.
    const startMs = Date.parse(pick(["2026-03-27T09:03Z", "2026-10-23T08:11Z", "2026-04-02T23:59Z"]));
    const endMs = startMs + 5 * 24 * HOUR_MS;
    const schedules = new Map(
      Array.from({ length: 4 }, (_, index): [string, ScheduleDefinition] => [`p${index}`, {
        ...(next() < 0.3 ? { every: pick(["50m", "3h"]) } : { cron: pick(crons) }),
        timezone: pick(zones),
        catchup: "all",
        ...(next() < 0.3 ? { jitter: "5m" } : {}),
        ...(next() < 0.3
          ? { except: [new Date(startMs + 2 * 24 * HOUR_MS).toISOString().slice(0, 10)] }
          : {}),
      }]),
    );
    const expected = [...schedules].flatMap(([pipeline, schedule]) =>
      new Firings(pipeline, schedule, new CronTimes()).next(startMs, 2_000)
        .filter((atMs) => atMs <= endMs).map((atMs) => `${pipeline} ${atMs}`)
    );
    const fired: string[] = [];
    const marks = new Map<string, Map<string, number>>();
    let plan = new FiringPlan();
    const list = (): Scheduled[] =>
      [...schedules].map(([pipeline, schedule]) => ({
        pipeline,
        schedules: [schedule],
        marks: marks.get(pipeline) ?? new Map(),
      }));
    for (let nowMs = startMs;;) {
      // Some looks are at a server that has just been started.
      if (nowMs > startMs && next() < 0.1) plan = new FiringPlan();
      deepEqual(plan.update(list(), nowMs), []);
      for (let due = plan.due(nowMs).fire; due.length > 0; due = plan.due(nowMs).fire) {
        for (const firing of due) {
          if (next() < 0.05) plan.postpone(firing, nowMs);
          else {
            fired.push(`${firing.pipeline} ${firing.atMs}`);
            plan.deal(firing, nowMs);
          }
        }
      }
      for (const { pipeline, schedule, untilMs } of plan.takeMarks()) {
        marks.set(pipeline, (marks.get(pipeline) ?? new Map()).set(schedule, untilMs));
      }
      if (nowMs >= endMs) break;
      nowMs = Math.min(endMs, nowMs + Math.ceil(next() ** 3 * 6 * HOUR_MS));
    }
    deepEqual(fired.toSorted(), expected.toSorted(), `seed ${seed}`);
  }
});

Deno.test("FiringPlan: a definition that changed begins now, what did not change goes on", () => {
  const plan = new FiringPlan();
  const entry = (pipeline: string, over: Partial<ScheduleDefinition>): Scheduled => ({
    pipeline,
    schedules: [{ cron: "0 * * * *", timezone: "UTC", catchup: "none", ...over }],
    marks: new Map(),
  });
  const at = (time: string) => Date.parse(`2026-03-01T${time}Z`);
  plan.update([entry("a", {}), entry("b", {})], at("00:30"));
  plan.update([entry("a", {}), entry("b", { except: ["12-25"] })], at("01:10"));
  deepEqual(plan.due(at("01:11")).fire.map(({ pipeline }) => pipeline), ["a"]);
});

Deno.test("FiringPlan: what is due in time comes before what is made up for", () => {
  const plan = new FiringPlan();
  const at = (time: string) => Date.parse(`2026-03-01T${time}Z`);
  plan.update([
    {
      pipeline: "late",
      schedules: [{ cron: "0 * * * *", timezone: "UTC", catchup: "all" }],
      marks: new Map([["0 * * * * UTC", at("00:00")]]),
    },
    {
      pipeline: "live",
      schedules: [{ cron: "6 * * * *", timezone: "UTC", catchup: "none" }],
      marks: new Map(),
    },
  ], at("10:05"));
  const [first] = plan.due(at("10:05")).fire;
  equal(first?.pipeline, "late");
  if (first !== undefined) plan.deal(first, at("10:07"));
  deepEqual(
    plan.due(at("10:07")).fire.map(({ pipeline, isMadeUp }) => [pipeline, isMadeUp]),
    [["live", false], ["late", true]],
  );
});
