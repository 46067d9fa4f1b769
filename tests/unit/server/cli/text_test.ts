import { strictEqual } from "node:assert/strict";
import { formatTable, formatTime, oneLine, printable, truncate } from "../../../../server/cli/text.ts";

Deno.test("formatTime() says the second in UTC, and a dash for none", () => {
  strictEqual(formatTime("2026-07-30T12:05:09.123Z"), "2026-07-30 12:05:09");
  strictEqual(formatTime(null), "–");
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
