import { deepEqual } from "node:assert/strict";
import { firstLines } from "../../../ui/parts/code/first_lines.ts";

Deno.test("firstLines() leaves short texts whole and counts what is left of others", () => {
  deepEqual(firstLines("a\nb\n", 2), { shown: "a\nb\n", left: 0 });
  deepEqual(firstLines("a\nb", 2), { shown: "a\nb", left: 0 });
  deepEqual(firstLines("a\nb\nc\nd\n", 2), { shown: "a\nb\n", left: 2 });
  deepEqual(firstLines("a\nb\nc", 1), { shown: "a\n", left: 2 });
});
