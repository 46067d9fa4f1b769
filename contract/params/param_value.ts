import * as v from "valibot";

/** A value of a pipeline's param, or of a variable of the project. */
export const paramValueSchema = v.union([v.string(), v.number(), v.boolean(), v.null()]);
export type ParamValue = v.InferOutput<typeof paramValueSchema>;
