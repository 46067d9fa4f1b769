import * as v from "valibot";
import { text } from "../pipeline/words.ts";

/** What a run may be given: one definition a param, as `params:` of a pipeline has them. */

const PARAM_TYPES = ["string", "integer", "number", "boolean", "date", "timestamp"] as const;
export type ParamType = (typeof PARAM_TYPES)[number];

const bound = v.union([v.string(), v.number()], "expected a number, a date or a timestamp");

export const paramSchema = v.strictObject({
  type: v.optional(
    v.pipe(
      v.picklist(PARAM_TYPES),
      v.description("The type in SQL: VARCHAR, BIGINT, DOUBLE, BOOLEAN, DATE, TIMESTAMPTZ."),
    ),
    "string",
  ),
  default: v.optional(
    v.pipe(
      v.union([v.string(), v.number(), v.boolean(), v.null()]),
      v.description(
        "Used where a run gives none; a param without a default is required, unless required is false.",
      ),
    ),
  ),
  required: v.optional(
    v.pipe(
      v.boolean(),
      v.description("false: a run may leave it out, and it is NULL then. By default what has no default is."),
    ),
  ),
  enum: v.optional(
    v.pipe(v.array(v.union([v.string(), v.number()])), v.description("The only values allowed.")),
  ),
  min: v.optional(
    v.pipe(bound, v.description("The least value allowed of a number, a date or a timestamp.")),
  ),
  max: v.optional(
    v.pipe(bound, v.description("The greatest value allowed of a number, a date or a timestamp.")),
  ),
  pattern: v.optional(
    v.pipe(text, v.description("A regular expression that the whole of a string has to match.")),
  ),
  description: v.optional(v.pipe(v.string(), v.description("What it is for."))),
});
export type ParamDefinition = v.InferOutput<typeof paramSchema>;
export type ParamDefinitions = Readonly<Record<string, ParamDefinition>>;

/** Whether every run has to give it. */
export const isRequired = (param: ParamDefinition): boolean =>
  param.default === undefined && param.required !== false;

/** As it is written; undefined where a run has to give one. */
export const defaultOf = (param: ParamDefinition): ParamDefinition["default"] =>
  param.default === undefined && param.required === false ? null : param.default;

/** Those of a definition as the API and the pages have it; none where it has none that can be read. */
export function definedParams(definition: Readonly<Record<string, unknown>> | null): ParamDefinitions {
  const parsed = v.safeParse(v.record(v.string(), paramSchema), definition?.["params"] ?? {});
  return parsed.success ? parsed.output : {};
}
