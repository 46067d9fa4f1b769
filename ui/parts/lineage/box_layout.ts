/** Where the boxes of a lineage go: by dagre, whose layers go from left to right. */

export interface Box {
  readonly id: string;
  readonly height: number;
  /** Ids of boxes to its left; those that are not there are left out. */
  readonly reads: readonly string[];
}

export interface BoxLayout {
  readonly width: number;
  readonly height: number;
  /** The top left corner of each box. */
  readonly places: ReadonlyMap<string, { readonly x: number; readonly y: number }>;
}

export const BOX_WIDTH = 230;
const LAYER_GAP = 90;
const BOX_GAP = 22;
/** Of more boxes the shortest edges take too long to find. */
const MOST_EXACT = 80;

/** The same boxes give the same layout. The library is loaded when it is first needed. */
export async function layoutBoxes(boxes: readonly Box[]): Promise<BoxLayout> {
  if (boxes.length === 0) return { width: 0, height: 0, places: new Map() };
  const { Graph, layout } = await import("@dagrejs/dagre");
  const graph = new Graph();
  const ranker = boxes.length > MOST_EXACT ? "tight-tree" : "network-simplex";
  graph.setGraph({ rankdir: "LR", nodesep: BOX_GAP, ranksep: LAYER_GAP, ranker });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id, height } of boxes) graph.setNode(id, { width: BOX_WIDTH, height });
  for (const { id, reads } of boxes) {
    // One that reads itself stands where it stands.
    for (const other of reads) if (other !== id && graph.hasNode(other)) graph.setEdge(other, id);
  }
  layout(graph);
  const places = boxes.map(({ id, height }) => {
    // The library places middles.
    const { x = 0, y = 0 } = graph.node(id);
    return [id, { x: x - BOX_WIDTH / 2, y: y - height / 2 }] as const;
  });
  return {
    width: Math.max(...places.map(([, { x }]) => x + BOX_WIDTH)),
    height: Math.max(...boxes.map(({ height }, index) => (places[index]?.[1].y ?? 0) + height)),
    places: new Map(places),
  };
}
