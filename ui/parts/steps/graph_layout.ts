/**
 * Where the nodes of a small directed graph go: layers from left to right by the longest way from a
 * source, an order within each layer that keeps crossings few, and edges that pass between nodes
 * rather than behind them. A cycle is cut where it is met, so bad input still draws.
 */

export interface GraphNode {
  readonly id: string;
  /** Ids it waits for; unknown ones are left out. */
  readonly depends: readonly string[];
  /** Where it is not the size that all have. */
  readonly height?: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface GraphLayout {
  readonly width: number;
  readonly height: number;
  /** The top left corner of each node. */
  readonly nodes: ReadonlyMap<string, Point>;
  readonly edges: readonly GraphEdge[];
}

export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  /** From the right side of `from` to the left side of `to`, one point for each layer between. */
  readonly points: readonly Point[];
}

/** Sizes in SVG user units. */
export interface GraphSizes {
  readonly nodeWidth: number;
  readonly nodeHeight: number;
  readonly layerGap: number;
  readonly nodeGap: number;
}

/** A place in a layer: a node, or the way of an edge through the layer. */
interface Slot {
  readonly key: string;
  /** 0 for the way of an edge. */
  readonly height: number;
  readonly before: Slot[];
  readonly after: Slot[];
  y: number;
}

interface Chain {
  readonly from: string;
  readonly to: string;
  readonly slots: readonly Slot[];
}

const SWEEPS = 6;

/**
 * Places the nodes in layers, each behind all that it depends on, with few crossings, and gives every edge the
 * points that it passes through. Sizes and places are pixels. The same nodes give the same layout.
 */
export function layoutGraph(nodes: readonly GraphNode[], sizes: GraphSizes): GraphLayout {
  const layerOf = assignLayers(nodes);
  const layers: Slot[][] = Array.from({ length: Math.max(0, ...layerOf.values()) + 1 }, () => []);
  const slots = new Map<string, Slot>();
  for (const { id, height = sizes.nodeHeight } of nodes) {
    if (slots.has(id)) continue;
    slots.set(id, addSlot(layers, layerOf.get(id) ?? 0, id, height));
  }
  const chains = addChains(nodes, layerOf, layers, slots);
  orderLayers(layers);
  const height = placeLayers(layers, sizes);
  const columnWidth = sizes.nodeWidth + sizes.layerGap;
  const columnOf = new Map(
    layers.flatMap((layer, column) => layer.map((slot) => [slot.key, column * columnWidth])),
  );
  return {
    width: Math.max(0, layers.length * columnWidth - sizes.layerGap),
    height,
    nodes: new Map([...slots].map(([id, slot]) => [id, { x: columnOf.get(id) ?? 0, y: slot.y }])),
    edges: chains.map(({ from, to, slots: way }) => ({
      from,
      to,
      points: way.flatMap((slot, index) => {
        const x = columnOf.get(slot.key) ?? 0;
        const y = slot.y + slot.height / 2;
        const right = { x: x + sizes.nodeWidth, y };
        if (index === 0) return [right];
        return index === way.length - 1 ? [{ x, y }] : [{ x, y }, right];
      }),
    })),
  };
}

function assignLayers(nodes: readonly GraphNode[]): Map<string, number> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const layers = new Map<string, number>();
  const open = new Set<string>();
  const visit = (node: GraphNode): number => {
    const known = layers.get(node.id);
    if (known !== undefined) return known;
    open.add(node.id);
    let layer = 0;
    for (const id of node.depends) {
      const before = byId.get(id);
      if (before !== undefined && !open.has(id)) layer = Math.max(layer, visit(before) + 1);
    }
    open.delete(node.id);
    layers.set(node.id, layer);
    return layer;
  };
  for (const node of nodes) visit(node);
  return layers;
}

function addSlot(layers: Slot[][], layer: number, key: string, height: number): Slot {
  const slot: Slot = { key, height, before: [], after: [], y: 0 };
  layers[layer]?.push(slot);
  return slot;
}

function addChains(
  nodes: readonly GraphNode[],
  layerOf: ReadonlyMap<string, number>,
  layers: Slot[][],
  slots: ReadonlyMap<string, Slot>,
): Chain[] {
  const chains: Chain[] = [];
  for (const node of nodes) {
    const end = slots.get(node.id);
    const toLayer = layerOf.get(node.id) ?? 0;
    for (const id of new Set(node.depends)) {
      const start = slots.get(id);
      const fromLayer = layerOf.get(id) ?? 0;
      // An edge that does not go to the right is the one that closes a cycle.
      if (start === undefined || end === undefined || fromLayer >= toLayer) continue;
      const way = [start];
      for (let layer = fromLayer + 1; layer < toLayer; layer += 1) {
        way.push(addSlot(layers, layer, `${id}\u0000${node.id}\u0000${layer}`, 0));
      }
      way.push(end);
      for (const [index, slot] of way.entries()) {
        const next = way[index + 1];
        if (next === undefined) continue;
        slot.after.push(next);
        next.before.push(slot);
      }
      chains.push({ from: id, to: node.id, slots: way });
    }
  }
  return chains;
}

/** The barycentre heuristic: each slot goes to the mean place of its neighbours, back and forth. */
function orderLayers(layers: Slot[][]): void {
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const isForward = sweep % 2 === 0;
    const order = isForward ? layers : layers.toReversed();
    for (const layer of order) {
      const placeOf = new Map(
        layers.flatMap((slots) => slots.map((slot, index) => [slot, index / slots.length])),
      );
      const wish = new Map(layer.map((slot) => {
        const neighbours = isForward ? slot.before : slot.after;
        const own = placeOf.get(slot) ?? 0;
        return [
          slot,
          neighbours.length === 0 ? own : mean(neighbours.map((other) => placeOf.get(other) ?? 0)),
        ];
      }));
      layer.sort((a, b) => (wish.get(a) ?? 0) - (wish.get(b) ?? 0));
    }
  }
}

/** Gives every slot its y, each layer centred on the tallest; returns the height of the whole. */
function placeLayers(layers: readonly Slot[][], sizes: GraphSizes): number {
  const heights = layers.map((layer) =>
    layer.reduce((sum, slot) => sum + slot.height, 0) + Math.max(0, layer.length - 1) * sizes.nodeGap
  );
  const tallest = Math.max(0, ...heights);
  for (const [index, layer] of layers.entries()) {
    let y = (tallest - (heights[index] ?? 0)) / 2;
    for (const slot of layer) {
      slot.y = y;
      y += slot.height + sizes.nodeGap;
    }
  }
  return tallest;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
