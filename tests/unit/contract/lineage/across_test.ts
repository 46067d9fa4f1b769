import { deepEqual, equal } from "node:assert/strict";
import { lineageAcross, publicationsOf, tableElsewhere } from "../../../../contract/lineage/across.ts";
import type { PipelineLineage, TableLineage } from "../../../../contract/lineage/lineage.ts";
import { traceLineage } from "../../../../contract/lineage/trace.ts";

const column = (name: string, ...from: readonly (readonly [table: string, column: string])[]) => ({
  name,
  sources: from.map(([table, column]) => ({ table, column, way: "direct" as const })),
});

function table(
  id: string,
  kind: TableLineage["kind"],
  reads: string[],
  columns: TableLineage["columns"],
  address?: string,
): TableLineage {
  const name = id.slice(id.search(/[.:]/) + 1);
  return {
    id,
    kind,
    name,
    ...(address === undefined ? {} : { connector: "sluice", address }),
    columns,
    influences: [],
    reads,
  };
}

/** `main.b` of what is read from another pipeline, and beside it what nobody reads. */
const reader = (address: string): PipelineLineage => ({
  tables: [
    table("source:s", "source", [], [column("x"), column("gone")], address),
    table("raw.s", "stream", ["source:s"], [column("x", ["source:s", "x"])]),
    table("main.b", "model", ["raw.s"], [column("y", ["raw.s", "x"])]),
    table("main.alone", "model", [], [column("z")]),
  ],
});

const shop: PipelineLineage = {
  tables: [
    table("main.orders", "model", [], [column("x")]),
    table("main.daily", "model", ["main.orders"], [column("X", ["main.orders", "x"])]),
    table("main.secret", "model", [], [column("x")]),
  ],
};

const READS = [
  { pipeline: "report", stream: "s", address: "shop.daily" },
  { pipeline: "third", stream: "s", address: "report.b" },
];

const idsOf = ({ tables }: PipelineLineage) => tables.map(({ id }) => id);

Deno.test("lineage goes through to the publisher and to those that read, and no table beside the ways is told of", () => {
  const report = reader("shop.daily");
  const others = new Map([["shop", shop], ["third", reader("report.b")]]);
  const across = lineageAcross("report", report, others, READS);
  deepEqual(idsOf(across), [
    "shop/main.orders",
    "shop/main.daily",
    "source:s",
    "raw.s",
    "main.b",
    "main.alone",
    "third/source:s",
    "third/raw.s",
    "third/main.b",
  ]);
  deepEqual(publicationsOf(across), [{ model: "b", reader: "third" }]);
  deepEqual(tableElsewhere("shop/main.orders"), { pipeline: "shop", id: "main.orders" });
  equal(tableElsewhere("target:daily→a/b"), undefined);
  // Names of columns are told apart as DuckDB does it.
  const up = traceLineage(across, { table: "main.b", column: "y", direction: "upstream" });
  deepEqual(idsOf(up), ["shop/main.orders", "shop/main.daily", "source:s", "raw.s", "main.b"]);
  const down = traceLineage(
    lineageAcross("shop", shop, new Map([["report", report], ["third", reader("report.b")]]), READS),
    { table: "main.orders", direction: "downstream" },
  );
  deepEqual(idsOf(down).filter((id) => id.endsWith("main.b")), ["report/main.b", "third/main.b"]);
});

Deno.test("pipelines that nobody may look at are not gone through", () => {
  const report = reader("shop.daily");
  equal(lineageAcross("report", report, new Map(), READS), report);
  const across = lineageAcross("report", report, new Map([["third", reader("report.b")]]), READS);
  deepEqual(idsOf(across).filter((id) => id.startsWith("shop")), []);
  deepEqual(across.tables.find(({ id }) => id === "source:s")?.reads, []);
});
