import * as v from "valibot";

/** `options:` of streams and loads; light, so that the server reads them without the driver. */

export const streamOptionsSchema = v.strictObject({
  text_columns: v.optional(
    v.pipe(
      v.array(v.string()),
      v.description(
        "Columns to read as PostgreSQL's own text, as one with NaN among its decimals or arrays of arrays.",
      ),
    ),
    [],
  ),
});

export const loadOptionsSchema = v.strictObject({});
