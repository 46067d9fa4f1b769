import * as v from "valibot";
import { didYouMean } from "../text/suggest.ts";
import { AppError } from "./errors.ts";
import { quoteName } from "./names.ts";
import { isSameName } from "./sql.ts";

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
  name: v.string(),
  /** As DuckDB writes it, `DECIMAL(18,2)`. */
  type: v.string(),
  description: v.nullable(v.string()),
});
export type TableColumn = v.InferOutput<typeof tableColumnSchema>;

export const tableSchema = v.object({
  /** `raw.orders` of a stream, `daily` of a model. */
  name: v.string(),
  /** The step that writes it, `extract:orders`. */
  step: v.string(),
  description: v.nullable(v.string()),
  /** Empty while they are not known. */
  columns: v.array(tableColumnSchema),
  /** All its rows; null for a view, and before the first run. */
  row_count: v.nullable(count),
  /** How far an incremental or append stream has got. */
  cursor: v.nullable(v.object({ column: v.string(), value: v.string(), type: v.string() })),
  /** When its step last wrote it, and the run of that; null before the first time. */
  changed_at: v.nullable(time),
  run: v.nullable(v.string()),
});
export type Table = v.InferOutput<typeof tableSchema>;

export const tablePreviewSchema = v.object({
  ...tableSchema.entries,
  /** The first rows as texts, a cell a column; null is NULL, and binary values are `\x` and hexadecimal. */
  rows: v.array(v.array(v.nullable(v.string()))),
  /** Why there are no rows to show, where there might be. */
  note: v.nullable(v.string()),
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
  const meant = didYouMean(name, tables.map((table) => table.name));
  throw new AppError("not_found", `Pipeline "${pipeline}" has no table ${quoteName(name)}${meant}`);
}
