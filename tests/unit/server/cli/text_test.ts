import { strictEqual } from "node:assert/strict";
import {
  formatTime,
  oneLine,
  printable,
  shortRunId,
  truncate,
  withoutSeconds,
} from "../../../../server/cli/text.ts";

Deno.test("formatTime() says the second in UTC, and a dash for none", () => {
  strictEqual(formatTime("2026-07-30T12:05:09.123Z"), "2026-07-30 12:05:09");
  strictEqual(formatTime(null), "–");
});

Deno.test("oneLine() keeps text from steering the terminal", () => {
  strictEqual(oneLine("a\x1b[2Jb\r\nc\x07\u202ed"), "a[2Jb cd");
  strictEqual(printable("a\r\n\tb\x1b]0;x\x07"), "a\n\tb]0;x");
});

Deno.test("truncate() cuts at whole characters", () => {
  strictEqual(truncate("a😀bc", 3), "a😀…");
  strictEqual(truncate("abc", 3), "abc");
});

Deno.test("withoutSeconds() and shortRunId() shorten what they know and leave the rest", () => {
  strictEqual(withoutSeconds("2026-07-30 12:05:09"), "2026-07-30 12:05");
  strictEqual(withoutSeconds("–"), "–");
  strictEqual(shortRunId("01M8BQ8M5E52W8QQ63W9EPMH41"), "W9EPMH41");
  strictEqual(shortRunId("RUN"), "RUN");
});
