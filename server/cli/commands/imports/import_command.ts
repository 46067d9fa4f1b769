import { join, resolve } from "node:path";
import { AppError } from "../../../../contract/errors.ts";
import {
  countWhole,
  findingText,
  importMarkdown,
  summaryOf,
} from "../../../../engine/definitions/dbt/import_report.ts";
import { type DbtProject, readDbtProject } from "../../../../engine/definitions/dbt/project/read_project.ts";
import {
  planInRounds,
  type SettledImport,
} from "../../../../engine/definitions/dbt/rounds/plan_in_rounds.ts";
import type { ImportRequest } from "../../../../engine/definitions/dbt/start_plan.ts";
import { requireEmpty } from "../../../../engine/definitions/dbt/write_import.ts";
import { isRecord } from "../../../../text/is_record.ts";
import { parseYamlDocument } from "../../../../text/yaml_document.ts";
import type { CliContext, CommandRun, Invocation } from "../../command.ts";
import { commandText, shellWord } from "../../command_text.ts";
import { printable } from "../../text.ts";
import { openImportGate } from "./import_gate.ts";

/**
 * `sluice import dbt DIR OUT`: a dbt project as a project in a new folder, what `sluice check` says of it, and what needs a
 * hand. Exit code 0 also where something does: that is the list.
 */
export const importProject: CommandRun = async (invocation, context) => {
  const [kind, from = "", to = ""] = invocation.arguments;
  if (kind !== "dbt") throw new AppError("invalid", `Cannot import "${kind}": expected dbt`);
  const [dir, outDir] = [resolve(context.cwd, from), resolve(context.cwd, to)];
  await requireEmpty(outDir);
  const project = await readDbtProject(dir);
  const request = {
    pipeline: invocation.text("pipeline"),
    vars: readVars(invocation),
    targetSchema: invocation.text("target-schema"),
    outDir,
    now: Date.now(),
  };
  const { planned, faults } = await planAndCheck(project, request, context);
  const report = importMarkdown(planned, faults, project.root.name);
  await Deno.writeTextFile(join(outDir, "IMPORT.md"), report, { createNew: true });
  const { terminal } = context;
  const found = [...planned.findings, ...faults];
  if (invocation.flag("json")) {
    const { pipeline, exposures, off } = planned;
    const counts = { ...planned.counts, whole: countWhole(planned.whole, faults), switched_off: off.length };
    const files = [...planned.files.map(({ path }) => path), "IMPORT.md"].toSorted();
    terminal.out(
      JSON.stringify({
        project: outDir,
        pipeline,
        counts,
        files,
        findings: found,
        switched_off: off,
        exposures,
      }),
    );
    return 0;
  }
  terminal.out(printable(summaryOf(planned, faults)));
  for (const [title, of] of [["Needs a hand", "hand"], ["Other than in dbt", "note"]] as const) {
    const lines = found.filter((finding) => finding.kind === of).map((finding) =>
      `  ${printable(findingText(finding))}`
    );
    if (lines.length > 0) terminal.out(`\n${title}:\n${lines.join("\n")}`);
  }
  if (planned.off.length > 0) {
    const lines = planned.off.map(({ file, why }) =>
      `  ${printable(`${file}: ${why.replace(/\s+/g, " ")}`)}`
    );
    terminal.out(`\nSwitched off until then (enabled: false):\n${lines.join("\n")}`);
  }
  const next = `${commandText(`run ${planned.pipeline}`, context)} --project ${shellWord(to)}`;
  terminal.out(`\nAll of it is in ${shellWord(join(to, "IMPORT.md"))}. Next:\n  ${next}`);
  return 0;
};

function readVars(invocation: Invocation): Readonly<Record<string, unknown>> {
  const text = invocation.text("vars");
  if (text === undefined) return {};
  const { value } = parseYamlDocument(text, "--vars");
  if (!isRecord(value)) {
    throw new AppError("invalid", `--vars is "${text}", expected YAML such as '{first_day: 2024-01-01}'`);
  }
  return value;
}

/** Writes the plans of an import, each in the place of the one before, and checks what has changed of them. */
async function planAndCheck(
  project: DbtProject,
  request: ImportRequest,
  context: CliContext,
): Promise<SettledImport> {
  const stopping = new AbortController();
  await using gate = openImportGate(request.outDir, context, stopping.signal);
  using _interrupts = context.onInterrupt(() => {
    stopping.abort(new AppError("cancelled", "Stopped while the new project was checked; it is written"));
    gate[Symbol.asyncDispose]().catch(() => {});
  }, { withHangup: true });
  try {
    return await planInRounds({
      project,
      request,
      check: gate.check,
      ask: gate.ask,
      note: (message) => context.terminal.note(message),
    });
  } catch (error) {
    // Its process was ended meanwhile.
    stopping.signal.throwIfAborted();
    throw error;
  }
}
