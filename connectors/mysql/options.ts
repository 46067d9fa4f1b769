import * as v from "valibot";

/** The own keys of streams and loads; light, so that the server reads them without the driver. */

const text = v.pipe(v.string(), v.nonEmpty("expected some text"));

const streamOptionsSchema = v.strictObject({
  text_columns: v.optional(
    v.pipe(
      v.array(v.string()),
      v.description("Columns to read as the server's own text, as a TIME that goes beyond a day."),
    ),
    [],
  ),
  zero_dates: v.optional(
    v.pipe(
      v.picklist(["error", "null", "text"]),
      v.description(
        "What becomes of dates that no calendar has, as 0000-00-00 and 2024-02-30: an error, NULL, or all columns with dates read as text; error by default.",
      ),
    ),
    "error",
  ),
  server_id: v.optional(v.pipe(
    v.number(),
    v.integer(),
    v.minValue(1),
    v.maxValue(4_294_967_295),
    v.description(
      "mode cdc: what the reader of the log calls itself among the server's replicas, of which no two may have one; each run takes a random one by default.",
    ),
  )),
  cascades: v.optional(
    v.pipe(
      v.picklist(["error", "ignore"]),
      v.description(
        "mode cdc: what becomes of a table whose foreign keys delete or change its rows, which the server does not log: an error, or it is followed without those changes; error by default.",
      ),
    ),
    "error",
  ),
});

export const streamSchema = v.pipe(
  v.strictObject({
    stream: v.optional(v.pipe(text, v.description("A table or view, as orders or shop.orders."))),
    query: v.optional(v.pipe(text, v.description("A SELECT in the server's own SQL."))),
    options: v.optional(
      v.pipe(streamOptionsSchema, v.description("Settings of the connector for this stream.")),
      {},
    ),
  }),
  v.check(
    ({ stream, query }) => (stream === undefined) !== (query === undefined),
    "expected exactly one of stream and query",
  ),
);
export type MysqlStream = v.InferOutput<typeof streamSchema>;

export const loadSchema = v.strictObject({
  table: v.pipe(text, v.description("The table to write, as orders or shop.orders.")),
  options: v.optional(
    v.pipe(v.strictObject({}), v.description("Settings of the connector for this target: none yet.")),
    {},
  ),
});
export type MysqlTarget = v.InferOutput<typeof loadSchema>;
