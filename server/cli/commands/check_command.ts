import { AppError } from "../../../contract/errors.ts";
import { type Fault, formatFault } from "../../../text/fault.ts";
import { formatPlural } from "../../../text/format.ts";
import type { ProjectReport } from "../../backend.ts";
import type { CommandRun } from "../command.ts";
import { createCommandLog } from "../command_log.ts";
import { requireProject } from "../connect.ts";
import { readFolders } from "../settings.ts";
import type { Terminal } from "../terminal.ts";
import { printable } from "../text.ts";

/** `sluice check`: every pipeline, header, model and column, without data. Exit code 2 where one is wrong. */
export const check: CommandRun = async (invocation, context) => {
  const folders = readFolders(invocation, context);
  await requireProject(folders, context);
  const writesSchemas = invocation.flag("write-schemas");
  if (writesSchemas && invocation.flag("offline")) {
    throw new AppError("invalid", "Cannot write schemas with --offline: only the sources know them");
  }
  const stopping = new AbortController();
  using _interrupts = context.onInterrupt(
    () => stopping.abort(new AppError("cancelled", "Stopped before all was checked")),
    { withHangup: true },
  );
  const report = await context.backend.checkProject({
    ...folders,
    isOffline: invocation.flag("offline"),
    writesSchemas,
    environment: invocation.text("env"),
    log: createCommandLog(context.terminal),
    signal: stopping.signal,
  });
  const errors = report.faults.filter((fault) => fault.severity === "error").length;
  if (invocation.flag("json")) context.terminal.out(JSON.stringify({ ok: errors === 0, ...report }));
  else printReport(report, errors, context.terminal);
  return errors === 0 ? 0 : 2;
};

function printReport(report: ProjectReport, errors: number, terminal: Terminal): void {
  for (const fault of report.faults) terminal.out(printable(formatFault(fault)));
  for (const path of report.written) terminal.note(`Wrote ${path}`);
  const warnings = report.faults.length - errors;
  const found = [countOf(errors, "error"), ...(warnings === 0 ? [] : [countOf(warnings, "warning")])].join(
    ", ",
  );
  terminal.note(
    `Checked ${countOf(report.pipelines, "pipeline")} and ${countOf(report.models, "model")}: ${found}`,
  );
  const isUnresolved = ({ severity, message }: Fault) =>
    severity === "error" && message.startsWith("Cannot resolve ${");
  if (report.faults.some(isUnresolved)) {
    terminal.note(
      "Where the secrets are not at hand, as in CI, check with --offline: what is missing is a warning then",
    );
  }
}

const countOf = (count: number, noun: string) => count === 0 ? `no ${noun}s` : formatPlural(count, noun);
