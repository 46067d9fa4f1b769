import { equal } from "node:assert/strict";
import { plainText, truncate } from "../../../ui/parts/plain_text.ts";

Deno.test("plainText() takes out terminal sequences and control characters but keeps lines and tabs", () => {
  const cases: [string, string][] = [
    ["\u001b[1;31mred\u001b[0m", "red"],
    ["\u009b31mred", "red"],
    ["\u001b]8;;https://elsewhere.example\u0007link\u001b]8;;\u001b\\ text", "link text"],
    ["\u001b[2K\rprogress", "progress"],
    ["a\u0000b\u0008c\u007fd\u0085e", "abcde"],
    ["one\r\ntwo\n\tthree", "one\ntwo\n\tthree"],
    ["user\u202egnp.exe", "usergnp.exe"],
    ["\u001b", ""],
    ["[31m is no sequence alone", "[31m is no sequence alone"],
    ["žluťoučký 🐎 数据", "žluťoučký 🐎 数据"],
  ];
  for (const [text, plain] of cases) equal(plainText(text), plain);
});

Deno.test("plainText() takes an unfinished sequence of any length in linear time", () => {
  const startMs = performance.now();
  equal(plainText(`\u001b]${"x".repeat(2_000_000)}`), "");
  equal(plainText("\u001b[".repeat(500_000)), "");
  equal(performance.now() - startMs < 5_000, true);
});

Deno.test("truncate() counts code points and never cuts one", () => {
  equal(truncate("abc", 3), "abc");
  equal(truncate("abcd", 3), "ab…");
  equal(truncate("🐎🐎🐎🐎", 3), "🐎🐎…");
});
