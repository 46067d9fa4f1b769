import type { Macro } from "./macros/parse_macros.ts";
import type { Model } from "./model.ts";

export interface GraphNode {
  /** `extract:<stream>` or `model:<name>`. */
  readonly name: string;
  readonly kind: "extract" | "model";
  /** The stream's or the model's own name. */
  readonly label: string;
  readonly tags: readonly string[];
  /** Of a stream: raw tables that it makes beside its own. */
  readonly tables?: readonly string[];
  /** Of a model: its file in the project. */
  readonly path?: string;
  /** Of a model: what a run makes of it. */
  readonly materialized?: Model["materialized"];
  /** Nodes that it needs directly, sorted; never itself. */
  readonly depends: readonly string[];
  /** Nodes that need it directly, sorted. */
  readonly dependents: readonly string[];
}

export interface Graph {
  readonly nodes: ReadonlyMap<string, GraphNode>;
  /**
   * Names of all nodes: streams first, then models, each behind what it depends on; the same graph gives the
   * same order.
   */
  readonly order: readonly string[];
  /** `check:daily.<name>`, `check:raw.orders.<name>` → the nodes that the check reads, its own among them. */
  readonly checkDepends: ReadonlyMap<string, readonly string[]>;
  /** Names of the models that are switched off, and the files that say so: no nodes. */
  readonly disabled: ReadonlyMap<string, string>;
  /**
   * By step, as `model:daily` and `check:daily.no_gaps`: the macros that its SQL calls, directly or through
   * others, each behind those that it calls.
   */
  readonly macros: ReadonlyMap<string, readonly Macro[]>;
}

/** Every node that needs the node, at any distance. */
export function downstreamOf(graph: Graph, node: string): Set<string> {
  const found = new Set<string>();
  let ring = [node];
  while (ring.length > 0) {
    const next = new Set<string>();
    for (const name of ring) for (const other of graph.nodes.get(name)?.dependents ?? []) next.add(other);
    ring = [...next].filter((name) => !found.has(name) && name !== node);
    for (const name of ring) found.add(name);
  }
  return found;
}
