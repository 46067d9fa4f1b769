import { defaultOf, isRequired, type ParamDefinition, type ParamDefinitions } from "./definition.ts";
import { readParam, wholePattern } from "./values.ts";

/** A JSON Schema as JSON: https://json-schema.org/draft/2020-12. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const DRAFT = "https://json-schema.org/draft/2020-12/schema";
/** Beyond these a number of JSON is another one: the server takes it as a text. */
const EXACT = { minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER };

/**
 * What a run of the pipeline may be given, as the JSON Schema of the `params` of a request. What it takes the server takes;
 * the server takes numbers and booleans as texts, too.
 */
export function paramsJsonSchema(pipeline: string, params: ParamDefinitions): JsonSchema {
  const required = Object.entries(params).filter(([, param]) => isRequired(param)).map(([name]) => name);
  return {
    $schema: DRAFT,
    title: `Params of ${pipeline}`,
    type: "object",
    properties: Object.fromEntries(
      Object.entries(params).map(([name, param]) => [name, paramJsonSchema(param)]),
    ),
    required,
    additionalProperties: false,
  };
}

function paramJsonSchema(param: ParamDefinition): JsonSchema {
  const { description, min, max, pattern } = param;
  const fallback = defaultOf(param);
  const isNullable = fallback === null;
  const { type, ...rules } = typeRules(param);
  const options = param.enum?.map((value) => typed(param, value));
  return {
    type: isNullable ? [type, "null"] : type,
    ...rules,
    ...(description === undefined ? {} : { description }),
    ...(options === undefined ? {} : { enum: isNullable ? [...options, null] : options }),
    ...(type === "string" || min === undefined ? {} : { minimum: Number(min) }),
    ...(type === "string" || max === undefined ? {} : { maximum: Number(max) }),
    // JSON Schema has no words for the order of dates.
    ...(type === "string" && min !== undefined ? { formatMinimum: String(min) } : {}),
    ...(type === "string" && max !== undefined ? { formatMaximum: String(max) } : {}),
    ...(pattern === undefined ? {} : { pattern: wholePattern(pattern) }),
    ...(fallback === undefined ? {} : { default: fallback === null ? null : typed(param, fallback) }),
  };
}

function typeRules({ type }: ParamDefinition): { readonly type: string } & JsonSchema {
  switch (type) {
    case "integer":
      return { type, ...EXACT };
    case "number":
    case "boolean":
    case "string":
      return { type };
    case "date":
      return { type: "string", format: "date" };
    case "timestamp":
      return { type: "string", format: "date-time" };
  }
}

/** As a run gets it; as it is written where that is a fault. */
function typed(param: ParamDefinition, value: unknown): unknown {
  const read = readParam(param, value);
  return "value" in read ? read.value : value;
}
