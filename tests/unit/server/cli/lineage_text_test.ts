import { strictEqual } from "node:assert/strict";
import { requireColumn, requireTable } from "../../../../contract/lineage/trace.ts";
import {
  formatColumn,
  formatTableColumns,
  formatTables,
} from "../../../../server/cli/lineage/lineage_text.ts";
import { LINEAGE_SAMPLE } from "../../../support/lineage_sample.ts";

Deno.test("formatColumn() draws what a column is made of and what it goes into", () => {
  const of = (table: string, column: string, direction: "upstream" | "both") => {
    const found = requireTable(LINEAGE_SAMPLE, table);
    return formatColumn(found, requireColumn(found, column), LINEAGE_SAMPLE, direction);
  };
  strictEqual(
    of("daily", "revenue", "both"),
    `daily.revenue  HUGEINT

Made of
└─ raw.orders.amount  aggregated
   └─ amount of shop: public.orders  copied

Its rows depend on raw.orders.<day> (group)

Goes into
├─ odd  perhaps: the columns of odd(…) are not known
└─ revenue of lake: daily.parquet  copied`,
  );
  strictEqual(
    of("odd", "x", "upstream"),
    `odd.x  INTEGER

Made of not known: the columns of odd(…) are not known

Where its columns come from is not known: the columns of odd(…) are not known`,
  );
});

Deno.test("formatTableColumns() tells each column's sources, and formatTables() what each table reads", () => {
  strictEqual(
    formatTableColumns(requireTable(LINEAGE_SAMPLE, "daily"), LINEAGE_SAMPLE, undefined),
    `daily: a model

COLUMN   FROM                            TYPE
day      raw.orders.<day>                DATE
revenue  raw.orders.amount (aggregated)  HUGEINT

Its rows depend on raw.orders.<day> (group)

Read by odd, lake: daily.parquet`,
  );
  strictEqual(
    formatTables(LINEAGE_SAMPLE, undefined),
    `TABLE                KIND    COLUMNS  READS                NOTE
shop: public.orders  source        2
raw.orders           stream        2  shop: public.orders
daily                model         2  raw.orders
odd                  model         1  daily                not known: the columns of odd(…) are not known
lake: daily.parquet  target        2  daily`,
  );
});
