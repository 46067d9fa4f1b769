import { join, resolve } from "node:path";
import { AppError } from "../../../../contract/errors.ts";
import type { Finding } from "../../../../engine/definitions/dbt/findings.ts";
import { findingText, importMarkdown, summaryOf } from "../../../../engine/definitions/dbt/import_report.ts";
import { planImport } from "../../../../engine/definitions/dbt/plan_import.ts";
import type { PlannedFile } from "../../../../engine/definitions/dbt/planned_file.ts";
import { readDbtProject } from "../../../../engine/definitions/dbt/project/read_project.ts";
import { withoutUnknownColumns } from "../../../../engine/definitions/dbt/unknown_columns.ts";
import { requireEmpty, writeImport } from "../../../../engine/definitions/dbt/write_import.ts";
import { isRecord } from "../../../../text/is_record.ts";
import { parseYamlDocument } from "../../../../text/yaml_document.ts";
import type { CliContext, CommandRun, Invocation } from "../../command.ts";
import { createCommandLog } from "../../command_log.ts";
import { commandText, shellWord } from "../../command_text.ts";
import { writeProjectSchemas } from "../../project_schemas.ts";
import { printable } from "../../text.ts";

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
  const planned = planImport(project, {
    pipeline: invocation.text("pipeline"),
    vars: readVars(invocation),
    outDir,
    now: Date.now(),
  });
  await writeImport(outDir, planned.files);
  await writeProjectSchemas(outDir, await context.backend.projectSchemas());
  // A template is a fault at each of its tags, and its finding says why it is one still.
  const faults = (await checkAndMend(outDir, planned.files, context))
    .filter(({ file }) => !planned.templates.has(file));
  const report = importMarkdown(planned, faults, project.root.name);
  await Deno.writeTextFile(join(outDir, "IMPORT.md"), report, { createNew: true });
  const { terminal } = context;
  const found = [...planned.findings, ...faults];
  if (invocation.flag("json")) {
    const { pipeline, counts, exposures } = planned;
    const files = [...planned.files.map(({ path }) => path), "IMPORT.md"].toSorted();
    terminal.out(JSON.stringify({ project: outDir, pipeline, counts, files, findings: found, exposures }));
    return 0;
  }
  terminal.out(printable(summaryOf(planned)));
  for (const [title, of] of [["Needs a hand", "hand"], ["Other than in dbt", "note"]] as const) {
    const lines = found.filter((finding) => finding.kind === of).map((finding) =>
      `  ${printable(findingText(finding))}`
    );
    if (lines.length > 0) terminal.out(`\n${title}:\n${lines.join("\n")}`);
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

/** The same, once columns are out of the headers that no query has. */
async function checkAndMend(
  outDir: string,
  files: readonly PlannedFile[],
  context: CliContext,
): Promise<readonly Finding[]> {
  const faults = await check(outDir, context);
  const mended = withoutUnknownColumns(files, faults);
  if (mended.files.length === 0) return faults;
  for (const { path, content } of mended.files) await Deno.writeTextFile(join(outDir, path), content);
  return [...mended.notes, ...await check(outDir, context)];
}

/** What the compile gate says of the new project. */
async function check(outDir: string, context: CliContext): Promise<Finding[]> {
  const stopping = new AbortController();
  using _interrupts = context.onInterrupt(
    () =>
      stopping.abort(new AppError("cancelled", "Stopped while the new project was checked; it is written")),
    { withHangup: true },
  );
  const { faults } = await context.backend.checkProject({
    projectDir: outDir,
    dataDir: join(outDir, ".sluice"),
    policyPath: undefined,
    isOffline: true,
    log: createCommandLog(context.terminal),
    signal: stopping.signal,
  });
  return faults.map(({ file, line, message, severity }) => ({
    kind: severity === "error" ? "hand" : "note",
    file,
    ...(line === undefined ? {} : { line }),
    message,
  }));
}
