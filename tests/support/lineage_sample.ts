import type { PipelineLineage } from "../../contract/lineage/lineage.ts";

/** A stream, a model of it and a load: one name with markup in it, for what shows it. */
export const LINEAGE_SAMPLE: PipelineLineage = {
  tables: [
    {
      id: "source:orders",
      kind: "source",
      name: "orders",
      connector: "shop",
      address: "public.orders",
      columns: [{ name: "amount", type: "INTEGER", sources: [] }, { name: "<day>", sources: [] }],
      influences: [],
      reads: [],
    },
    {
      id: "raw.orders",
      kind: "stream",
      name: "orders",
      columns: [
        {
          name: "amount",
          type: "INTEGER",
          sources: [{ table: "source:orders", column: "amount", way: "direct" }],
        },
        {
          name: "<day>",
          type: "DATE",
          sources: [{ table: "source:orders", column: "<day>", way: "direct" }],
        },
      ],
      influences: [],
      reads: ["source:orders"],
    },
    {
      id: "main.daily",
      kind: "model",
      name: "daily",
      columns: [
        { name: "day", type: "DATE", sources: [{ table: "raw.orders", column: "<day>", way: "direct" }] },
        {
          name: "revenue",
          type: "HUGEINT",
          sources: [{ table: "raw.orders", column: "amount", way: "aggregated" }],
        },
      ],
      influences: [{ table: "raw.orders", column: "<day>", influences: ["group"] }],
      reads: ["raw.orders"],
    },
    {
      id: "main.odd",
      kind: "model",
      name: "odd",
      columns: [{ name: "x", type: "INTEGER", sources: [] }],
      influences: [],
      reads: ["main.daily"],
      unknown: "the columns of odd(…) are not known",
    },
    {
      id: "target:daily→lake",
      kind: "target",
      name: "daily",
      connector: "lake",
      address: "daily.parquet",
      columns: [
        { name: "day", type: "DATE", sources: [{ table: "main.daily", column: "day", way: "direct" }] },
        {
          name: "revenue",
          type: "HUGEINT",
          sources: [{ table: "main.daily", column: "revenue", way: "direct" }],
        },
      ],
      influences: [],
      reads: ["main.daily"],
    },
  ],
};
