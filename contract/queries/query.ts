import * as v from "valibot";
import { described } from "../described.ts";
import { queryRowsSchema } from "./rows.ts";

/** Rows that a query has over copies of warehouses, as `sluice query` and POST /api/query show them. */

/** The longest SQL of one query, in characters. */
export const MAX_SQL_CHARS = 100_000;

export const querySourceSchema = v.object({
  pipeline: described(v.string(), "The pipeline, by whose name its tables are found."),
  of: described(
    v.picklist(["warehouse", "snapshots"]),
    "snapshots: a run is under way and no copy is kept from before it, so that only what it has published can be read.",
  ),
  as_of: described(
    v.nullable(v.pipe(v.string(), v.isoTimestamp())),
    "Of when its tables are; null where it has published nothing yet.",
  ),
});
export type QuerySource = v.InferOutput<typeof querySourceSchema>;

export const queryResultSchema = v.object({
  ...queryRowsSchema.entries,
  sources: described(v.array(querySourceSchema), "What the query could read."),
  duration_ms: described(v.pipe(v.number(), v.integer(), v.minValue(0)), "How long it took."),
});
export type QueryResult = v.InferOutput<typeof queryResultSchema>;

export const completionSchema = v.object({
  start: described(
    v.pipe(v.number(), v.integer(), v.minValue(0)),
    "Where what is completed begins: UTF-16 units from the start of the SQL.",
  ),
  words: described(v.array(v.string()), "What may stand there, the likeliest first."),
});
export type Completion = v.InferOutput<typeof completionSchema>;
