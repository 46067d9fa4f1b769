import * as v from "valibot";
import { described } from "../described.ts";

/** Rows that failed a check, as its run kept them. */

/** How many rows of a check are kept, in at most how many cells; the first that are found. */
export const KEPT_ROWS = 100;
export const KEPT_CELLS = 4_000;
/** A value's text is cut behind so many characters, with `…` in place of the rest. */
export const KEPT_CELL_CHARS = 500;

export const failedRowsSchema = v.object({
  run: described(v.string(), "The run that found them."),
  check: described(v.string(), "The check's step, as check:daily.not_null_day."),
  failures: described(
    v.pipe(v.number(), v.integer(), v.minValue(0)),
    "How many fail it; for unique, values that come more than once.",
  ),
  columns: described(
    v.array(v.string()),
    "What the rows have; for unique, the values and how many rows have them.",
  ),
  rows: described(
    v.array(v.array(v.nullable(v.string()))),
    "The first of them, 100 at most, as texts: long ones are cut, null is NULL.",
  ),
  kept_at: described(v.pipe(v.string(), v.isoTimestamp()), "When they were found."),
});
export type FailedRows = v.InferOutput<typeof failedRowsSchema>;
