import { AppError } from "../../../contract/errors.ts";

/** What stands for a value in an endpoint: `{resources.users.id}`, `{incremental.start_value}`. */
const PLACEHOLDER =
  /\{\s*(resources\.([A-Za-z_][\w-]*)\.([^{}\s]+)|incremental\.(start_value|end_value))\s*\}/g;

/** A column of another stream's rows. */
export interface ParentColumn {
  readonly stream: string;
  readonly column: string;
}

/** What the placeholders stand for in one request. */
export interface Values {
  /** The parent's row, by its columns. */
  readonly row?: Readonly<Record<string, string>>;
  readonly start?: string | undefined;
  readonly end?: string | undefined;
}

/** The columns of other streams that the texts name. */
export function parentColumns(value: unknown): readonly ParentColumn[] {
  const found: ParentColumn[] = [];
  visitTexts(value, (text) => {
    for (const [, , stream, column] of text.matchAll(PLACEHOLDER)) {
      if (stream !== undefined && column !== undefined) found.push({ stream, column });
    }
    return text;
  });
  return found;
}

/** The value with its texts filled in; `encode` makes what may stand in them. Throws `invalid` for a value that is missing. */
export function fillIn<T>(value: T, values: Values, encode: (text: string) => string): T {
  const filled = visitTexts(
    value,
    (text) =>
      text.replace(PLACEHOLDER, (whole, _all, stream, column, incremental) => {
        const found = stream !== undefined
          ? values.row?.[column]
          : incremental === "start_value"
          ? values.start
          : values.end;
        if (found !== undefined) return encode(found);
        throw new AppError("invalid", `There is no value for ${whole} in the request`);
      }),
  );
  // A text stays a text, and all else is as it was.
  return filled as T;
}

function visitTexts(value: unknown, visit: (text: string) => string): unknown {
  if (typeof value === "string") return visit(value);
  if (Array.isArray(value)) return value.map((item) => visitTexts(item, visit));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, visitTexts(item, visit)]));
}
