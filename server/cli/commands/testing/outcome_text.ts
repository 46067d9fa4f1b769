import type { TestOutcome } from "../../../../contract/testing/outcome.ts";
import { formatFault } from "../../../../text/fault.ts";
import { formatPlural } from "../../../../text/format.ts";
import { oneLine, printable } from "../../text.ts";
import { formatDifference } from "./difference_text.ts";

const INDENT = "    ";

/** Each test in a line, and below one that failed what differs. `width`: of the lines, endless for one that is not known. */
export function outcomeLines(tests: readonly TestOutcome[], width: number): string[] {
  const room = Number.isFinite(width) ? Math.max(width - INDENT.length, 40) : undefined;
  return tests.flatMap(({ pipeline, model, name, file, line, state, difference, faults }) => {
    const title = `${pipeline}.${model}: ${oneLine(name)}`;
    if (state === "passed") return [`✓ ${title}`];
    return [
      `✗ ${title}  ${file}${line === null ? "" : `:${line}`}`,
      ...faults.map((fault) => `${INDENT}${oneLine(formatFault(fault))}`),
      ...difference === null
        ? []
        : formatDifference(difference, room).split("\n").map((text) => `${INDENT}${printable(text)}`),
    ];
  });
}

/** `3 tests: 2 passed, 1 failed`. */
export function tallyText(tests: readonly TestOutcome[]): string {
  const passed = tests.filter(({ state }) => state === "passed").length;
  const failed = tests.length - passed;
  return `${formatPlural(tests.length, "test")}: ${passed} passed${failed === 0 ? "" : `, ${failed} failed`}`;
}
