import * as v from "valibot";

const text = v.pipe(v.string(), v.nonEmpty("expected some text"));
const streamOptionsSchema = v.strictObject({
  columns: v.optional(
    v.pipe(
      v.record(text, text),
      v.description(
        "Types of columns by name, as {amount: DECIMAL(18,2)}, where the table's own do not fit.",
      ),
    ),
    {},
  ),
});
export type StreamOptions = v.InferOutput<typeof streamOptionsSchema>;

export const streamSchema = v.pipe(
  v.strictObject({
    stream: v.optional(v.pipe(text, v.description("A table or view."))),
    query: v.optional(v.pipe(text, v.description("A SELECT in SQLite's own SQL."))),
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
export type SqliteStream = v.InferOutput<typeof streamSchema>;

export const loadSchema = v.strictObject({
  table: v.pipe(text, v.description("The table to write.")),
  options: v.optional(
    v.pipe(v.strictObject({}), v.description("Settings of the connector for this target: none yet.")),
    {},
  ),
});
export type SqliteTarget = v.InferOutput<typeof loadSchema>;
