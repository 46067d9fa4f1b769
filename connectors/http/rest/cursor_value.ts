import type { Cursor } from "../../../contract/connector/source.ts";
import { AppError } from "../../../contract/errors.ts";
import type { CursorFormat } from "./endpoint.ts";

/**
 * A bound of the update_key as the API wants it. `value` is DuckDB's text of the type. Not later than the bound itself, so that
 * nothing of it is left out: rows that come again are known. Throws `invalid` for a type that cannot be written so.
 */
export function cursorText({ value, type }: Pick<Cursor, "value" | "type">, format: CursorFormat): string {
  const isTime = /^(?:DATE|TIMESTAMP)/.test(type);
  if (!isTime || format === "text") return value;
  const instant = instantOf(value);
  if (instant === undefined) {
    throw new AppError(
      "invalid",
      `The cursor ${value} (${type}) cannot be sent as ${format}; set incremental.format: text`,
    );
  }
  const { date, time, ms } = instant;
  switch (format) {
    case "date":
      return date;
    case "datetime":
      return type === "DATE" ? date : `${date}T${time}Z`;
    case "unix":
      return String(Math.floor(ms / 1000));
    case "unix_ms":
      return String(ms);
  }
}

/** In UTC; `date` and `time` in whole seconds, as most APIs read them. */
function instantOf(
  value: string,
): { readonly date: string; readonly time: string; readonly ms: number } | undefined {
  const found = /^(\d{4}-\d\d-\d\d)(?: (\d\d:\d\d:\d\d)(\.\d+)?([+-]\d\d(?::\d\d)?)?)?$/.exec(value);
  if (found === null) return undefined;
  const [, date = "", time = "00:00:00", fraction = "", zone = "+00"] = found;
  const offset = zone.length === 3 ? `${zone}:00` : zone;
  const seconds = Date.parse(`${date}T${time}${offset}`);
  if (Number.isNaN(seconds)) return undefined;
  const [day = "", clock = ""] = new Date(seconds).toISOString().split("T");
  const ms = seconds + Math.floor(Number(`0${fraction || ".0"}`) * 1000);
  return { date: day, time: clock.slice(0, 8), ms };
}
