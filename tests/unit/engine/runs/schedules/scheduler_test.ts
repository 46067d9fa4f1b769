import { deepEqual, equal, ok } from "node:assert/strict";
import { AppError, toAppError } from "../../../../../contract/errors.ts";
import type { ScheduleDefinition } from "../../../../../contract/pipeline/schedule.ts";
import type { Firing, Scheduled } from "../../../../../engine/runs/schedules/firing_plan.ts";
import {
  type LastRun,
  Scheduler,
  type SchedulerContext,
} from "../../../../../engine/runs/schedules/scheduler.ts";
import type { ScheduleMark } from "../../../../../engine/store/ports/definitions.ts";
import { FakeClock, settle } from "../../../../support/fake_clock.ts";

const MINUTE_MS = 60_000;

const schedule = (over: Partial<ScheduleDefinition> = {}): ScheduleDefinition => ({
  cron: "0 2 * * *",
  timezone: "UTC",
  catchup: "none",
  ...over,
});

const entry = (pipeline: string, schedules: readonly ScheduleDefinition[], markMs?: number): Scheduled => ({
  pipeline,
  schedules,
  marks: new Map(
    markMs === undefined ? [] : schedules.map(({ cron, timezone }) => [`${cron} ${timezone}`, markMs]),
  ),
});

type Fire = (firing: Firing) => Promise<unknown>;

/** Fires one after the other, as the engine does in one transaction. */
function each(fire: Fire): SchedulerContext["fire"] {
  return async (firings) => {
    const failures = new Map<Firing, AppError>();
    for (const firing of firings) {
      await fire(firing).catch((error) => failures.set(firing, toAppError(error)));
    }
    return failures;
  };
}

/** A scheduler at work on a clock that stands still; what it fires is in `fired`. */
function begin(
  clock: FakeClock,
  entries: () => Scheduled[],
  { fire, ...change }: Partial<Omit<SchedulerContext, "fire"> & { fire: Fire }> = {},
) {
  const fired: string[] = [];
  const marks: ScheduleMark[] = [];
  const scheduler = new Scheduler({
    clock,
    log: () => {},
    list: () => Promise.resolve(entries()),
    fire: each(
      fire ?? (({ pipeline, atMs }) => {
        fired.push(`${pipeline} ${new Date(atMs).toISOString()}`);
        return Promise.resolve();
      }),
    ),
    prepare: () => Promise.resolve(),
    mark: (more) => Promise.resolve(void marks.push(...more)),
    lastRun: () => Promise.resolve(undefined),
    ...change,
  });
  scheduler.start();
  return { scheduler, fired, marks };
}

async function firingsOf(clock: FakeClock, entries: () => Scheduled[], advance: () => Promise<void>) {
  const { scheduler, fired } = begin(clock, entries);
  await settle();
  await advance();
  await scheduler.stop();
  return fired;
}

Deno.test("Scheduler fires once at each time of the cron expression", async () => {
  const clock = new FakeClock("2026-03-01T00:00:00Z");
  const entries = [entry("orders", [schedule({ cron: "*/30 * * * *" })])];
  const fired = await firingsOf(clock, () => entries, () => clock.advance(65 * MINUTE_MS));
  deepEqual(fired, ["orders 2026-03-01T00:30:00.000Z", "orders 2026-03-01T01:00:00.000Z"]);
});

Deno.test("Scheduler fires each of several schedules, and once where two of them say the same moment", async () => {
  const clock = new FakeClock("2026-03-01T00:00:00Z");
  const entries = [
    entry("p", [schedule({ cron: "*/30 * * * *" }), schedule({ every: "20m", cron: undefined })]),
  ];
  const fired = await firingsOf(clock, () => entries, () => clock.advance(60 * MINUTE_MS));
  deepEqual(fired.map((text) => text.slice(13, 18)), ["00:20", "00:30", "00:40", "01:00"]);
});

