import type { MacroDocs, PipelineDocs, ProjectDocs } from "../../../contract/docs/project_docs.ts";
import type { Macro, MacroStatement } from "../../../sql/language/macros/parse_macros.ts";
import { scanSql } from "../../../sql/language/scan_sql.ts";
import { type Fault, formatFault } from "../../../text/fault.ts";
import type { CheckContext, CheckedPipeline } from "../../definitions/check/check_context.ts";
import { checkPipelines } from "../../definitions/check/check_pipelines.ts";
import { loadProject } from "../../definitions/load.ts";
import { loadSharedSql } from "../../definitions/project/shared_sql.ts";
import { ProjectFiles } from "../../definitions/read_files.ts";
import { describePipeline } from "./describe_pipeline.ts";

/** What is written of a project, and what is wrong with it. */
export interface DescribedProject {
  readonly docs: ProjectDocs;
  readonly faults: readonly Fault[];
}

/**
 * Describes a project by its files: no source is asked, no secret is opened, and no row is read. Throws not_found where there
 * is no such folder.
 */
export async function describeProject(
  context: Omit<CheckContext, "isOffline" | "wantsLineage">,
  title: string,
  signal: AbortSignal,
): Promise<DescribedProject> {
  const project = await loadProject(context.projectDir, { connectorTypes: context.connectors });
  const checked = new Map<string, CheckedPipeline>();
  const wanted = { ...context, isOffline: true, wantsLineage: true };
  for await (const entry of checkPipelines(wanted, project.pipelines, signal)) {
    checked.set(entry.pipeline.name, entry);
  }
  const inOrder = [...checked.values()].sort((a, b) => byName(a.pipeline, b.pipeline));
  const faults = [...project.faults, ...inOrder.flatMap((entry) => entry.faults)];
  return {
    docs: {
      format: 1,
      title,
      pipelines: inOrder.map((entry): PipelineDocs => describePipeline(entry)),
      macros: await describeMacros(context.projectDir),
    },
    faults: [...new Map(faults.map((fault) => [formatFault(fault), fault])).values()],
  };
}

async function describeMacros(projectDir: string): Promise<readonly MacroDocs[]> {
  const { macroFiles } = await loadSharedSql(await ProjectFiles.open(projectDir));
  return macroFiles.flatMap(({ statements }) => statements.map(describeMacro)).sort(byName);
}

export function describeMacro({ macro, from, to }: MacroStatement): MacroDocs {
  const { name, path, isTable, text } = macro;
  return {
    name,
    file: path,
    is_table: isTable,
    description: commentsBefore(macro, from),
    sql: text.slice(from, to).trim(),
  };
}

/** The comments before the statement as plain text; null where there are none. */
function commentsBefore({ text, position }: Macro, from: number): string | null {
  const lines: string[] = [];
  for (const { kind, start, end } of scanSql(text.slice(from, position))) {
    if (kind === "space") continue;
    if (kind !== "comment") break;
    const comment = text.slice(from + start, from + end);
    lines.push(
      ...comment.replace(/^--|^\/\*+|\*+\/$/g, "").split(/\r\n?|\n/).map((line) =>
        line.replace(/^\s*\*?\s?/, "").trimEnd()
      ),
    );
  }
  const found = lines.join("\n").trim();
  return found === "" ? null : found;
}

/** By code points, whatever the language of the machine. */
function byName(one: { readonly name: string }, other: { readonly name: string }): number {
  return one.name < other.name ? -1 : one.name > other.name ? 1 : 0;
}
