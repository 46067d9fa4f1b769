import * as v from "valibot";
import { described } from "../described.ts";

/** Rows that somebody looks at: those of a query, or of a model as its SQL is now. */

export const DEFAULT_ROWS = 100;
export const MAX_ROWS = 10_000;
/** What the rows of one answer may take together, in characters. */
export const MAX_ANSWER_CHARS = 8_000_000;
/** A cell that is only looked at is cut behind so many characters, with `…` in place of the rest. */
export const SHOWN_CELL_CHARS = 1_000;

export const CELL_FORMS = ["shown", "text", "json"] as const;
/**
 * How values are written: `shown` cuts long ones, `text` has all of them as DuckDB writes them, `json` as JSON, where
 * integers of 64 bits and decimals are texts.
 */
export type CellForm = (typeof CELL_FORMS)[number];

/** How many rows are wanted, and how. */
export interface RowsWanted {
  /** 1 to MAX_ROWS. */
  readonly limit: number;
  readonly cells: CellForm;
}

export const queryRowsSchema = v.object({
  columns: described(
    v.array(v.object({
      name: described(v.string(), "The column's name; one that comes again has a number behind it."),
      type: described(v.string(), "As DuckDB writes it, DECIMAL(18,2)."),
    })),
    "In the order of the query.",
  ),
  rows: described(
    v.array(v.array(v.nullable(v.string()))),
    "A cell a column, as text; null is NULL. Binary values are \\x and hexadecimal.",
  ),
  truncated: described(
    v.nullable(v.picklist(["rows", "size"])),
    "Why there are more rows than these: more than were wanted, or too large together. Null where these are all.",
  ),
});
export type QueryRows = v.InferOutput<typeof queryRowsSchema>;
