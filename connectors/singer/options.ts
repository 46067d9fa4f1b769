import * as v from "valibot";

/** The own keys of a stream that a tap gives, and of a load that a target takes. */

const text = v.pipe(v.string(), v.nonEmpty("expected some text"));

export const REPLICATION_METHODS = ["FULL_TABLE", "INCREMENTAL", "LOG_BASED"] as const;

const streamOptionsSchema = v.strictObject({
  columns: v.optional(
    v.pipe(
      v.record(text, text),
      v.description(
        "DuckDB types of columns by name, as {amount: DECIMAL(18,2)}; the others go by the tap's schema.",
      ),
    ),
    {},
  ),
  replication_method: v.optional(
    v.pipe(
      v.picklist(REPLICATION_METHODS),
      v.description("What the catalog says of the stream in place of what its mode means."),
    ),
  ),
});

export const streamSchema = v.strictObject({
  stream: v.pipe(text, v.description("A stream of the tap, as its catalog names it.")),
  options: v.optional(
    v.pipe(streamOptionsSchema, v.description("Settings of the connector for this stream.")),
    {},
  ),
});
export type SingerStream = v.InferOutput<typeof streamSchema>;

const DEFAULT_BATCH = 100_000;

const loadOptionsSchema = v.strictObject({
  batch: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(1),
      v.maxValue(10_000_000),
      v.description(
        `Rows that one start of the target takes, ${DEFAULT_BATCH} by default; they are held in memory meanwhile.`,
      ),
    ),
    DEFAULT_BATCH,
  ),
});

export const loadSchema = v.strictObject({
  stream: v.pipe(text, v.description("What the target calls the rows: its table, file or object.")),
  options: v.optional(
    v.pipe(loadOptionsSchema, v.description("Settings of the connector for this target.")),
    {},
  ),
});
export type SingerTarget = v.InferOutput<typeof loadSchema>;