Deno.test("Scheduler makes up for what was missed as the schedule says, and in order", async () => {
  const mark = Date.parse("2026-03-01T02:00:00Z");
  const day = (number: number) => `p 2026-03-0${number}T02:00:00.000Z`;
  for (
    const [over, expected] of [
      [{ catchup: "none" }, []],
      [{ catchup: "last" }, [day(4)]],
      [{ catchup: "all" }, [day(2), day(3), day(4)]],
      [{ catchup: "all", catchup_window: "2d" }, [day(3), day(4)]],
      [{ catchup: "last", catchup_window: "1h" }, []],
    ] as const
  ) {
    const clock = new FakeClock("2026-03-04T10:00:00Z");
    const entries = [entry("p", [schedule(over)], mark)];
    deepEqual(await firingsOf(clock, () => entries, () => clock.advance(1_000)), expected);
  }
});

Deno.test("Scheduler writes down how far a schedule is that makes up for what was missed", async () => {
  const clock = new FakeClock("2026-03-01T00:00:00Z");
  const { scheduler, marks } = begin(
    clock,
    () => [entry("a", [schedule({ catchup: "all" })]), entry("b", [schedule()])],
  );
  await settle();
  const of = (iso: string) => ({ pipeline: "a", schedule: "0 2 * * * UTC", untilMs: Date.parse(iso) });
  deepEqual(marks, [of("2026-03-01T00:00:00Z")]);
  await clock.advance(3 * 60 * MINUTE_MS);
  await scheduler.stop();
  deepEqual(marks, [of("2026-03-01T00:00:00Z"), of("2026-03-01T02:00:00Z")]);
});

Deno.test("Scheduler fires nothing for a pipeline that is no longer listed", async () => {
  const clock = new FakeClock("2026-03-01T00:00:00Z");
  let entries = [entry("p", [schedule({ cron: "* * * * *" })])];
  const fired = await firingsOf(clock, () => entries, async () => {
    await clock.advance(MINUTE_MS);
    entries = [];
    await clock.advance(5 * MINUTE_MS);
  });
  deepEqual(fired, ["p 2026-03-01T00:01:00.000Z"]);
});

Deno.test("Scheduler makes up for no firing of a pipeline that was paused, but as its schedule says", async () => {
  for (
    const [catchup, expected] of [
      ["none", []],
      ["last", ["00:06"]],
      ["all", ["00:02", "00:03", "00:04", "00:05", "00:06"]],
    ] as const
  ) {
    const clock = new FakeClock("2026-03-01T00:00:30Z");
    const listed = [
      entry("p", [schedule({ cron: "* * * * *", catchup })], Date.parse("2026-03-01T00:01:00Z")),
    ];
    let entries = [entry("p", [schedule({ cron: "* * * * *", catchup })])];
    const { scheduler, fired } = begin(clock, () => entries);
    await settle();
    await clock.advance(30_000);
    entries = [];
    scheduler.wake();
    await clock.advance(5 * MINUTE_MS + 15_000);
    entries = listed;
    scheduler.wake();
    await settle();
    await scheduler.stop();
    deepEqual(fired.map((text) => text.slice(13, 18)), ["00:01", ...expected]);
  }
});

Deno.test("Scheduler goes on when one pipeline's firing fails, and tries that again where it may pass", async () => {
  const clock = new FakeClock("2026-03-01T00:00:00Z");
  const fired: string[] = [];
  let isAway = true;
  const { scheduler } = begin(
    clock,
    () => ["away", "wrong", "good"].map((name) => entry(name, [schedule({ cron: "* * * * *" })])),
    {
      fire: ({ pipeline, atMs }) => {
        if (pipeline === "away" && isAway) {
          return Promise.reject(new AppError("unavailable", "the disk is full"));
        }
        fired.push(
          `${pipeline} ${new Date(atMs).toISOString().slice(11, 16)} at ${clock.now() % MINUTE_MS / 1_000}`,
        );
        return pipeline === "wrong" ? Promise.reject(new AppError("invalid", "no value")) : Promise.resolve();
      },
    },
  );
  await settle();
  await clock.advance(MINUTE_MS + 7_000);
  isAway = false;
  await clock.advance(MINUTE_MS - 7_000);
  await scheduler.stop();
  deepEqual(fired.toSorted(), [
    "away 00:01 at 10",
    "away 00:02 at 0",
    "good 00:01 at 0",
    "good 00:02 at 0",
    "wrong 00:01 at 0",
    "wrong 00:02 at 0",
  ]);
});

