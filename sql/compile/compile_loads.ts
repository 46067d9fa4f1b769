import { didYouMean } from "../../text/suggest.ts";
import type { BoundColumns } from "./compile_checks.ts";
import type { Graph, GraphNode } from "../language/graph.ts";
import type { DefinitionFault } from "../../contract/jobs/check_job.ts";
import { findColumn } from "../../contract/sql.ts";

/** What a load of the definition names. */
export interface LoadReference {
  /** Where the definition says it, as `["load", "daily", 0]`. */
  readonly path: readonly (string | number)[];
  /** The model's or the stream's name. */
  readonly name: string;
  /** Columns that it names; `path` goes on from its own, as `["primary_key", 0]`. */
  readonly columns?: readonly { readonly path: readonly (string | number)[]; readonly column: string }[];
}

/** The table that a load's name stands for, named as a node: the model of that name, or else the stream's table. */
function loadedTable(name: string, nodes: ReadonlyMap<string, GraphNode>): string | undefined {
  if (nodes.has(`model:${name}`)) return `model:${name}`;
  const isMade = nodes.has(`extract:${name}`) ||
    [...nodes.values()].some((node) => node.tables?.includes(name));
  return isMade ? `extract:${name}` : undefined;
}

/** Loads of tables that are not there, and keys that these do not have. */
export function loadFaults(
  loads: readonly LoadReference[],
  { nodes, disabled }: Pick<Graph, "nodes" | "disabled">,
  bound: BoundColumns,
  ephemeral: ReadonlySet<string>,
): DefinitionFault[] {
  const faults: DefinitionFault[] = [];
  const labels = [...nodes.values()].flatMap(({ label, tables = [] }) => [label, ...tables]);
  for (const { path, name, columns: named = [] } of loads) {
    const table = loadedTable(name, nodes);
    if (table === undefined) {
      const off = disabled.get(name);
      const message = off === undefined
        ? `there is no model or stream ${name} to load${didYouMean(name, labels)}`
        : `the model ${name} is switched off (enabled is false in ${off}): there is nothing to load`;
      faults.push({ path, message, severity: "error" });
      continue;
    }
    if (ephemeral.has(table)) {
      const message = `the model ${name} is ephemeral and has no table to load: make it a view or a table`;
      faults.push({ path, message, severity: "error" });
      continue;
    }
    const columns = bound.get(table);
    if (columns === undefined) continue;
    for (const { column, path: inner } of named) {
      if (findColumn(columns, column) !== undefined) continue;
      const hint = didYouMean(column, columns.map((known) => known.name));
      faults.push({
        path: [...path, ...inner],
        message: `${name} has no column ${column}${hint}`,
        severity: "error",
      });
    }
  }
  return faults;
}

/** Names of models to publish that are none. */
export function publishFaults(
  published: readonly LoadReference[],
  { nodes, disabled }: Pick<Graph, "nodes" | "disabled">,
  ephemeral: ReadonlySet<string>,
): DefinitionFault[] {
  const models = [...nodes.keys()].filter((node) => node.startsWith("model:")).map((node) => node.slice(6));
  return published.flatMap(({ path, name }) => {
    if (ephemeral.has(`model:${name}`)) {
      const message = `the model ${name} is ephemeral and has no table to publish: make it a table or a view`;
      return [{ path, message, severity: "error" as const }];
    }
    if (nodes.has(`model:${name}`)) return [];
    const off = disabled.get(name);
    const message = off !== undefined
      ? `the model ${name} is switched off (enabled is false in ${off}): there is nothing to publish`
      : nodes.has(`extract:${name}`)
      ? `${name} is a stream, and only models are published: publish a model that selects from raw.${name}`
      : `there is no model ${name} to publish${didYouMean(name, models)}`;
    return [{ path, message, severity: "error" }];
  });
}
