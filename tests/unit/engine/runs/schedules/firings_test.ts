import { deepEqual, equal, ok } from "node:assert/strict";
import type { ScheduleDefinition } from "../../../../../contract/pipeline/schedule.ts";
import { CronTimes } from "../../../../../engine/runs/schedules/cron_times.ts";
import { Firings } from "../../../../../engine/runs/schedules/firings.ts";

const HOUR_MS = 3_600_000;

const firings = (over: Partial<ScheduleDefinition>, pipeline = "p") =>
  new Firings(pipeline, { cron: "0 2 * * *", timezone: "UTC", catchup: "none", ...over }, new CronTimes());

/** `01-31 02:30` in UTC. */
const short = (ms: number) => new Date(ms).toISOString().slice(5, 16).replace("T", " ");

/** The firings of two days around a moment, in UTC. */
function around(moment: string, over: Partial<ScheduleDefinition>, hours = 36): string[] {
  const atMs = Date.parse(moment);
  return firings(over).next(atMs - hours * HOUR_MS, 500).filter((ms) => ms <= atMs + hours * HOUR_MS).map(
    short,
  );
}

Deno.test("a firing that the clock leaves out comes when the gap ends, one that it passes twice comes once", () => {
  const cases: [zone: string, moment: string, cron: string, expected: string[]][] = [
    ["Europe/Paris", "2026-03-29T01:00Z", "30 2 * * *", ["03-28 01:30", "03-29 01:00", "03-30 00:30"]],
    ["Europe/Paris", "2026-10-25T01:00Z", "30 2 * * *", ["10-24 00:30", "10-25 00:30", "10-26 01:30"]],
    ["Australia/Lord_Howe", "2026-10-03T15:30Z", "15 2 * * *", ["10-02 15:45", "10-03 15:30", "10-04 15:15"]],
    ["Australia/Lord_Howe", "2026-04-04T15:00Z", "45 1 * * *", ["04-03 14:45", "04-04 14:45", "04-05 15:15"]],
    ["America/Sao_Paulo", "2018-11-04T03:00Z", "0 0 * * *", ["11-03 03:00", "11-04 03:00", "11-05 02:00"]],
    ["America/Sao_Paulo", "2018-02-18T02:00Z", "30 23 * * *", ["02-17 01:30", "02-18 01:30", "02-19 02:30"]],
    ["Africa/Cairo", "2026-04-23T22:00Z", "30 0 * * *", ["04-22 22:30", "04-23 22:00", "04-24 21:30"]],
    ["Africa/Cairo", "2026-10-29T21:00Z", "30 23 * * *", ["10-28 20:30", "10-29 20:30", "10-30 21:30"]],
    ["Atlantic/Azores", "2026-03-29T01:00Z", "30 0 * * *", ["03-28 01:30", "03-29 01:00", "03-30 00:30"]],
    ["Atlantic/Azores", "2026-10-25T01:00Z", "30 0 * * *", ["10-24 00:30", "10-25 00:30", "10-26 01:30"]],
    // Its 30th of December 2011 never was.
    ["Pacific/Apia", "2011-12-30T10:00Z", "0 12 * * *", [
      "12-29 22:00",
      "12-30 22:00",
      "12-31 22:00",
    ]],
    ["America/Havana", "2026-03-08T05:00Z", "0 0 * * *", ["03-07 05:00", "03-08 05:00", "03-09 04:00"]],
    ["Asia/Beirut", "2026-03-28T22:00Z", "0 0 * * *", ["03-27 22:00", "03-28 22:00", "03-29 21:00"]],
  ];
  for (const [timezone, moment, cron, expected] of cases) {
    deepEqual(around(moment, { cron, timezone }), expected, `${timezone} ${moment}`);
  }
  // What is due each half hour goes on through the hour that comes twice.
  equal(around("2026-10-25T01:00Z", { cron: "*/30 * * * *", timezone: "Europe/Paris" }, 2).length, 8);
});

Deno.test("over years in awkward zones each day has its firing, each once", () => {
  const zones = [
    "Europe/Paris",
    "Australia/Lord_Howe",
    "Atlantic/Azores",
    "America/Sao_Paulo",
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/St_Johns",
    "Asia/Tehran",
    "Pacific/Apia",
    "Pacific/Chatham",
  ];
  const [fromMs, untilMs] = [Date.parse("2011-01-01T00:00Z"), Date.parse("2013-01-01T00:00Z")];
  for (const timezone of zones) {
    const date = new Intl.DateTimeFormat("en-CA", { timeZone: timezone, dateStyle: "short" });
    const all = firings({ cron: "30 1 * * *", timezone }).next(fromMs, 800).filter((ms) => ms < untilMs);
    const days = all.map((ms) => date.format(ms));
    equal(new Set(days).size, days.length, `${timezone}: a day has two`);
    const missing = days.filter((day, index) =>
      index > 0 && Date.parse(day) - Date.parse(days[index - 1] ?? "") !== 24 * HOUR_MS
    );
    deepEqual(missing, timezone === "Pacific/Apia" ? ["2011-12-31"] : [], timezone);
  }
});

