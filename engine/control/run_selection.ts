import { AppError } from "../../contract/errors.ts";
import { childTablesOf } from "../../contract/pipeline/child_tables.ts";
import type { ReadableRevision } from "../../contract/revision.ts";
import type { PipelineStep } from "../../contract/run.ts";
import type { GraphNode } from "../../sql/language/graph.ts";
import { readModels } from "../../sql/language/files/read_models.ts";
import { type SelectableGraph, selectSteps } from "../../sql/language/selector.ts";

/**
 * Throws invalid for a selection that is none, or that selects nothing of the revision: who asks for it
 * learns that before there is a run. The revision's steps say enough, without DuckDB.
 */
export function requireSelection(
  select: string,
  { revision, steps }: { readonly revision: ReadableRevision; readonly steps: readonly PipelineStep[] },
): void {
  try {
    selectSteps(select, graphOf(revision, steps));
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError(error.code, `${error.message} (pipeline "${revision.pipeline}")`);
  }
}

function graphOf({ definition, files }: ReadableRevision, steps: readonly PipelineStep[]): SelectableGraph {
  const nodes = steps.filter((step): step is PipelineStep & { kind: "extract" | "model" } =>
    step.kind === "extract" || step.kind === "model"
  );
  // A file that an older version let in may have a fault by now.
  const { models } = readModels(files);
  const tags = new Map<string, readonly string[]>(
    models.map((model) => [`model:${model.name}`, model.tags]),
  );
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
