import * as v from "valibot";
import { type ParamDefinition, paramSchema } from "../../../../contract/params/definition.ts";

export const define = (definitions: Record<string, unknown>): Record<string, ParamDefinition> =>
  v.parse(v.record(v.string(), paramSchema), definitions);

/** One of each type, with defaults. */
export const DEFINITIONS = define({
  region: { default: "eu" },
  count: { type: "integer", default: 1 },
  ratio: { type: "number", default: 0.5 },
  dry: { type: "boolean", default: false },
  day: { type: "date", default: "2024-02-29" },
  since: { type: "timestamp", default: "2024-01-01T02:00+02:00" },
  nothing: { type: "timestamp", default: null },
  select: { default: "it's" },
});
