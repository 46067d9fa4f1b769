import * as v from "valibot";

/** The columns of a pipeline's streams, as schemas/<pipeline>.yaml keeps them for a check that asks no source. */

const columnSchema = v.pipe(
  v.record(v.string(), v.pipe(v.string(), v.minLength(1))),
  v.check((column) => Object.keys(column).length === 1, "expected one column and its type, as id: BIGINT"),
);

export const streamSchemasSchema = v.strictObject({
  $schema: v.optional(v.string()),
  streams: v.optional(
    v.pipe(
      v.record(v.string(), v.array(columnSchema)),
      v.description("By the name of the table in raw: its columns in order, each a name and DuckDB's type."),
    ),
  ),
});
export type StreamSchemasFile = v.InferOutput<typeof streamSchemasSchema>;
