import { AppError } from "../../../../contract/errors.ts";
import { splitPlacedName } from "../../../../contract/environments/pipeline_name.ts";
import { formatFault } from "../../../../text/fault.ts";
import type { TestReport, TestSelection } from "../../../../engine/definitions/testing/test_project.ts";
import type { CommandRun } from "../../command.ts";
import { createCommandLog } from "../../command_log.ts";
import { requireProject } from "../../connect.ts";
import { readFolders } from "../../settings.ts";
import type { Terminal } from "../../terminal.ts";
import { printable } from "../../text.ts";
import { junitOf } from "./junit.ts";
import { outcomeLines, tallyText } from "./outcome_text.ts";

/**
 * `sluice test [PIPELINE[.MODEL]]`: the tests of models in `tests/`, without any source. Exit code 1 where one fails,
 * 2 where their files are wrong.
 */
export const test: CommandRun = async (invocation, context) => {
  const folders = readFolders(invocation, context);
  await requireProject(folders, context);
  const stopping = new AbortController();
  using _interrupts = context.onInterrupt(
    () => stopping.abort(new AppError("cancelled", "Stopped before all tests were run")),
    { withHangup: true },
  );
  const { terminal } = context;
  const report = await context.backend.testProject(
    folders,
    { ...selectionOf(invocation.arguments[0]), environment: invocation.text("env") },
    createCommandLog(terminal),
    stopping.signal,
  );
  const junit = invocation.text("junit");
  if (junit !== undefined) await Deno.writeTextFile(junit, junitOf(report));
  if (invocation.flag("json")) {
    const passed = report.tests.filter(({ state }) => state === "passed").length;
    terminal.out(JSON.stringify({ passed, failed: report.tests.length - passed, ...report }));
  } else printReport(report, terminal);
  if (report.faults.length > 0) return 2;
  return report.tests.every(({ state }) => state === "passed") ? 0 : 1;
};

function selectionOf(text: string | undefined): TestSelection {
  if (text === undefined) return {};
  const dot = text.indexOf(".");
  const { pipeline } = splitPlacedName(dot === -1 ? text : text.slice(0, dot));
  return dot === -1 ? { pipeline } : { pipeline, model: text.slice(dot + 1) };
}

function printReport({ tests, faults }: TestReport, terminal: Terminal): void {
  for (const fault of faults) terminal.out(printable(formatFault(fault)));
  for (const line of outcomeLines(tests, terminal.tableColumns())) terminal.out(line);
  if (tests.length === 0 && faults.length === 0) terminal.note("There are no tests: write some in tests/");
  else terminal.note(tallyText(tests));
}
