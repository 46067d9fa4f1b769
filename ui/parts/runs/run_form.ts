import type { ParamValue } from "../../../contract/run.ts";

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

/** The name of the form's field for a param, apart from the form's own fields. */
export function fieldName(param: string): string {
  return `${PARAM_FIELD}${param}`;
}

/** What was filled in, unchecked; fields that are no params of the pipeline are kept: the engine refuses them. */
export function readRunForm(form: FormData): RunFormValues {
  return {
    params: readParamFields(form),
    fullRefresh: form.has("full_refresh"),
    select: textOf(form, "select"),
  };
}

/** The params that were filled in, by name. */
export function readParamFields(form: FormData): Record<string, string> {
  const params: Record<string, string> = {};
  for (const [field, value] of form) {
    if (field.startsWith(PARAM_FIELD) && typeof value === "string") {
      params[field.slice(PARAM_FIELD.length)] = value;
    }
  }
  return params;
}

/** A field's text without blanks around it; empty where there is none. */
export function textOf(form: FormData, field: string): string {
  const value = form.get(field);
  return typeof value === "string" ? value.trim() : "";
}

/** An empty field leaves the param out, so that its default holds. The engine reads the texts by the params' types. */
export function givenParams(params: Readonly<Record<string, string>>): Record<string, ParamValue> {
  return Object.fromEntries(Object.entries(params).filter(([, text]) => text !== ""));
}

export function toRunRequest({ params, fullRefresh, select }: RunFormValues): RunRequest {
  return { params: givenParams(params), fullRefresh, ...(select === "" ? {} : { select }) };
}
