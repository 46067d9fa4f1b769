import { AppError } from "../../../contract/errors.ts";
import { PARENT_PLACE } from "../../../contract/pipeline/parents.ts";

/** What stands for a bound of the window; columns of a parent are in contract/pipeline/parents.ts. */
const INCREMENTAL_PLACE = /\{\s*incremental\.(start_value|end_value)\s*\}/g;

/** What the placeholders stand for in one request. */
export interface Values {
  /** The parent's row, by its columns. */
  readonly row?: Readonly<Record<string, string>>;
  readonly start?: string | undefined;
  readonly end?: string | undefined;
}

/** The value with its texts filled in; `encode` makes what may stand in them. Throws `invalid` for a value that is missing. */
export function fillIn<T>(value: T, values: Values, encode: (text: string) => string): T {
  const encoded = (place: string, found: string | undefined): string => {
    if (found !== undefined) return encode(found);
    throw new AppError("invalid", `There is no value for ${place} in the request`);
  };
  const filled = visitTexts(value, (text) =>
    text
      .replace(PARENT_PLACE, (place, _stream, column) => encoded(place, values.row?.[column]))
      .replace(INCREMENTAL_PLACE, (place, which) =>
        encoded(place, which === "start_value" ? values.start : values.end)));
  // A text stays a text, and all else is as it was.
  return filled as T;
}

function visitTexts(value: unknown, visit: (text: string) => string): unknown {
  if (typeof value === "string") return visit(value);
  if (Array.isArray(value)) return value.map((item) => visitTexts(item, visit));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, visitTexts(item, visit)]));
}
