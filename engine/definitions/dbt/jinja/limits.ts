import { AppError } from "../../../../contract/errors.ts";
import { MAX_ITEMS, MAX_TEXT, type Value } from "./values.ts";

/** What keeps a template within its bounds, and says where it was not. */

/** An error inside of a macro, which is told at its call: the innermost macro is the one to look at. */
export function placed(error: unknown, name: string, file: string): unknown {
  if (!(error instanceof AppError)) return error;
  const [, line = "", message = error.message] = /^line (\d+): ([\s\S]*)$/.exec(error.message) ?? [];
  if (message.startsWith("in the macro ")) return new AppError(error.code, message);
  return new AppError(
    error.code,
    `in the macro ${name} (${file}${line === "" ? "" : `:${line}`}): ${message}`,
  );
}

/** Steps that looking through a value is worth. */
export function weightOf(value: Value): number {
  if (typeof value === "string") return value.length / 1_000;
  if (Array.isArray(value)) return value.length / 10;
  return value instanceof Map ? value.size / 10 : 0;
}

/** Throws `invalid` for a text or a list that is larger than any of SQL. */
export function limited<T extends Value>(value: T, line: number): T {
  const isText = typeof value === "string" && value.length > MAX_TEXT;
  if (isText || Array.isArray(value) && value.length > MAX_ITEMS) {
    throw new AppError(
      "invalid",
      `line ${line}: the template makes a ${
        isText ? `text of more than ${MAX_TEXT} letters` : `list of more than ${MAX_ITEMS} items`
      }`,
    );
  }
  return value;
}
