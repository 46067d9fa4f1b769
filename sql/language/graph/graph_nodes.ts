import type { Check } from "../checks/check.ts";
import type { GraphNode } from "../graph.ts";
import type { Model } from "../model.ts";
import { orderTopologically } from "./topological_order.ts";

export interface GraphStream {
  readonly name: string;
  readonly tags: readonly string[];
  /** Streams that it is read by, by name. */
  readonly depends?: readonly string[];
  /** Raw tables that it makes beside its own. */
  readonly tables?: readonly string[];
  /** Of its own table. */
  readonly checks?: readonly Check[];
}

/** By model: the nodes that it reads. */
export type ModelEdges = ReadonlyMap<string, ReadonlyMap<string, unknown>>;

/** Models that read each other, the first of them again at the end, and the edge that closes the circle. */
export interface ModelCycle {
  readonly models: readonly string[];
  readonly closedBy: { readonly model: string; readonly node: string };
}

/** Names of all nodes, streams first, each behind what it depends on, as far as there is no circle. */
export function orderNodes(
  edges: ModelEdges,
  streams: ReadonlyMap<string, GraphStream>,
): { readonly order: string[]; readonly cycles: readonly ModelCycle[] } {
  const ofModels = [...edges].map(([model, nodes]): [string, string[]] => [
    `model:${model}`,
    [...nodes.keys()].filter((node) => node.startsWith("model:")),
  ]);
  const ofStreams = [...streams.keys()].map((name): [string, string[]] => [
    `extract:${name}`,
    parentsOf(name, streams),
  ]);
  const { order, cycles } = orderTopologically(new Map(ofModels));
  return {
    order: [...orderTopologically(new Map(ofStreams)).order, ...order],
    cycles: cycles.map((cycle) => {
      const models = cycle.map((node) => node.slice("model:".length));
      return { models, closedBy: { model: models.at(-2) ?? "", node: cycle.at(-1) ?? "" } };
    }),
  };
}

export function graphNodes(
  order: readonly string[],
  edges: ModelEdges,
  models: ReadonlyMap<string, Model>,
  streams: ReadonlyMap<string, GraphStream>,
): Map<string, GraphNode> {
  const dependents = new Map<string, string[]>(order.map((name) => [name, []]));
  for (const [model, nodes] of edges) {
    for (const node of nodes.keys()) dependents.get(node)?.push(`model:${model}`);
  }
  for (const stream of streams.keys()) {
    for (const node of parentsOf(stream, streams)) dependents.get(node)?.push(`extract:${stream}`);
  }
  return new Map(order.map((name): [string, GraphNode] => {
    const label = name.slice(name.indexOf(":") + 1);
    const isModel = name.startsWith("model:");
    const { tables } = isModel ? {} : streams.get(label) ?? {};
    const model = isModel ? models.get(label) : undefined;
    return [name, {
      name,
      kind: isModel ? "model" : "extract",
      label,
      tags: (isModel ? model?.tags : streams.get(label)?.tags) ?? [],
      depends: isModel ? [...edges.get(label)?.keys() ?? []].sort() : parentsOf(label, streams),
      dependents: dependents.get(name)?.sort() ?? [],
      ...(tables === undefined || tables.length === 0 ? {} : { tables }),
      ...(model === undefined ? {} : { path: model.path, materialized: model.materialized }),
    }];
  }));
}

function parentsOf(stream: string, streams: ReadonlyMap<string, GraphStream>): string[] {
  const depends = streams.get(stream)?.depends ?? [];
  return depends.filter((name) => streams.has(name)).sort().map((name) => `extract:${name}`);
}