Deno.test("every counts from start, or from midnight UTC, by the time that passes", () => {
  const from = Date.parse("2026-03-01T00:10Z");
  deepEqual(firings({ cron: undefined, every: "6h" }).next(from, 3).map(short), [
    "03-01 06:00",
    "03-01 12:00",
    "03-01 18:00",
  ]);
  const paris = { cron: undefined, every: "90m", timezone: "Europe/Paris", start: "2026-03-29T01:00" };
  deepEqual(firings(paris).next(from, 3).map(short), ["03-29 00:00", "03-29 01:30", "03-29 03:00"]);
});

Deno.test("start and end are by the clock of the zone; a day alone is whole", () => {
  const from = Date.parse("2026-01-01T00:00Z");
  const all = (over: Partial<ScheduleDefinition>) =>
    firings({ cron: "0 */12 * * *", timezone: "Europe/Paris", ...over }).next(from, 100).map(short);
  deepEqual(all({ start: "2026-02-01", end: "2026-02-02" }), [
    "01-31 23:00",
    "02-01 11:00",
    "02-01 23:00",
    "02-02 11:00",
  ]);
  deepEqual(all({ start: "2026-02-01T12:00", end: "2026-02-02 00:00" }), ["02-01 11:00", "02-01 23:00"]);
  deepEqual(all({ start: "2026-02-01T12:00Z", end: "2026-02-02T00:00+01:00" }), ["02-01 23:00"]);
});

Deno.test("except leaves days out by the clock of the zone, single ones, those of every year, and spans", () => {
  const days = (except: string[], from: string, count: number, timezone = "Europe/Paris") =>
    firings({ cron: "30 23 * * *", timezone, except }).next(Date.parse(from), count).map((ms) =>
      new Intl.DateTimeFormat("en-CA", { timeZone: timezone, dateStyle: "short" }).format(ms)
    );
  deepEqual(days(["2026-12-25"], "2026-12-24T00:00Z", 3), ["2026-12-24", "2026-12-26", "2026-12-27"]);
  deepEqual(days(["12-24..01-01"], "2026-12-22T00:00Z", 4), [
    "2026-12-22",
    "2026-12-23",
    "2027-01-02",
    "2027-01-03",
  ]);
  deepEqual(days(["2026-12-24..2027-01-01"], "2027-12-23T00:00Z", 2), ["2027-12-23", "2027-12-24"]);
  // The day that begins at one o'clock, and the one with two half hours before midnight.
  const sao = "America/Sao_Paulo";
  deepEqual(days(["2018-11-04"], "2018-11-03T12:00Z", 2, sao), ["2018-11-03", "2018-11-05"]);
  deepEqual(days(["2018-02-17"], "2018-02-16T12:00Z", 2, sao), ["2018-02-16", "2018-02-18"]);
  equal(firings({ except: ["01-01..12-31"] }).after(0), undefined);
  // Many firings a day are left out at once.
  const seconds = firings({ cron: "* * * * * *", except: ["2026-01-01..2026-11-30"] });
  equal(short(seconds.after(Date.parse("2026-01-01T00:00Z")) ?? 0), "12-01 00:00");
});

Deno.test("jitter shifts by the same amount each time, within its window", () => {
  const plain = firings({}, "orders").after(0) ?? 0;
  const jittered = firings({ jitter: "10m" }, "orders");
  const one = jittered.after(0) ?? 0;
  ok(one >= plain && one < plain + 600_000);
  equal(jittered.after(one - 1), one);
  equal(jittered.after(one), one + 24 * HOUR_MS);
});

Deno.test("last() is the newest firing of a span, however long it is", () => {
  const [since, until] = [Date.parse("2020-01-01T00:00Z"), Date.parse("2026-03-01T10:20:30.5Z")];
  equal(firings({}).last(since, until), Date.parse("2026-03-01T02:00Z"));
  equal(firings({ cron: "* * * * * *" }).last(since, until), Date.parse("2026-03-01T10:20:30Z"));
  equal(firings({ cron: "20 10 * * *" }).last(until - 60_000, until), Date.parse("2026-03-01T10:20Z"));
  equal(firings({}).last(until - HOUR_MS, until), undefined);
  const reached = Date.parse("2026-03-01T02:00Z");
  equal(firings({}).last(reached - 1, reached), reached);
  equal(firings({}).last(reached, reached), undefined);
});

Deno.test("CronTimes gives what the expression alone gives, in whatever order it is asked", () => {
  const times = new CronTimes();
  const from = Date.parse("2026-10-24T20:00Z");
  let seed = 7;
  for (let asked = 0; asked < 300; asked++) {
    seed = Math.imul(seed, 48_271) >>> 0;
    const afterMs = from + seed % (12 * HOUR_MS);
    const alone = new CronTimes().after("*/20 * * * *", "Europe/Paris", afterMs);
    equal(times.after("*/20 * * * *", "Europe/Paris", afterMs), alone, new Date(afterMs).toISOString());
  }
});
