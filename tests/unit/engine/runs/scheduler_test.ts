import { deepEqual, equal, ok } from "node:assert/strict";
import { type LastRun, nextFiringMs, type Scheduled, Scheduler } from "../../../../engine/runs/scheduler.ts";
import type { ScheduleDefinition } from "../../../../contract/pipeline/pipeline.ts";
import { FakeClock, settle } from "../../../support/fake_clock.ts";

const schedule = (over: Partial<ScheduleDefinition> = {}): ScheduleDefinition => ({
  cron: "0 2 * * *",
  timezone: "UTC",
  catchup: "none",
  ...over,
});

async function firingsOf(clock: FakeClock, entries: () => Scheduled[], advance: () => Promise<void>) {
  const fired: string[] = [];
  const scheduler = new Scheduler({
    clock,
    log: () => {},
    list: () => Promise.resolve(entries()),
    fire: (pipeline, atMs) => {
      fired.push(`${pipeline} ${new Date(atMs).toISOString()}`);
      return Promise.resolve();
    },
    prepare: () => Promise.resolve(),
  });
  scheduler.start();
  await settle();
  await advance();
  await scheduler.stop();
  return fired;
}

Deno.test("Scheduler fires once at each time of the cron expression", async () => {
  const clock = new FakeClock("2026-03-01T00:00:00Z");
  const entries = [{ pipeline: "orders", schedule: schedule({ cron: "*/30 * * * *" }), lastFiredAtMs: null }];
  const fired = await firingsOf(clock, () => entries, () => clock.advance(65 * 60_000));
  deepEqual(fired, ["orders 2026-03-01T00:30:00.000Z", "orders 2026-03-01T01:00:00.000Z"]);
});

Deno.test("Scheduler makes up for missed firings only with catchup: last, and then once", async () => {
  const lastFiredAtMs = Date.parse("2026-03-01T02:00:00Z");
  for (const [catchup, expected] of [["none", []], ["last", ["p 2026-03-04T02:00:00.000Z"]]] as const) {
    const clock = new FakeClock("2026-03-04T10:00:00Z");
    const entries = [{ pipeline: "p", schedule: schedule({ catchup }), lastFiredAtMs }];
    deepEqual(await firingsOf(clock, () => entries, () => clock.advance(1_000)), expected);
  }
});

Deno.test("Scheduler fires nothing for a pipeline that is no longer listed", async () => {
  const clock = new FakeClock("2026-03-01T00:00:00Z");
  let entries: Scheduled[] = [{
    pipeline: "p",
    schedule: schedule({ cron: "* * * * *" }),
    lastFiredAtMs: null,
  }];
  const fired = await firingsOf(clock, () => entries, async () => {
    await clock.advance(60_000);
    entries = [];
    await clock.advance(300_000);
  });
  deepEqual(fired, ["p 2026-03-01T00:01:00.000Z"]);
});

Deno.test("Scheduler makes up for no firing of a pipeline that was paused, but by catchup: last", async () => {
  for (const catchup of ["none", "last"] as const) {
    const clock = new FakeClock("2026-03-01T00:00:30Z");
    const listed = [{
      pipeline: "p",
      schedule: schedule({ cron: "* * * * *", catchup }),
      lastFiredAtMs: Date.parse("2026-03-01T00:01:00Z"),
    }];
    let entries: Scheduled[] = listed;
    const fired = await firingsOf(clock, () => entries, async () => {
      await clock.advance(30_000);
      entries = [];
      await clock.advance(300_000);
      entries = listed;
      await clock.advance(45_000);
    });
    // It is looked at every 30 seconds: between 00:06:00 and 00:07:00 here.
    deepEqual(fired.slice(0, 1), ["p 2026-03-01T00:01:00.000Z"]);
    deepEqual(fired.slice(1), catchup === "none" ? [] : ["p 2026-03-01T00:06:00.000Z"]);
  }
});

