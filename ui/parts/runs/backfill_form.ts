import type { ParamValue } from "../../../contract/run.ts";
import { givenParams, readParamFields, textOf } from "./run_form.ts";

/** What was typed into the form that starts a backfill. */
export interface BackfillFormValues {
  readonly from: string;
  readonly to: string;
  readonly every: string;
  readonly params: Readonly<Record<string, string>>;
  readonly select: string;
  readonly windowOnly: boolean;
  readonly note: string;
}

/** Every field is unchecked; the engine refuses what does not fit. */
export const readBackfillForm = (form: FormData): BackfillFormValues => ({
  from: textOf(form, "from"),
  to: textOf(form, "to"),
  every: textOf(form, "every"),
  params: readParamFields(form),
  select: textOf(form, "select"),
  windowOnly: form.has("window_only"),
  note: textOf(form, "note"),
});

/** What is asked of the engine; fields that are empty are left out. */
export function toBackfillRequest(
  { from, to, every, params, select, windowOnly, note }: BackfillFormValues,
): {
  readonly from: string;
  readonly to: string;
  readonly every: string;
  readonly params: Readonly<Record<string, ParamValue>>;
  readonly select?: string;
  readonly windowOnly: boolean;
  readonly note?: string;
} {
  return {
    from,
    to,
    every,
    params: givenParams(params),
    ...(select === "" ? {} : { select }),
    windowOnly,
    ...(note === "" ? {} : { note }),
  };
}
