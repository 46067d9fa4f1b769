import * as v from "valibot";

const text = v.pipe(v.string(), v.nonEmpty("expected some text"));
const noOptions = v.strictObject({});

export const streamSchema = v.pipe(
  v.strictObject({
    stream: v.optional(v.pipe(text, v.description("A table or view, as orders or sales.orders."))),
    query: v.optional(v.pipe(text, v.description("A SELECT in DuckDB's own SQL."))),
    options: v.optional(
      v.pipe(noOptions, v.description("Settings of the connector for this stream: none yet.")),
      {},
    ),
  }),
  v.check(
    ({ stream, query }) => (stream === undefined) !== (query === undefined),
    "expected exactly one of stream and query",
  ),
);
export type DuckdbStream = v.InferOutput<typeof streamSchema>;

export const loadSchema = v.strictObject({
  table: v.pipe(text, v.description("The table to write, as daily or sales.daily.")),
  options: v.optional(
    v.pipe(noOptions, v.description("Settings of the connector for this target: none yet.")),
    {},
  ),
});
export type DuckdbTarget = v.InferOutput<typeof loadSchema>;
