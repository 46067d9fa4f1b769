import type * as v from "valibot";
import { AppError } from "../../../contract/errors.ts";
import { checkSchema } from "../../../text/schema_faults.ts";
import { textOf } from "../page_context.tsx";

/** What the browser's authenticator has said, as the page's script put it into the form. Throws invalid. */
export function answerOf<T>(form: FormData, schema: v.GenericSchema<unknown, T>): T {
  const checked = checkSchema<T>(schema, parse(textOf(form, "answer")));
  if ("output" in checked) return checked.output;
  throw new AppError("invalid", "The passkey's answer is not what a browser sends: go back and try again", {
    detail: checked.faults.map(({ message }) => message).join("; "),
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
