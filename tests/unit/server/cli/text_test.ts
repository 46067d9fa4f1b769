import { strictEqual } from "node:assert/strict";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatTable,
  formatTime,
  oneLine,
  printable,
  truncate,
} from "../../../../server/cli/text.ts";

Deno.test("formatDuration() grows its unit with the value", () => {
  strictEqual(formatDuration(null), "-");
  strictEqual(formatDuration(0), "0 ms");
  strictEqual(formatDuration(999), "999 ms");
  strictEqual(formatDuration(59_999), "59.9 s");
  strictEqual(formatDuration(65_000), "1 m 05 s");
  strictEqual(formatDuration(7_500_000), "2 h 05 m");
});

Deno.test("formatBytes() and formatCount() group and scale", () => {
  strictEqual(formatBytes(512), "512 B");
  strictEqual(formatBytes(1_234), "1.2 kB");
  strictEqual(formatBytes(83_400_000), "83 MB");
  strictEqual(formatBytes(999_999), "1.0 MB");
  strictEqual(formatCount(1_234_567), "1,234,567");
  strictEqual(formatTime("2026-07-30T12:05:09.123Z"), "2026-07-30 12:05:09");
});

Deno.test("formatTable() lines columns up, wide characters counted as one", () => {
  const table = formatTable([{ title: "NAME" }, { title: "ROWS", align: "right" }], [["é", "1"], [
    "orders",
    "12,000",
  ]]);
  strictEqual(table, ["NAME      ROWS", "é            1", "orders  12,000"].join("\n"));
});

Deno.test("oneLine() keeps text from steering the terminal", () => {
  strictEqual(oneLine("a\x1b[2Jb\r\nc\x07\u202ed"), "a[2Jb cd");
  strictEqual(printable("a\r\n\tb\x1b]0;x\x07"), "a\n\tb]0;x");
});

Deno.test("truncate() cuts at whole characters", () => {
  strictEqual(truncate("a😀bc", 3), "a😀…");
  strictEqual(truncate("abc", 3), "abc");
});
