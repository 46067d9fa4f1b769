import { equal } from "node:assert/strict";
import { rowText } from "../../../../sql/language/row_text.ts";

Deno.test("rowText() shows texts in quotes, missing values as NULL, and the checked column first", () => {
  equal(
    rowText({ day: "2024-01-01", amount: 5, note: null, done: true }),
    'day = "2024-01-01", amount = 5, note = NULL, done = true',
  );
  equal(rowText({ day: "x", Amount: 5 }, "amount"), 'Amount = 5, day = "x"');
});

Deno.test("rowText() stays on one line and short", () => {
  equal(rowText({ text: "two\nlines" }), String.raw`text = "two\nlines"`);
  equal(rowText({ text: "x".repeat(100) }), `text = "${"x".repeat(59)}…`);
  equal(rowText({ a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7 }), "a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, …");
});