Deno.test("Scheduler goes on when one pipeline's firing fails", async () => {
  const clock = new FakeClock("2026-03-01T00:00:00Z");
  const fired: string[] = [];
  const entry = (pipeline: string) => ({
    pipeline,
    schedule: schedule({ cron: "* * * * *" }),
    lastFiredAtMs: null,
  });
  const scheduler = new Scheduler({
    clock,
    log: () => {},
    list: () => Promise.resolve([entry("bad"), entry("good")]),
    fire: (pipeline) => {
      if (pipeline === "bad") return Promise.reject(new Error("the store is away"));
      fired.push(pipeline);
      return Promise.resolve();
    },
    prepare: () => Promise.resolve(),
  });
  scheduler.start();
  await settle();
  await clock.advance(120_000);
  await scheduler.stop();
  deepEqual(fired, ["good", "good"]);
});

Deno.test("nextFiringMs() keeps to the wall clock where daylight saving begins", () => {
  const paris = schedule({ cron: "0 2 * * *", timezone: "Europe/Paris" });
  const before = Date.parse("2026-03-27T12:00:00Z");
  const first = nextFiringMs("p", paris, before);
  equal(first, Date.parse("2026-03-28T01:00:00Z"));
  const third = nextFiringMs("p", paris, Date.parse("2026-03-29T12:00:00Z"));
  equal(third, Date.parse("2026-03-30T00:00:00Z"));
});

Deno.test("nextFiringMs() shifts by the same jitter each time, within the window", () => {
  const jittered = schedule({ jitter: "10m" });
  const plain = nextFiringMs("orders", schedule(), 0) ?? 0;
  const one = nextFiringMs("orders", jittered, 0) ?? 0;
  ok(one >= plain && one < plain + 600_000);
  equal(nextFiringMs("orders", jittered, one - 1), one);
  equal(nextFiringMs("orders", jittered, one), one + 86_400_000);
});

Deno.test("Scheduler prepares for each firing once, three seconds before it", async () => {
  const clock = new FakeClock("2026-03-01T00:00:00Z");
  const seen: string[] = [];
  const note = (what: string) => (pipeline: string) => {
    seen.push(`${what} ${pipeline} ${new Date(clock.now()).toISOString().slice(11, 19)}`);
    return Promise.resolve();
  };
  const scheduler = new Scheduler({
    clock,
    log: () => {},
    list: () =>
      Promise.resolve([{ pipeline: "p", schedule: schedule({ cron: "*/30 * * * *" }), lastFiredAtMs: null }]),
    fire: note("fire"),
    prepare: note("prepare"),
  });
  scheduler.start();
  await settle();
  await clock.advance(61 * 60_000);
  await scheduler.stop();
  deepEqual(seen, ["prepare p 00:29:57", "fire p 00:30:00", "prepare p 00:59:57", "fire p 01:00:00"]);
});

Deno.test("Scheduler follows a run of a continuous pipeline by the next, after a pause where there was nothing", async () => {
  const startMs = Date.parse("2026-03-01T00:00:00Z");
  const at = (ms: number) => `p ${new Date(startMs + ms).toISOString()}`;
  const ended = (more: Partial<LastRun>): LastRun => ({
    endedAtMs: startMs,
    hasSucceeded: true,
    hasRead: true,
    ...more,
  });
  for (
    const [lastRun, firstMs] of [
      [undefined, 0],
      [ended({}), 0],
      [ended({ hasRead: false }), 10_000],
      [ended({ hasSucceeded: false }), 60_000],
      [ended({ endedAtMs: null }), undefined],
    ] as const
  ) {
    const clock = new FakeClock("2026-03-01T00:00:00Z");
    let last: LastRun | undefined = lastRun;
    const fired: string[] = [];
    const scheduler = new Scheduler({
      clock,
      log: () => {},
      list: () =>
        Promise.resolve([{
          pipeline: "p",
          schedule: schedule({ cron: "@continuous" }),
          lastFiredAtMs: null,
          lastRun: last,
        }]),
      fire: (pipeline, atMs) => {
        fired.push(`${pipeline} ${new Date(atMs).toISOString()}`);
        last = ended({ endedAtMs: null });
        return Promise.resolve();
      },
      prepare: () => Promise.resolve(),
    });
    scheduler.start();
    await settle();
    await clock.advance(90_000);
    deepEqual(fired, firstMs === undefined ? [] : [at(firstMs)]);
    // Its end wakes the scheduler.
    const endedAtMs = clock.now();
    last = ended({ endedAtMs });
    scheduler.wake();
    await settle();
    equal(fired.at(-1), `p ${new Date(endedAtMs).toISOString()}`);
    await scheduler.stop();
  }
});
