import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { type GraphLayout, type GraphNode, layoutGraph } from "../../../ui/parts/steps/graph_layout.ts";

const SIZES = { nodeWidth: 100, nodeHeight: 40, layerGap: 50, nodeGap: 10 };

const node = (id: string, ...depends: string[]): GraphNode => ({ id, depends });
const x = (layout: GraphLayout, id: string) => layout.nodes.get(id)?.x;

Deno.test("layoutGraph() puts each node right of everything it waits for", () => {
  const layout = layoutGraph([node("c", "b", "a"), node("b", "a"), node("a")], SIZES);
  deepEqual([x(layout, "a"), x(layout, "b"), x(layout, "c")], [0, 150, 300]);
  deepEqual([layout.width, layout.height], [400, 50]);
});

Deno.test("layoutGraph() leads an edge over a layer past the nodes in it", () => {
  const layout = layoutGraph([node("a"), node("b", "a"), node("c", "b", "a")], SIZES);
  const long = layout.edges.find((edge) => edge.from === "a" && edge.to === "c");
  const between = layout.nodes.get("b");
  equal(long?.points.length, 4);
  const y = long?.points[1]?.y ?? 0;
  ok(between !== undefined && (y < between.y || y > between.y + SIZES.nodeHeight));
});

Deno.test("layoutGraph() draws no graph, a cycle, a repeated node and an unknown dependency", () => {
  deepEqual(layoutGraph([], SIZES), { width: 100, height: 0, nodes: new Map(), edges: [] });
  equal(layoutGraph([node("a", "b"), node("b", "a")], SIZES).nodes.size, 2);
  equal(layoutGraph([node("a", "a")], SIZES).edges.length, 0);
  equal(layoutGraph([node("a"), node("a")], SIZES).nodes.size, 1);
  equal(layoutGraph([node("a", "gone", "gone")], SIZES).edges.length, 0);
});

Deno.test("layoutGraph() keeps nodes apart and within the drawing, for any graph", () => {
  const graphs = fc.array(fc.array(fc.nat(14), { maxLength: 4 }), { maxLength: 15 })
    .map((depends) => depends.map((of, index) => node(`n${index}`, ...of.map((other) => `n${other}`))));
  fc.assert(fc.property(graphs, (nodes) => {
    const layout = layoutGraph(nodes, SIZES);
    const places = [...layout.nodes.values()];
    equal(places.length, nodes.length);
    for (const [index, place] of places.entries()) {
      ok(place.x >= 0 && place.x + SIZES.nodeWidth <= layout.width);
      ok(place.y >= 0 && place.y + SIZES.nodeHeight <= layout.height + 1e-6);
      for (const other of places.slice(index + 1)) {
        ok(place.x !== other.x || Math.abs(place.y - other.y) >= SIZES.nodeHeight + SIZES.nodeGap - 1e-6);
      }
    }
    for (const { points } of layout.edges) {
      for (const [index, point] of points.entries()) {
        ok(index === 0 || point.x >= (points[index - 1]?.x ?? 0));
      }
    }
  }));
});
