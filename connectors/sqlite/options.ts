import * as v from "valibot";
import { AppError } from "../../contract/errors.ts";

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
