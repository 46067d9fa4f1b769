import { equal } from "node:assert/strict";
import {
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
    ["2026-07-30T13:49:59.000Z", "in 1 h 49 min"],
    ["2026-07-30T10:11:00.000Z", "1 h ago"],
    ["2026-08-02T14:00:00.000Z", "in 3 d 2 h"],
    ["2026-07-25T12:00:00.000Z", "5 d ago"],
    ["2026-01-25T12:00:00.000Z", "2026-01-25"],
    ["2027-01-25T12:00:00.000Z", "2027-01-25"],
    ["soon", "soon"],
  ];
  for (const [iso, text] of cases) equal(formatRelative(iso, nowMs), text);
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
