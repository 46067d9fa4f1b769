import { didYouMean } from "../../text/suggest.ts";
import type { BoundColumns } from "./compile_checks.ts";
import type { GraphNode } from "../language/graph.ts";
import type { DefinitionFault } from "../../contract/job.ts";
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

/** The table that a load's name stands for: the model of that name, or else the stream. */
function loadNode(name: string, nodes: ReadonlyMap<string, GraphNode>): GraphNode | undefined {
  return nodes.get(`model:${name}`) ?? nodes.get(`extract:${name}`);
}

/** Loads of tables that are not there, and keys that these do not have. */
export function loadFaults(
  loads: readonly LoadReference[],
  nodes: ReadonlyMap<string, GraphNode>,
  bound: BoundColumns,
): DefinitionFault[] {
  const faults: DefinitionFault[] = [];
  const labels = [...nodes.values()].map((node) => node.label);
  for (const { path, name, columns: named = [] } of loads) {
    const node = loadNode(name, nodes);
    if (node === undefined) {
      const message = `there is no model or stream ${name} to load${didYouMean(name, labels)}`;
      faults.push({ path, message, severity: "error" });
      continue;
    }
    const columns = bound.get(node.name);
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
