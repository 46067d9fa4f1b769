import * as v from "valibot";
import { AppError } from "../../../contract/errors.ts";
import { type ParamDefinition, paramSchema } from "../../../contract/pipeline/pipeline.ts";
import type { ParamValue, PipelineDetail } from "../../../contract/run.ts";

/** The form that starts a run: its fields come from the definition's params, its values become a request. */

export interface RunRequest {
  readonly params: Readonly<Record<string, ParamValue>>;
  readonly fullRefresh: boolean;
  readonly select?: string;
}

/** What was typed into the form, to show it again beside an error. */
export interface RunFormValues {
  readonly params: Readonly<Record<string, string>>;
  readonly fullRefresh: boolean;
  readonly select: string;
}

const PARAM_FIELD = "param.";

/**
 * The params that a run of the pipeline may be given; none where its definition has none that can be read.
 */
export function paramsOf(
  pipeline: Pick<PipelineDetail, "definition">,
): Readonly<Record<string, ParamDefinition>> {
  const parsed = v.safeParse(v.record(v.string(), paramSchema), pipeline.definition?.params ?? {});
  return parsed.success ? parsed.output : {};
}

/** The name of the form's field for a param, apart from the form's own fields. */
export function fieldName(param: string): string {
  return `${PARAM_FIELD}${param}`;
}

/** What was filled in, unchecked; fields that are no params of the pipeline are kept for toRunRequest. */
export function readRunForm(form: FormData): RunFormValues {
  const params: Record<string, string> = {};
  for (const [field, value] of form) {
    if (field.startsWith(PARAM_FIELD) && typeof value === "string") {
      params[field.slice(PARAM_FIELD.length)] = value;
    }
  }
  const select = form.get("select");
  return {
    params,
    fullRefresh: form.has("full_refresh"),
    select: typeof select === "string" ? select.trim() : "",
  };
}

/** An empty field leaves the param out, so that its default holds. Throws invalid, naming the param. */
export function toRunRequest(
  values: RunFormValues,
  definitions: Readonly<Record<string, ParamDefinition>>,
): RunRequest {
  const params: Record<string, ParamValue> = {};
  for (const [name, text] of Object.entries(values.params)) {
    if (text !== "") params[name] = parseParam(name, text, definitions[name]);
  }
  return {
    params,
    fullRefresh: values.fullRefresh,
    ...(values.select === "" ? {} : { select: values.select }),
  };
}

function parseParam(name: string, text: string, definition: ParamDefinition | undefined): ParamValue {
  switch (definition?.type) {
    case "integer":
    case "number": {
      const value = Number(text);
      if (!Number.isFinite(value)) throw notA(name, text, definition.type);
      // Beyond 2^53 the number would be another one: the engine reads the text exactly.
      return definition.type === "integer" && !Number.isSafeInteger(value) ? text : value;
    }
    case "boolean":
      if (text !== "true" && text !== "false") throw notA(name, text, "boolean");
      return text === "true";
    default:
      return text;
  }
}

function notA(name: string, text: string, type: string): AppError {
  return new AppError("invalid", `Cannot start the run: param "${name}" is "${text}", expected ${type}`);
}
