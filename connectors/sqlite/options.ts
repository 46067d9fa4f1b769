import * as v from "valibot";
import { AppError } from "../../contract/errors.ts";

const text = v.pipe(v.string(), v.nonEmpty("expected some text"));
export const streamOptionsSchema = v.strictObject({
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

export const loadOptionsSchema = v.strictObject({});

/** The checked options of a stream. Throws `invalid` naming the key. */
export function parseOptions<Output>(
  schema: v.GenericSchema<unknown, Output>,
  options: unknown,
  stream: string,
): Output {
  const result = v.safeParse(schema, options);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const key = v.getDotPath(issue) ?? "";
  const what = issue.type === "strict_object" ? "there is no such option" : issue.message;
  throw new AppError("invalid", `Cannot use the options of stream "${stream}": options.${key}: ${what}`);
}
