import type { PipelineLineage, TableLineage } from "../../../contract/lineage/lineage.ts";
import { type PiiBreach, piiBreaches } from "../../../contract/lineage/pii.ts";
import { namedLoads } from "../../../contract/pipeline/named_loads.ts";
import { loadTargets } from "../../../contract/pipeline/load.ts";
import type { PipelineDefinition } from "../../../contract/pipeline/pipeline.ts";
import { type Fault, formatFault } from "../../../text/fault.ts";
import { didYouMean, listWords } from "../../../text/suggest.ts";
import type { DocumentPath } from "../../../text/yaml_document.ts";
import type { LoadedPipeline } from "../parse_pipeline.ts";
import { type ParsedProject, PROJECT_FILE } from "./project_file.ts";

const RULES = `rules.pii in ${PROJECT_FILE}`;

/** So many columns are named. */
const SHOWN_COLUMNS = 5;

/** What the project's rules say of the personal data that a pipeline's loads would write. */
export function piiFaults(
  pipeline: Pick<LoadedPipeline, "definition" | "piiRules" | "place">,
  lineage: PipelineLineage | undefined,
): Fault[] {
  const { definition, piiRules, place } = pipeline;
  if (definition === undefined || piiRules === undefined || lineage === undefined) return [];
  const paths = loadPaths(definition);
  return piiBreaches(lineage, piiRules).map((breach) => ({
    ...place(paths.get(breach.table.id) ?? ["load"]),
    message: messageOf(breach, lineage),
    severity: breach.rule === "forbid" ? "error" : "warning",
  }));
}

/** Whether what the rules say now is what was told when the pipeline was checked. */
export function isToldAlready(now: readonly Fault[], told: readonly Fault[]): boolean {
  const textsOf = (faults: readonly Fault[]) =>
    faults.filter(({ message }) => message.includes(RULES)).map(formatFault).sort().join("\n");
  return textsOf(now) === textsOf(told);
}

/** Rules for connectors that there are not. */
export function ruleFaults(
  { piiRules, place }: ParsedProject,
  connectors: readonly string[],
): Fault[] {
  return Object.keys(piiRules?.destinations ?? {}).filter((name) => !connectors.includes(name)).map((
    name,
  ) => ({
    ...(place?.(["rules", "pii", "destinations", name]) ?? { file: PROJECT_FILE }),
    message: `rules.pii.destinations: there is no connector ${name}${didYouMean(name, connectors)}`,
    severity: "error",
  }));
}

/** Where each load stands in the definition, by its target's id. */
function loadPaths({ load }: PipelineDefinition): Map<string, DocumentPath> {
  const steps = namedLoads(load);
  const paths = Object.entries(load).flatMap(([name, targets]) =>
    loadTargets(targets).map((_, index): DocumentPath =>
      Array.isArray(targets) ? ["load", name, index] : ["load", name]
    )
  );
  return new Map(
    steps.map(({ step }, index) => [`target:${step.slice("load:".length)}`, paths[index] ?? ["load"]]),
  );
}

function messageOf({ rule, table, columns, way }: PiiBreach, { tables }: PipelineLineage): string {
  const shown = columns.slice(0, SHOWN_COLUMNS);
  const more = columns.length > shown.length ? ` and ${columns.length - shown.length} more` : "";
  const label = (id: string, column: string) => labelOf(tables.find((one) => one.id === id), id, column);
  const steps = way.map(({ table, column }) => label(table, column)).join(" → ");
  const word = rule === "forbid" ? "forbids" : "warns of";
  return `${listWords(shown)}${more} ${columns.length === 1 ? "holds" : "hold"} personal data (pii), which ` +
    `${RULES} ${word} for the connector ${table.connector}: ${steps}. ` +
    "Leave it out, mask it in the stream, or say in a model's header why it holds none (pii: false with pii_reason)";
}

function labelOf(table: TableLineage | undefined, id: string, column: string): string {
  if (table === undefined) return `${id}.${column}`;
  if (table.kind === "model") return `${table.name}.${column}`;
  return table.kind === "stream" ? `${id}.${column}` : `${column} of ${table.connector}: ${table.address}`;
}
