import { equal } from "node:assert/strict";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatPlural,
  formatShortCount,
} from "../../../text/format.ts";

Deno.test("formatDuration() goes from milliseconds to days without rounding up to the next unit", () => {
  const cases: [number | null, string][] = [
    [null, "–"],
    [-5, "0 ms"],
    [0, "0 ms"],
    [999, "999 ms"],
    [1_000, "1.0 s"],
    [12_449, "12.4 s"],
    [59_999, "59.9 s"],
    [60_000, "1 m 00 s"],
    [3_599_999, "59 m 59 s"],
    [3_600_000, "1 h 00 m"],
    [86_399_999, "23 h 59 m"],
    [86_400_000, "1 d 0 h"],
    [100 * 86_400_000 + 5 * 3_600_000, "100 d 5 h"],
  ];
  for (const [durationMs, text] of cases) equal(formatDuration(durationMs), text);
});

Deno.test("formatBytes() shows three digits in decimal units", () => {
  const cases: [number | null, string][] = [
    [null, "–"],
    [0, "0 B"],
    [999, "999 B"],
    [1_000, "1.00 kB"],
    [9_994, "9.99 kB"],
    [9_996, "10.0 kB"],
    [99_960, "100 kB"],
    [999_499, "999 kB"],
    [999_500, "1.00 MB"],
    [83_400_000, "83.4 MB"],
    [Number.MAX_SAFE_INTEGER, "9.01 PB"],
  ];
  for (const [sizeBytes, text] of cases) equal(formatBytes(sizeBytes), text);
});

Deno.test("formatCount() groups digits, formatShortCount() keeps three of them from 10,000 on", () => {
  equal(formatCount(null), "–");
  equal(formatCount(1_234_567), "1,234,567");
  equal(formatShortCount(null), "–");
  equal(formatShortCount(9_999), "9,999");
  equal(formatShortCount(10_000), "10.0 k");
  equal(formatShortCount(363_005), "363 k");
  equal(formatShortCount(1_234_567_890), "1.23 G");
});

Deno.test("formatPlural() says one thing and many things", () => {
  equal(formatPlural(1, "check"), "1 check");
  equal(formatPlural(0, "check"), "0 checks");
  equal(formatPlural(2_000, "entry", "entries"), "2,000 entries");
});
