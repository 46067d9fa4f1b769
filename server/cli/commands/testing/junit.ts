import type { TestReport } from "../../../../engine/definitions/testing/test_project.ts";
import { formatFault } from "../../../../text/fault.ts";
import { printable } from "../../text.ts";
import { formatDifference, summaryOf } from "./difference_text.ts";

/** The report as CI systems read it: a suite a pipeline, a case a test; faults of files are a suite of errors. */
export function junitOf({ tests, faults }: TestReport): string {
  const suites = [...Map.groupBy(tests, ({ pipeline }) => pipeline)].map(([pipeline, list]) => {
    const cases = list.map(({ name, model, file, line, duration_ms, state, difference, faults: own }) => {
      const place = line === null ? "" : ` line="${line}"`;
      const head = `<testcase classname="${attribute(`${pipeline}.${model}`)}" name="${
        attribute(name)
      }" file="${attribute(file)}"${place} time="${seconds(duration_ms)}"`;
      if (state === "passed") return `    ${head}/>`;
      if (difference !== null) {
        const message = attribute(summaryOf(difference));
        return `    ${head}>\n      <failure message="${message}">${
          content(formatDifference(difference))
        }</failure>\n    </testcase>`;
      }
      return `    ${head}>\n      ${errorOf(own.map(formatFault))}\n    </testcase>`;
    });
    const failures = list.filter(({ state }) => state === "failed").length;
    const errors = list.filter(({ state }) => state === "error").length;
    const time = seconds(list.reduce((sum, { duration_ms }) => sum + duration_ms, 0));
    return `  <testsuite name="${
      attribute(pipeline)
    }" tests="${list.length}" failures="${failures}" errors="${errors}" time="${time}">\n${
      cases.join("\n")
    }\n  </testsuite>`;
  });
  const wrong = faults.map((fault) =>
    `    <testcase classname="tests" name="${attribute(fault.file)}">\n      ${
      errorOf([formatFault(fault)])
    }\n    </testcase>`
  );
  const ofFiles = wrong.length === 0 ? [] : [
    `  <testsuite name="tests" tests="${wrong.length}" failures="0" errors="${wrong.length}">\n${
      wrong.join("\n")
    }\n  </testsuite>`,
  ];
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${
    [...suites, ...ofFiles].join("\n")
  }\n</testsuites>\n`;
}

function errorOf(texts: readonly string[]): string {
  return `<error message="${attribute(texts[0] ?? "it could not be run")}">${
    content(texts.join("\n"))
  }</error>`;
}

const seconds = (durationMs: number): string => (durationMs / 1_000).toFixed(3);

const escaped = (text: string): string =>
  printable(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const attribute = (text: string): string => escaped(text).replaceAll('"', "&quot;").replaceAll("\n", "&#10;");
const content = escaped;
