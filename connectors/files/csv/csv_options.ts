import * as v from "valibot";
import { type StreamOptions, streamOptionsSchema } from "../options.ts";

const PLAIN: StreamOptions = v.parse(streamOptionsSchema, {});

/** What streams of CSV texts that are no files can say of them. */
export const CSV_OPTIONS: readonly (keyof StreamOptions)[] = [
  "all_text",
  "columns",
  "comment",
  "date_format",
  "decimal_separator",
  "delimiter",
  "encoding",
  "encoding_errors",
  "escape",
  "header",
  "line_ends",
  "max_line_bytes",
  "null",
  "null_padding",
  "quote",
  "quoted_null",
  "skip_footer",
  "skip_initial_space",
  "skip_rows",
  "thousands_separator",
  "timestamp_format",
];

/** Whether all options but the allowed ones are what they are by default. */
export function hasOnlyOptions(options: StreamOptions, allowed: readonly string[]): boolean {
  const plain = new Map(Object.entries(PLAIN));
  return Object.entries(options).every(([key, value]) => allowed.includes(key) || value === plain.get(key));
}
