import { equal } from "node:assert/strict";
import {
  formatCron,
  formatLogTime,
  formatRelative,
  formatTrigger,
  formatUtc,
  shortCommit,
  shortId,
} from "../../../ui/parts/format.ts";

Deno.test("times are shown in UTC, and as they are where they are no times", () => {
  equal(formatUtc("2026-07-30T14:05:09.123+02:00"), "2026-07-30 12:05:09 UTC");
  equal(formatUtc("soon"), "soon");
  equal(formatLogTime("2026-07-30T12:05:09.120Z"), "12:05:09.120");
  equal(formatLogTime("soon"), "soon");
});

Deno.test("formatRelative() says how long ago or how far ahead a time is", () => {
  const nowMs = Date.parse("2026-07-30T12:00:00.000Z");
  const cases: [string, string][] = [
    ["2026-07-30T12:00:00.000Z", "just now"],
    ["2026-07-30T12:00:04.000Z", "now"],
    ["2026-07-30T11:59:48.000Z", "12 s ago"],
    ["2026-07-30T11:57:01.000Z", "2 min ago"],
    ["2026-07-30T14:00:00.000Z", "in 2 h"],
    ["2026-07-25T12:00:00.000Z", "5 d ago"],
    ["2026-01-25T12:00:00.000Z", "2026-01-25"],
    ["2027-01-25T12:00:00.000Z", "2027-01-25"],
    ["soon", "soon"],
  ];
  for (const [iso, text] of cases) equal(formatRelative(iso, nowMs), text);
});

Deno.test("formatCron() says the common patterns in words and leaves the others", () => {
  const cases: [string, string][] = [
    ["0 2 * * *", "every day at 02:00"],
    ["0 0 2 * * *", "every day at 02:00"],
    ["*/15 * * * *", "every 15 min"],
    ["*/1 * * * *", "every minute"],
    ["* * * * *", "every minute"],
    ["5 * * * *", "every hour at :05"],
    ["30 6 * * 1-5", "weekdays at 06:30"],
    ["30 6 * * 0", "Sundays at 06:30"],
    ["30 6 * * 7", "Sundays at 06:30"],
    ["0 4 1 * *", "monthly on day 1 at 04:00"],
    ["@hourly", "every hour"],
    ["0 2 * 1 *", "0 2 * 1 *"],
    ["0 2,14 * * *", "0 2,14 * * *"],
    ["0 2 13 * 5", "0 2 13 * 5"],
    ["30 0 2 * * *", "30 0 2 * * *"],
    ["nonsense", "nonsense"],
  ];
  for (const [cron, text] of cases) equal(formatCron(cron), text);
});

Deno.test("ids and commits are shortened to what tells them apart", () => {
  equal(shortId("01985a10-7c1e-7b60-9a41-5d0f3c2a9e11"), "3c2a9e11");
  equal(shortId("short"), "short");
  equal(shortCommit("4be1f0a97c2d3e5f60718293a4b5c6d7e8f90123"), "4be1f0a");
  equal(shortCommit("4be1f0a97c2d3e5f60718293a4b5c6d7e8f90123+dirty"), "4be1f0a+");
});

Deno.test("formatTrigger() names who asked, once", () => {
  equal(formatTrigger({ trigger: "page", triggered_by: "ada" }), "page · ada");
  equal(formatTrigger({ trigger: "schedule", triggered_by: "schedule" }), "schedule");
  equal(formatTrigger({ trigger: "api", triggered_by: null }), "api");
});
