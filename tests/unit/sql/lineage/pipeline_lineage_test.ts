import { deepStrictEqual, strictEqual } from "node:assert/strict";
import * as v from "valibot";
import type { PipelineLineage } from "../../../../contract/lineage/lineage.ts";
import { requireTable, traceLineage } from "../../../../contract/lineage/trace.ts";
import { AppError } from "../../../../contract/errors.ts";
import { childTablesBy } from "../../../../contract/pipeline/child_tables.ts";
import { pipelineSchema } from "../../../../contract/pipeline/pipeline.ts";
import { compile } from "../../../../sql/compile/compile.ts";
import { historyColumns } from "../../../../sql/build/history.ts";
import { pipelineLineage } from "../../../../sql/lineage/pipeline_lineage.ts";
import { columns, models, withSession } from "../fixtures.ts";

const DEFINITION = v.parse(pipelineSchema, {
  extract: {
    orders: {
      connector: "shop",
      stream: "public.orders",
      primary_key: ["order_id"],
      rename: { OrderNo: "order_id" },
      mask: { card: "last4", Email: "hash" },
      child_tables: ["lines", "customer.addresses"],
    },
    later: { connector: "shop", stream: "public.later" },
  },
  load: {
    daily: [{ connector: "lake", table: "daily" }, {
      connector: "lake",
      table: "daily_history",
      mode: "scd2",
      primary_key: ["day"],
    }],
    orders: { connector: "lake", table: "orders" },
  },
});

const STREAMS = {
  orders: columns(
    "order_id BIGINT, day DATE, card VARCHAR, email VARCHAR, customer STRUCT(name VARCHAR), _sluice_loaded DATE",
  ),
  orders__lines: columns("_sluice_parent_order_id BIGINT, _sluice_index BIGINT, price INTEGER"),
  orders__customer__addresses: columns("_sluice_parent_order_id BIGINT, _sluice_index BIGINT, city VARCHAR"),
  later: undefined,
};

const MODELS = {
  priced:
    "SELECT o.day, sum(l.price) AS total, min(email) AS who FROM raw.orders o JOIN raw.orders__lines l ON o.order_id = l._sluice_parent_order_id GROUP BY ALL",
  daily: "SELECT day, total FROM Priced ORDER BY day",
  waits: "SELECT * FROM raw.later",
  reads_waits: "SELECT n FROM waits",
};

async function sample(): Promise<PipelineLineage> {
  return await withSession(async (session) => {
    const compiled = await compile(session, {
      models: models(MODELS),
      streams: STREAMS,
      madeBy: childTablesBy(DEFINITION.extract),
      params: {},
      loads: [],
    });
    return await pipelineLineage(session, {
      definition: DEFINITION,
      streamColumns: STREAMS,
      graph: compiled.graph,
      trees: compiled.trees,
      modelColumns: compiled.columns,
      headers: models(MODELS),
    });
  });
}

/** `table: column <way table.column …` a line. */
function linesOf({ tables }: PipelineLineage): string[] {
  return tables.map(({ id, columns, reads, unknown }) => {
    const list = columns.map(({ name, sources }) =>
      [
        name,
        ...sources.map((one) =>
          `<${one.hidden === true ? "hidden " : ""}${one.way} ${one.table}.${one.column}`
        ),
      ].join(" ")
    );
    return `${id} of ${reads.join("+") || "nothing"}: ${unknown ?? list.join(", ")}`;
  });
}

