/**
 * Where the columns of a pipeline's tables come from, from the source's columns to the destination's. The
 * words follow the column lineage facet of OpenLineage.
 */

/** How a column's values come from another column's. */
export const WAYS = ["direct", "transformed", "aggregated"] as const;
/** direct: a copy, under whatever name. transformed: by an expression. aggregated: of several rows. */
export type Way = (typeof WAYS)[number];

/** What a column does that gives no value, but decides on the rows, or on which value is taken. */
export const INFLUENCES = ["filter", "join", "group", "order", "window"] as const;
export type Influence = (typeof INFLUENCES)[number];

/** A column by the id of its table and its own name. */
export interface ColumnAddress {
  readonly table: string;
  readonly column: string;
}

/** A column that values come from. */
export interface ColumnSource extends ColumnAddress {
  readonly way: Way;
  /** Nothing of the value itself is to be seen: it was counted, asked whether it is NULL, or masked. */
  readonly isHidden?: true;
}

export interface ColumnInfluence extends ColumnAddress {
  /** In the order of INFLUENCES. */
  readonly influences: readonly Influence[];
}

export interface ColumnLineage {
  readonly name: string;
  /** As DuckDB writes it; absent where it is not known. */
  readonly type?: string;
  readonly sources: readonly ColumnSource[];
  /** Columns that only decide on which value this one has, as those of a window; absent where there are none. */
  readonly influences?: readonly ColumnInfluence[];
}

/** A table of the pipeline's, or one that it reads or writes elsewhere. */
export const TABLE_KINDS = ["source", "stream", "model", "target"] as const;
export type TableKind = (typeof TABLE_KINDS)[number];

export interface TableLineage {
  /** `raw.orders`, `main.daily`; `source:orders` by its stream and `target:daily` by its load's step. */
  readonly id: string;
  readonly kind: TableKind;
  /** The stream's, the model's or the load's own name. */
  readonly name: string;
  /** Of a source or target: the connector's name, and what it is called there. */
  readonly connector?: string;
  readonly address?: string;
  readonly columns: readonly ColumnLineage[];
  /** Columns that decide on which rows there are, for all columns alike. */
  readonly influences: readonly ColumnInfluence[];
  /** Tables whose rows it reads, by id. */
  readonly reads: readonly string[];
  /** Why the sources of its columns are not known. */
  readonly unknown?: string;
}

/** Each table behind those that it reads, as far as that goes. */
export interface PipelineLineage {
  readonly tables: readonly TableLineage[];
}
