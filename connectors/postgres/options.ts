import * as v from "valibot";
import { SIZE_PATTERN } from "../../text/size.ts";

/** The own keys of streams and loads; light, so that the server reads them without the driver. */

const text = v.pipe(v.string(), v.nonEmpty("expected some text"));

const streamOptionsSchema = v.strictObject({
  text_columns: v.optional(
    v.pipe(
      v.array(v.string()),
      v.description(
        "Columns to read as PostgreSQL's own text, as one with NaN among its decimals or arrays of arrays.",
      ),
    ),
    [],
  ),
  slot: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[a-z0-9_]{1,63}$/, "expected up to 63 lower-case letters, digits and _"),
      v.description(
        "mode cdc: the replication slot to use, the same for all streams of a pipeline; one is made by default.",
      ),
    ),
  ),
  publication: v.optional(
    v.pipe(
      text,
      v.description("mode cdc: the publication to use, with the table in it; one is made by default."),
    ),
  ),
  max_retained_wal: v.optional(
    v.pipe(
      v.string(),
      v.regex(SIZE_PATTERN, "expected a size such as 10GB"),
      v.description("mode cdc: a warning is logged where the slot kept more of the server's log than this."),
    ),
    "10GB",
  ),
});

export const streamSchema = v.pipe(
  v.strictObject({
    stream: v.optional(v.pipe(text, v.description("A table or view, as public.orders."))),
    query: v.optional(v.pipe(text, v.description("A SELECT in PostgreSQL's own SQL."))),
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
export type PostgresStream = v.InferOutput<typeof streamSchema>;

export const loadSchema = v.strictObject({
  table: v.pipe(text, v.description("The table to write, as analytics.daily_revenue.")),
  options: v.optional(
    v.pipe(v.strictObject({}), v.description("Settings of the connector for this target: none yet.")),
    {},
  ),
});
export type PostgresTarget = v.InferOutput<typeof loadSchema>;
