import * as v from "valibot";
import { isTypeText } from "./type_text.ts";

/** The own keys of a stream and of a load target of the file connector. */

export const FILE_FORMATS = ["csv", "tsv", "ndjson", "json", "parquet", "arrow"] as const;
export type FileFormat = (typeof FILE_FORMATS)[number];

const COMPRESSIONS = ["auto", "none", "gzip", "zstd"] as const;
export type Compression = Exclude<(typeof COMPRESSIONS)[number], "auto">;

const ENCODINGS = ["utf-8", "latin-1", "utf-16"] as const;
export type Encoding = (typeof ENCODINGS)[number];

const text = v.pipe(v.string(), v.nonEmpty("expected some text"));
/** Without a % it would match itself alone, and the column would stay text without a word. */
const strptimeFormat = v.pipe(text, v.includes("%", "expected a format with %, as %d/%m/%Y"));
const oneCharacter = v.pipe(v.string(), v.length(1, "expected one character"));

const format = v.optional(
  v.pipe(v.picklist(FILE_FORMATS), v.description("The format; by default what the file's ending says.")),
);
const compression = v.optional(
  v.pipe(v.picklist(COMPRESSIONS), v.description("auto goes by the ending: .gz or .zst.")),
  "auto",
);
const delimiter = v.optional(
  v.pipe(
    v.string(),
    v.minLength(1),
    v.maxLength(4),
    v.description("CSV: between values; , or for tsv a tab."),
  ),
);

export const streamOptionsSchema = v.strictObject({
  format,
  compression,
  delimiter,
  quote: v.optional(
    v.pipe(oneCharacter, v.description("CSV: around a value that has a delimiter or a line break.")),
    '"',
  ),
  escape: v.optional(
    v.pipe(
      oneCharacter,
      v.description("CSV: before a quote inside a quoted value; the quote itself by default."),
    ),
  ),
  header: v.optional(
    v.pipe(
      v.boolean(),
      v.description("CSV: whether the first line names the columns; without they are column0, column1 …"),
    ),
    true,
  ),
  null: v.optional(
    v.pipe(
      v.union([v.string(), v.pipe(v.array(v.string()), v.minLength(1))]),
      v.description("CSV: the text, or texts, of a missing value; an empty value by default."),
    ),
    "",
  ),
  quoted_null: v.optional(
    v.pipe(
      v.boolean(),
      v.description('CSV: whether a quoted text as "" is a missing value too; by default it is that text.'),
    ),
    false,
  ),
  encoding: v.optional(
    v.pipe(v.picklist(ENCODINGS), v.description("CSV: the file's character set.")),
    "utf-8",
  ),
  columns: v.optional(
    v.pipe(
      v.record(text, v.pipe(text, v.check(isTypeText, "expected one type of DuckDB, as DECIMAL(18,2)"))),
      v.description("DuckDB types of columns by name, as {amount: DECIMAL(18,2)}; the others are found out."),
    ),
    {},
  ),
  all_text: v.optional(v.pipe(v.boolean(), v.description("CSV: every column is VARCHAR.")), false),
  skip_rows: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(0),
      v.description("CSV: lines to leave out at the file's start."),
    ),
    0,
  ),
  max_line_bytes: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(1_024),
      v.maxValue(1_000_000_000),
      v.description("CSV: the longest line; more takes more memory."),
    ),
    2_000_000,
  ),
  decimal_separator: v.optional(
    v.pipe(v.picklist([".", ","]), v.description("CSV: the decimal separator of numbers.")),
    ".",
  ),
  date_format: v.optional(
    v.pipe(strptimeFormat, v.description("CSV: how dates are written, as %d/%m/%Y; by default 2024-12-31.")),
  ),
  timestamp_format: v.optional(
    v.pipe(
      strptimeFormat,
      v.description("CSV: how timestamps are written, as %d/%m/%Y %H:%M; by default ISO 8601."),
    ),
  ),
  filename: v.optional(
    v.pipe(v.boolean(), v.description("Adds the column filename: the file's path under the root.")),
    false,
  ),
  union_by_name: v.optional(
    v.pipe(
      v.boolean(),
      v.description("Several files: a column that a file lacks is NULL; false refuses files that differ."),
    ),
    true,
  ),
  hive_partitioning: v.optional(
    v.pipe(
      v.boolean(),
      v.description("Whether folders as day=2024-01-31 are columns; by default where all files are in such."),
    ),
  ),
});
export type StreamOptions = v.InferOutput<typeof streamOptionsSchema>;

const loadOptionsSchema = v.strictObject({
  format,
  compression,
  delimiter: v.optional(
    v.pipe(
      v.string(),
      // DuckDB writes the first byte of what it is given.
      v.check((text) => text.length === 1 && text > "\0" && text < "\x80", "expected one character of ASCII"),
      v.description("CSV: between values; , or for tsv a tab."),
    ),
  ),
  header: v.optional(v.pipe(v.boolean(), v.description("CSV: whether to write the columns' names.")), true),
  partition_by: v.optional(
    v.pipe(
      v.array(text),
      v.minLength(1, "expected at least one column"),
      v.description("Writes a folder with a folder a value: day=2024-01-31/…"),
    ),
  ),
});
export type LoadOptions = v.InferOutput<typeof loadOptionsSchema>;

export const streamSchema = v.strictObject({
  path: v.pipe(text, v.description("A file or glob, relative to the connector's root, as data/*.csv.")),
  options: v.optional(
    v.pipe(streamOptionsSchema, v.description("Settings of the connector for this stream.")),
    {},
  ),
});
export type FileStream = v.InferOutput<typeof streamSchema>;

export const loadSchema = v.strictObject({
  path: v.pipe(text, v.description("The file or folder to write, relative to the connector's root.")),
  options: v.optional(
    v.pipe(loadOptionsSchema, v.description("Settings of the connector for this target.")),
    {},
  ),
});
export type FileTarget = v.InferOutput<typeof loadSchema>;
