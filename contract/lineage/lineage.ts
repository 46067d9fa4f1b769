import * as v from "valibot";

/**
 * Where the columns of a pipeline's tables come from, from the source's columns to the destination's. The
 * words follow the column lineage facet of OpenLineage.
 */

/** How a column's values come from another column's, the closest first. */
export const WAYS = ["direct", "transformed", "aggregated"] as const;
export type Way = (typeof WAYS)[number];

/** What a column does that gives no value, but decides on the rows, or on which value is taken. */
export const INFLUENCES = ["filter", "join", "group", "order", "window"] as const;
export type Influence = (typeof INFLUENCES)[number];

const addressEntries = {
  table: v.pipe(v.string(), v.description("The id of its table.")),
  column: v.pipe(v.string(), v.description("The column's name.")),
};

const columnSourceSchema = v.object({
  ...addressEntries,
  way: v.pipe(
    v.picklist(WAYS),
    v.description(
      "direct: a copy, under whatever name. transformed: by an expression. aggregated: of several rows.",
    ),
  ),
  hidden: v.exactOptional(
    v.pipe(
      v.literal(true),
      v.description(
        "Nothing of the value itself is to be seen: it was counted, asked whether it is NULL, or masked.",
      ),
    ),
  ),
});

const columnInfluenceSchema = v.object({
  ...addressEntries,
  influences: v.pipe(v.array(v.picklist(INFLUENCES)), v.description("What it decides on.")),
});

const columnLineageSchema = v.object({
  name: v.pipe(v.string(), v.description("The column's name.")),
  type: v.exactOptional(v.pipe(v.string(), v.description("As DuckDB writes it, where it is known."))),
  sources: v.pipe(v.array(columnSourceSchema), v.description("The columns that its values come from.")),
  influences: v.exactOptional(
    v.pipe(
      v.array(columnInfluenceSchema),
      v.description("Columns that only decide on which value it has, as those of a window."),
    ),
  ),
  pii: v.exactOptional(
    v.pipe(
      v.literal(true),
      v.description("It holds personal data: it is declared so, or it is made of what does."),
    ),
  ),
  pii_declared: v.exactOptional(
    v.pipe(
      v.object({
        pii: v.pipe(v.boolean(), v.description("Whether it holds personal data.")),
        reason: v.exactOptional(v.pipe(v.string(), v.description("Why it holds none."))),
      }),
      v.description("What somebody has said of it: that it holds personal data, or why it holds none."),
    ),
  ),
});

export const TABLE_KINDS = ["source", "stream", "model", "target"] as const;

const tableLineageSchema = v.object({
  id: v.pipe(
    v.string(),
    v.description(
      "`raw.orders`, `main.daily`; `source:orders` is what the stream reads, `target:daily→lake` what the load writes.",
    ),
  ),
  pipeline: v.exactOptional(
    v.pipe(
      v.string(),
      v.description(
        "Of a table of another pipeline, which this one reads by a published model, or which reads this one's; its id is `shop/main.daily` then.",
      ),
    ),
  ),
  kind: v.pipe(v.picklist(TABLE_KINDS), v.description("What it is a table of.")),
  name: v.pipe(v.string(), v.description("The stream's, the model's or the load's own name.")),
  connector: v.exactOptional(v.pipe(v.string(), v.description("Of a source or a target."))),
  address: v.exactOptional(v.pipe(v.string(), v.description("What it is called there."))),
  columns: v.pipe(v.array(columnLineageSchema), v.description("Its columns, in their order.")),
  influences: v.pipe(
    v.array(columnInfluenceSchema),
    v.description("Columns that decide on which rows there are, for all columns alike."),
  ),
  reads: v.pipe(v.array(v.string()), v.description("The ids of the tables whose rows it reads.")),
  unknown: v.exactOptional(
    v.pipe(v.string(), v.description("Why the sources of its columns are not known.")),
  ),
});

export const pipelineLineageSchema = v.object({
  tables: v.pipe(v.array(tableLineageSchema), v.description("Each behind those that it reads.")),
});

/** A column by the id of its table and its own name. */
export interface ColumnAddress {
  readonly table: string;
  readonly column: string;
}

export type ColumnSource = v.InferOutput<typeof columnSourceSchema>;
/** Its influences are in the order of INFLUENCES. */
export type ColumnInfluence = v.InferOutput<typeof columnInfluenceSchema>;
export type ColumnLineage = v.InferOutput<typeof columnLineageSchema>;
export type TableLineage = v.InferOutput<typeof tableLineageSchema>;
export type PipelineLineage = v.InferOutput<typeof pipelineLineageSchema>;
