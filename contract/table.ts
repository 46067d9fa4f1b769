import * as v from "valibot";
import { didYouMeanOneOf } from "../text/suggest.ts";
import { AppError } from "./errors.ts";
import { quoteName } from "./names.ts";
import { isSameName } from "./sql.ts";
import { described } from "./described.ts";

/**
 * What is in a pipeline's warehouse: its raw tables and models with their columns, and a preview of their
 * rows as they were when a run last wrote them.
 */

/** How many rows a preview has at most. */
export const PREVIEW_ROWS = 50;
/** A cell's text is cut behind so many characters, with `…` in place of the rest. */
export const PREVIEW_CELL_CHARS = 200;
/** A preview has no more cells than this: a wide table has fewer rows in it. */
export const PREVIEW_CELLS = 10_000;

const time = v.pipe(v.string(), v.isoTimestamp());
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

export const tableColumnSchema = v.object({
  name: described(v.string(), "The column's name."),
  type: described(v.string(), "As DuckDB writes it, DECIMAL(18,2)."),
  description: described(v.nullable(v.string()), "What the model's header says about it."),
});
export type TableColumn = v.InferOutput<typeof tableColumnSchema>;

export const tableSchema = v.object({
  name: described(v.string(), "raw.orders of a stream, daily of a model."),
  step: described(v.string(), "The step that writes it, extract:orders."),
  description: described(v.nullable(v.string()), "What the pipeline or the model says about it."),
  columns: described(v.array(tableColumnSchema), "Empty while they are not known."),
  row_count: described(v.nullable(count), "All its rows; null for a view, and before the first run."),
  cursor: described(
    v.nullable(v.object({
      column: described(v.string(), "The column that tells how far."),
      value: described(v.string(), "Its greatest value so far, as text."),
      type: described(v.string(), "Its type, as DuckDB writes it."),
    })),
    "How far an incremental or append stream has got.",
  ),
  changed_at: described(v.nullable(time), "When its step last wrote it; null before the first time."),
  run: described(v.nullable(v.string()), "The run that last wrote it."),
});
export type Table = v.InferOutput<typeof tableSchema>;

export const tablePreviewSchema = v.object({
  ...tableSchema.entries,
  rows: described(
    v.array(v.array(v.nullable(v.string()))),
    "The first rows as texts, a cell a column; null is NULL, and binary values are \\x and hexadecimal.",
  ),
  note: described(v.nullable(v.string()), "Why there are no rows to show, where there might be."),
});
export type TablePreview = v.InferOutput<typeof tablePreviewSchema>;

/**
 * The table by its name; a stream's also without `raw.` where no model has that name. Throws `not_found`, with
 * the name that was likely meant.
 */
export function findTable<T extends Pick<Table, "name">>(
  tables: readonly T[],
  pipeline: string,
  name: string,
): T {
  const found = tables.find((table) => isSameName(table.name, name)) ??
    tables.find((table) => isSameName(table.name, `raw.${name}`));
  if (found !== undefined) return found;
  const meant = didYouMeanOneOf(name, tables.map((table) => table.name));
  throw new AppError("not_found", `Pipeline "${pipeline}" has no table ${quoteName(name)}${meant}`);
}
