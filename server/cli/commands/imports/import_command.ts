import { join, resolve } from "node:path";
import { AppError } from "../../../../contract/errors.ts";
import type { Finding } from "../../../../engine/definitions/dbt/findings.ts";
import type { KnownColumn } from "../../../../engine/definitions/dbt/context/rendering.ts";
import { foundColumns } from "../../../../engine/definitions/dbt/found_columns.ts";
import {
  countWhole,
  findingText,
  importMarkdown,
  summaryOf,
} from "../../../../engine/definitions/dbt/import_report.ts";
import {
  type ImportRequest,
  planImport,
  type PlannedImport,
} from "../../../../engine/definitions/dbt/plan_import.ts";
import { type DbtProject, readDbtProject } from "../../../../engine/definitions/dbt/project/read_project.ts";
import { withoutUnknownColumns } from "../../../../engine/definitions/dbt/unknown_columns.ts";
import { requireEmpty, rewriteImport, writeImport } from "../../../../engine/definitions/dbt/write_import.ts";
import { formatPlural } from "../../../../text/format.ts";
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
    const { pipeline, exposures } = planned;
    const counts = { ...planned.counts, whole: countWhole(planned.whole, faults) };
    const files = [...planned.files.map(({ path }) => path), "IMPORT.md"].toSorted();
    terminal.out(JSON.stringify({ project: outDir, pipeline, counts, files, findings: found, exposures }));
    return 0;
  }
  terminal.out(printable(summaryOf(planned, faults)));
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

/** What a round of planning comes further by, at most: each finds the columns of the tables that the last one could write. */
const MAX_ROUNDS = 12;

/**
 * Writes the plan and checks it, and plans again where a template asks for columns that the check has found. A template is a
 * fault at each of its tags, and its finding says why it is one still: those are left out.
 */
async function planAndCheck(
  project: DbtProject,
  request: ImportRequest,
  context: CliContext,
): Promise<{ planned: PlannedImport; faults: readonly Finding[] }> {
  const { outDir } = request;
  let planned = planImport(project, request);
  await writeImport(outDir, planned.files);
  await writeProjectSchemas(outDir, await context.backend.projectSchemas());
  const found = new Map<string, readonly KnownColumn[]>();
  let checked = await check(outDir, planned.pipeline, context);
  for (let round = 1; round < MAX_ROUNDS; round++) {
    const more = [...checked.columns].filter(([name]) => planned.wanted.has(name) && !found.has(name));
    if (more.length === 0) break;
    for (const [name, columns] of more) found.set(name, columns);
    const tables = formatPlural(more.length, "table");
    context.terminal.note(`Plans again: the check has found the columns of ${tables} that templates ask for`);
    const next = planImport(project, { ...request, found });
    await rewriteImport(outDir, planned.files, next.files);
    planned = next;
    checked = await check(outDir, planned.pipeline, context);
  }
  let { faults } = checked;
  const mended = withoutUnknownColumns(planned.files, faults);
  if (mended.files.length > 0) {
    for (const { path, content } of mended.files) await Deno.writeTextFile(join(outDir, path), content);
    faults = [...mended.notes, ...(await check(outDir, planned.pipeline, context)).faults];
  }
  return { planned, faults: faults.filter(({ file }) => !planned.templates.has(file)) };
}

interface Checked {
  readonly faults: readonly Finding[];
  /** Of the models that are without a fault. */
  readonly columns: ReadonlyMap<string, readonly KnownColumn[]>;
}

/** What the compile gate says of the new project. */
async function check(outDir: string, pipeline: string, context: CliContext): Promise<Checked> {
  const stopping = new AbortController();
  using _interrupts = context.onInterrupt(
    () =>
      stopping.abort(new AppError("cancelled", "Stopped while the new project was checked; it is written")),
    { withHangup: true },
  );
  const { faults, lineage } = await context.backend.checkProject({
    projectDir: outDir,
    dataDir: join(outDir, ".sluice"),
    policyPath: undefined,
    isOffline: true,
    wantsLineage: true,
    log: createCommandLog(context.terminal),
    signal: stopping.signal,
  });
  return {
    faults: faults.map(({ file, line, message, severity }) => ({
      kind: severity === "error" ? "hand" : "note",
      file,
      ...(line === undefined ? {} : { line }),
      message,
    })),
    columns: foundColumns(lineage?.[pipeline]),
  };
}
