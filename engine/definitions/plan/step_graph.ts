import { childTablesOf } from "../../../contract/pipeline/child_tables.ts";
import type { ReadableRevision } from "../../../contract/revision.ts";
import type { PipelineStep } from "../../../contract/run.ts";
import type { GraphNode } from "../../../sql/language/graph.ts";
import { readModels } from "../../../sql/language/files/read_models.ts";
import { seedText } from "../../../sql/language/files/seeds.ts";
import type { Model } from "../../../sql/language/model.ts";
import type { SelectableGraph } from "../../../sql/language/selector.ts";

/** What steps can be selected from: those of a revision say enough, without DuckDB. */
export function stepGraph(
  { definition, files }: Pick<ReadableRevision, "definition" | "files">,
  steps: readonly PipelineStep[],
): SelectableGraph {
  const nodes = steps.filter((step): step is PipelineStep & { kind: "extract" | "model" } =>
    step.kind === "extract" || step.kind === "model"
  );
  // A file that an older version let in may have a fault by now.
  const models = new Map(readModels(files, seedText).models.map((model) => [`model:${model.name}`, model]));
  const tags = new Map<string, readonly string[]>([...models].map(([name, { tags }]) => [name, tags]));
  const tables = new Map<string, readonly string[]>();
  for (const [name, stream] of Object.entries(definition.extract)) {
    tags.set(`extract:${name}`, stream.tags);
    tables.set(`extract:${name}`, childTablesOf(name, stream).map(({ table }) => table));
  }
  const dependsOf = ({ depends }: PipelineStep) => depends.filter((name) => /^(?:model|extract):/.test(name));
  const dependents = new Map<string, string[]>(nodes.map(({ name }) => [name, []]));
  for (const node of nodes) for (const other of dependsOf(node)) dependents.get(other)?.push(node.name);
  return {
    nodes: new Map(nodes.map((node): [string, GraphNode] => [node.name, {
      ...placeOf(models.get(node.name)),
      name: node.name,
      kind: node.kind,
      label: node.name.slice(node.kind.length + 1),
      tags: tags.get(node.name) ?? [],
      tables: tables.get(node.name) ?? [],
      depends: dependsOf(node),
      dependents: dependents.get(node.name) ?? [],
    }])),
    order: nodes.map(({ name }) => name),
    checkDepends: new Map(
      steps.filter(({ kind }) => kind === "check").map((step) => [step.name, dependsOf(step)]),
    ),
  };
}

const placeOf = (model: Model | undefined): Pick<GraphNode, "path" | "materialized"> =>
  model === undefined ? {} : { path: model.path, materialized: model.materialized };
