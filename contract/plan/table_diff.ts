import * as v from "valibot";
import { described } from "../described.ts";

/**
 * What differs between the rows that two versions of a model make of the same raw tables. A cell is text, as a preview has
 * it; null is NULL.
 */

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const cell = v.nullable(v.string());

export const changedRowSchema = v.object({
  key: described(v.array(cell), "The values of the primary key."),
  cells: described(
    v.array(v.object({
      column: described(v.string(), "The column's name."),
      before: described(cell, "Its value in the old version."),
      after: described(cell, "Its value in the new version."),
    })),
    "The columns that have another value.",
  ),
});
export type ChangedRow = v.InferOutput<typeof changedRowSchema>;

export const tableDiffSchema = v.object({
  rows_before: described(v.nullable(count), "Null where that version could not be built, or there was none."),
  rows_after: described(v.nullable(count), "Null where that version could not be built, or there is none."),
  key: described(
    v.nullable(v.array(v.string())),
    "The columns by which rows were matched; null where whole rows were compared.",
  ),
  added: described(
    v.nullable(count),
    "Rows that are only in the new version; null where nothing was compared.",
  ),
  removed: described(v.nullable(count), "Rows that are only in the old version."),
  changed: described(
    v.nullable(count),
    "Rows of both versions with another value in some column; null where rows were not matched by a key.",
  ),
  columns: described(
    v.array(v.object({
      name: described(v.string(), "The column's name."),
      changed: described(count, "Rows of both versions whose value in it differs."),
    })),
    "Columns with a difference, the most first.",
  ),
  columns_left_out: described(
    v.array(v.string()),
    "Columns that only one version has, or that have another type which cannot be compared: their values were not.",
  ),
  sample_percent: described(v.nullable(v.number()), "How much of the rows was compared; null for all."),
  sample_columns: described(
    v.array(v.string()),
    "The columns of the sample rows that were added or removed.",
  ),
  sample_changed: described(v.array(changedRowSchema), "Some of the rows that changed."),
  sample_added: described(v.array(v.array(cell)), "Some of the rows that are new."),
  sample_removed: described(v.array(v.array(cell)), "Some of the rows that are gone."),
  error: described(v.nullable(v.string()), "Why it could not be built or compared."),
});
export type TableDiff = v.InferOutput<typeof tableDiffSchema>;

/** Of a model for which nothing could be compared. */
export const NO_TABLE_DIFF: TableDiff = {
  rows_before: null,
  rows_after: null,
  key: null,
  added: null,
  removed: null,
  changed: null,
  columns: [],
  columns_left_out: [],
  sample_percent: null,
  sample_columns: [],
  sample_changed: [],
  sample_added: [],
  sample_removed: [],
  error: null,
};

/** Whether the two versions are known to make the same rows. */
export function isSameRows({ added, removed, changed, error }: TableDiff): boolean {
  return error === null && added === 0 && removed === 0 && (changed ?? 0) === 0;
}
