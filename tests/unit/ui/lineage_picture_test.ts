import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { PipelineLineage } from "../../../contract/lineage/lineage.ts";
import { BOX_WIDTH, layoutBoxes } from "../../../ui/parts/lineage/box_layout.ts";
import { drawLineage } from "../../../ui/parts/lineage/lineage_picture.ts";
import { LINEAGE_SAMPLE } from "../../support/lineage_sample.ts";

Deno.test("layoutBoxes() puts each box to the right of what it reads, and none over another", async () => {
  const boxes = Array.from({ length: 120 }, (_, n) => ({
    id: `m${n}`,
    height: 40 + 19 * (n % 5),
    reads: n < 10 ? [`m${n}`, "gone"] : [`m${n - 10}`, `m${Math.max(0, n - 17)}`],
  }));
  const { places, width, height } = await layoutBoxes(boxes);
  const at = (id: string) => places.get(id) ?? { x: -1, y: -1 };
  for (const { id, reads, height: own } of boxes) {
    for (const other of reads) {
      if (other !== id && places.has(other)) ok(at(other).x + BOX_WIDTH < at(id).x, id);
    }
    ok(
      at(id).x >= 0 && at(id).y >= 0 && at(id).x + BOX_WIDTH <= width + 1 && at(id).y + own <= height + 1,
      id,
    );
    for (const other of boxes) {
      const isBeside = at(other.id).x !== at(id).x || other.id === id ||
        at(other.id).y >= at(id).y + own || at(id).y >= at(other.id).y + other.height;
      ok(isBeside, `${id} and ${other.id}`);
    }
  }
  deepStrictEqual(await layoutBoxes([]), { width: 0, height: 0, places: new Map() });
});

Deno.test("drawLineage() draws a curve for each source, and one between tables that share none", async () => {
  const { boxes, edges, hasSelection } = await drawLineage(LINEAGE_SAMPLE, LINEAGE_SAMPLE, {
    table: "raw.orders",
    column: "amount",
  });
  strictEqual(hasSelection, true);
  deepStrictEqual(
    edges.map(({ from, to, way, isOnWay }) => `${from} ${way ?? "as a whole"} ${to}${isOnWay ? " *" : ""}`),
    [
      "source:orders direct raw.orders *",
      "source:orders direct raw.orders",
      "raw.orders direct main.daily",
      "raw.orders aggregated main.daily *",
      "main.daily as a whole main.odd *",
      "main.daily direct target:daily→lake",
      "main.daily direct target:daily→lake *",
    ],
  );
  deepStrictEqual(boxes.filter(({ isOnWay }) => isOnWay).map(({ table }) => table.id), [
    "source:orders",
    "raw.orders",
    "main.daily",
    // Nobody knows what its columns are made of.
    "main.odd",
    "target:daily→lake",
  ]);
});

Deno.test("drawLineage() leaves out rows of a wide table but for those on the selected column's ways", async () => {
  const columns = Array.from({ length: 60 }, (_, n) => ({ name: `c${n}`, sources: [] }));
  const wide: PipelineLineage = {
    tables: [{ id: "main.wide", kind: "model", name: "wide", columns, influences: [], reads: [] }],
  };
  const { boxes: [box] } = await drawLineage(wide, wide, { table: "main.wide", column: "c55" });
  strictEqual(box?.columns.length, 41);
  strictEqual(box?.columns.at(-1)?.isSelected, true);
  strictEqual(box?.more, 19);
});