Deno.test("Scheduler loses no firing while a look takes minutes", async () => {
  const clock = new FakeClock("2026-03-01T00:00:00Z");
  const fired: string[] = [];
  const { scheduler } = begin(clock, () => [entry("p", [schedule({ cron: "* * * * *" })])], {
    fire: async ({ atMs }) => {
      fired.push(new Date(atMs).toISOString().slice(11, 16));
      if (fired.length === 2) await clock.sleep(3 * MINUTE_MS + 30_000, new AbortController().signal);
    },
  });
  await settle();
  await clock.advance(7 * MINUTE_MS);
  await scheduler.stop();
  deepEqual(fired, ["00:01", "00:02", "00:03", "00:04", "00:05", "00:06", "00:07"]);
});

Deno.test("Scheduler takes the time that its machine slept for time that it was down", async () => {
  for (
    const [catchup, expected] of [["none", []], ["last", ["03:00"]], ["all", [
      "01:00",
      "02:00",
      "03:00",
    ]]] as const
  ) {
    const clock = new FakeClock("2026-03-01T00:30:00Z");
    const fired: string[] = [];
    let aheadMs = 0;
    const { scheduler } = begin(clock, () => [entry("p", [schedule({ cron: "0 * * * *", catchup })])], {
      clock: { now: () => clock.now() + aheadMs, sleep: (waitMs, signal) => clock.sleep(waitMs, signal) },
      fire: ({ atMs }) => Promise.resolve(void fired.push(new Date(atMs).toISOString().slice(11, 16))),
    });
    await settle();
    aheadMs = 3 * 60 * MINUTE_MS;
    await clock.advance(31_000);
    await scheduler.stop();
    deepEqual(fired, expected);
  }
});

Deno.test("Scheduler prepares for each firing once, three seconds before it", async () => {
  const clock = new FakeClock("2026-03-01T00:00:00Z");
  const seen: string[] = [];
  const note = (what: string, pipeline: string) => {
    seen.push(`${what} ${pipeline} ${new Date(clock.now()).toISOString().slice(11, 19)}`);
    return Promise.resolve();
  };
  const { scheduler } = begin(clock, () => [entry("p", [schedule({ cron: "*/30 * * * *" })])], {
    fire: ({ pipeline }) => note("fire", pipeline),
    prepare: (pipeline) => note("prepare", pipeline),
  });
  await settle();
  await clock.advance(61 * MINUTE_MS);
  await scheduler.stop();
  deepEqual(seen, ["prepare p 00:29:57", "fire p 00:30:00", "prepare p 00:59:57", "fire p 01:00:00"]);
});

Deno.test("Scheduler reads the definitions when they changed, and else twice a minute", async () => {
  const clock = new FakeClock("2026-03-01T00:00:00Z");
  let lists = 0;
  const { scheduler, fired } = begin(clock, () => {
    lists++;
    return [entry("p", [schedule({ cron: "* * * * * *" })])];
  });
  await settle();
  await clock.advance(5 * MINUTE_MS);
  await scheduler.stop();
  equal(fired.length, 300);
  ok(lists <= 11, String(lists));
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
      [ended({ hasSucceeded: false }), MINUTE_MS],
      [ended({ endedAtMs: null }), undefined],
    ] as const
  ) {
    const clock = new FakeClock("2026-03-01T00:00:00Z");
    let last: LastRun | undefined = lastRun;
    const fired: string[] = [];
    const { scheduler } = begin(clock, () => [entry("p", [schedule({ cron: "@continuous" })])], {
      lastRun: () => Promise.resolve(last),
      fire: ({ pipeline, atMs }) => {
        fired.push(`${pipeline} ${new Date(atMs).toISOString()}`);
        last = ended({ endedAtMs: null });
        return Promise.resolve();
      },
    });
    await settle();
    await clock.advance(90_000);
    deepEqual(fired, firstMs === undefined ? [] : [at(firstMs)]);
    // Its end wakes the scheduler.
    const endedAtMs = clock.now();
    last = ended({ endedAtMs });
    scheduler.onRunChange();
    await settle();
    equal(fired.at(-1), `p ${new Date(endedAtMs).toISOString()}`);
    await scheduler.stop();
  }
});