Deno.test("pipelineLineage() goes from the source's own columns to those of each target", async () => {
  deepStrictEqual(linesOf(await sample()), [
    "source:orders of nothing: OrderNo, day, card, email, customer, lines",
    "raw.orders of source:orders: order_id <direct source:orders.OrderNo, day <direct source:orders.day, card <transformed source:orders.card, email <hidden transformed source:orders.email, customer <direct source:orders.customer, _sluice_loaded",
    "raw.orders__lines of source:orders: _sluice_parent_order_id <direct source:orders.OrderNo, _sluice_index, price <transformed source:orders.lines",
    "raw.orders__customer__addresses of source:orders: _sluice_parent_order_id <direct source:orders.OrderNo, _sluice_index, city <transformed source:orders.customer",
    "source:later of nothing: nobody has looked at its columns yet",
    "raw.later of source:later: nobody has looked at its columns yet",
    "main.priced of raw.orders+raw.orders__lines: day <direct raw.orders.day, total <aggregated raw.orders__lines.price, who <aggregated raw.orders.email",
    "main.daily of main.priced: day <direct main.priced.day, total <direct main.priced.total",
    "main.waits of raw.later: its SQL could not be bound to the columns of what it reads",
    "main.reads_waits of main.waits: its SQL could not be bound to the columns of what it reads",
    "target:daily→lake of main.daily: day <direct main.daily.day, total <direct main.daily.total",
    "target:daily→lake#2 of main.daily: day <direct main.daily.day, total <direct main.daily.total, valid_from, valid_to, is_current",
    "target:orders→lake of raw.orders: order_id <direct raw.orders.order_id, day <direct raw.orders.day, card <direct raw.orders.card, email <direct raw.orders.email, customer <direct raw.orders.customer, _sluice_loaded <direct raw.orders._sluice_loaded",
  ]);
});

Deno.test("traceLineage() keeps what lies on the ways to a column and from it on", async () => {
  const lineage = await sample();
  const trace = (
    table: string,
    column: string | undefined,
    direction: "upstream" | "downstream",
    withInfluences = false,
  ) =>
    traceLineage(lineage, { table, column, direction, withInfluences }).tables.map(({ id, columns }) =>
      `${id}: ${columns.map(({ name }) => name).join(" ")}`
    );
  deepStrictEqual(trace("main.daily", "total", "upstream"), [
    "source:orders: lines",
    "raw.orders__lines: price",
    "main.priced: total",
    "main.daily: total",
  ]);
  deepStrictEqual(trace("main.priced", "total", "upstream", true).slice(0, 3), [
    "source:orders: OrderNo day lines",
    "raw.orders: order_id day",
    "raw.orders__lines: _sluice_parent_order_id price",
  ]);
  deepStrictEqual(trace("source:orders", "email", "downstream"), [
    "source:orders: email",
    "raw.orders: email",
    "main.priced: who",
    "target:orders→lake: email",
  ]);
  // Nobody knows what is made of it: the table is on the way.
  deepStrictEqual(trace("raw.later", undefined, "downstream"), [
    "raw.later: ",
    "main.waits: ",
    "main.reads_waits: ",
  ]);
  deepStrictEqual(trace("waits", undefined, "upstream"), ["source:later: ", "raw.later: ", "main.waits: "]);
});

Deno.test("requireTable() takes a model's name, a schema with it or an id, in any case, and suggests the one that was meant", async () => {
  const lineage = await sample();
  const found = ["daily", "main.Daily", "RAW.orders", "source:orders", "target:daily→lake"].map((name) =>
    requireTable(lineage, name).id
  );
  deepStrictEqual(found, ["main.daily", "main.daily", "raw.orders", "source:orders", "target:daily→lake"]);
  try {
    requireTable(lineage, "dayly");
    throw new Error("it was found");
  } catch (error) {
    strictEqual(
      error instanceof AppError && error.message,
      "There is no model or stream dayly (did you mean daily?)",
    );
  }
});

Deno.test("the columns that a history has beside its query's have no source, and the others theirs", async () => {
  const lineage = await withSession(async (session) => {
    const kept = models({
      kept:
        "/* @sluice\nmaterialized: scd2\nprimary_key: [order_id]\n*/\nSELECT order_id, email FROM raw.orders",
    });
    const compiled = await compile(session, { models: kept, streams: STREAMS, params: {}, loads: [] });
    return await pipelineLineage(session, {
      definition: { ...DEFINITION, load: {} },
      streamColumns: STREAMS,
      graph: compiled.graph,
      trees: compiled.trees,
      modelColumns: compiled.columns,
      columnsBeside: new Map(kept.map(({ name, history }) => [name, history ? historyColumns(history) : []])),
      headers: kept,
    });
  });
  const line = linesOf(lineage).find((text) => text.startsWith("main.kept"));
  strictEqual(
    line,
    "main.kept of raw.orders: order_id <direct raw.orders.order_id, email <direct raw.orders.email, " +
      "valid_from, valid_to, is_current",
  );
});
