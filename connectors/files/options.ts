import * as v from "valibot";
import type { ConnectorUse } from "../../contract/connector/connector.ts";
import { encodingOf } from "./text/encoding.ts";
import { isRange, isSheetName } from "./xlsx/names.ts";
import { isTypeText } from "./type_text.ts";

/** The own keys of a stream and of a load target of the file connector. */

export const FILE_FORMATS = ["csv", "tsv", "ndjson", "json", "parquet", "arrow", "xlsx"] as const;
export type FileFormat = (typeof FILE_FORMATS)[number];

const COMPRESSIONS = ["auto", "none", "gzip", "zstd"] as const;
export type Compression = Exclude<(typeof COMPRESSIONS)[number], "auto">;

const text = v.pipe(v.string(), v.nonEmpty("expected some text"));
/** Without a % it would match itself alone, and the column would stay text without a word. */
const strptimeFormat = v.pipe(text, v.includes("%", "expected a format with %, as %d/%m/%Y"));
const oneCharacter = v.pipe(v.string(), v.length(1, "expected one character"));
const oneCharacterOrNone = v.pipe(v.string(), v.maxLength(1, "expected one character, or none"));
const encoding = v.pipe(
  v.string(),
  v.check(
    (label) => encodingOf(label) !== undefined,
    "expected a label of the Encoding Standard, as windows-1252",
  ),
);

const thousandsSeparator = v.picklist([",", ".", " ", "'", "_", "\u2019"]);

function separatorsDiffer<T extends Separators>() {
  return v.check<T, string>(
    ({ thousands_separator, decimal_separator }) => thousands_separator !== decimal_separator,
    "expected a thousands_separator other than the decimal_separator",
  );
}

interface Separators {
  readonly decimal_separator: string;
  readonly thousands_separator?: string | undefined;
}

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

const streamOptions = v.strictObject({
  format,
  compression,
  delimiter,
  quote: v.optional(
    v.pipe(
      oneCharacterOrNone,
      v.description(
        'CSV: around a value that has a delimiter or a line break; "" where there are no quotes.',
      ),
    ),
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
  comment: v.optional(
    v.pipe(
      v.string(),
      v.minLength(1),
      v.maxLength(8),
      v.description("CSV: lines that begin with it are left out; by default none are."),
    ),
  ),
  skip_initial_space: v.optional(
    v.pipe(v.boolean(), v.description("CSV: whether blanks before a value and around quotes are left out.")),
    false,
  ),
  line_ends: v.optional(
    v.pipe(
      v.picklist(["same", "mixed"]),
      v.description("CSV: mixed where lines of one file end in different ways, as in LF and CRLF."),
    ),
    "same",
  ),
  encoding: v.optional(
    v.pipe(
      encoding,
      v.description("CSV: the file's character set, by a label of the Encoding Standard, as windows-1252."),
    ),
    "utf-8",
  ),
  encoding_errors: v.optional(
    v.pipe(
      v.picklist(["strict", "replace"]),
      v.description("CSV: whether bytes that are no text fail the stream, or become U+FFFD."),
    ),
    "strict",
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
  skip_footer: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(0),
      v.maxValue(10_000),
      v.description(
        "CSV: rows to leave out at the file's end, as a line of totals; blank lines do not count.",
      ),
    ),
    0,
  ),
  null_padding: v.optional(
    v.pipe(v.boolean(), v.description("CSV: whether a row with too few values ends with missing ones.")),
    false,
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
  thousands_separator: v.optional(
    v.pipe(
      thousandsSeparator,
      v.description("CSV: between groups of digits, as in 1,234; a blank stands for no-break spaces too."),
    ),
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
  sheet: v.optional(
    v.pipe(text, v.description("Excel: the sheet's name; by default the first that is not hidden.")),
  ),
  range: v.optional(
    v.pipe(
      text,
      v.check(isRange, "expected a range of cells, as B3 or B3:F100"),
      v.description("Excel: where the table is, with its names, as B3:F100; by default from the first row."),
    ),
  ),
  error_cells: v.optional(
    v.pipe(
      v.picklist(["fail", "null", "text"]),
      v.description("Excel: what a cell as #N/A is: an error, a missing value, or that text."),
    ),
    "fail",
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
export const streamOptionsSchema = v.pipe(streamOptions, separatorsDiffer());
export type StreamOptions = v.InferOutput<typeof streamOptionsSchema>;

const loadOptions = v.strictObject({
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
  null: v.optional(
    v.pipe(v.string(), v.description("CSV: the text of a missing value; none by default.")),
    "",
  ),
  quote_style: v.optional(
    v.pipe(
      v.picklist(["minimal", "all", "non_numeric"]),
      v.description("CSV: which values are quoted: those that need it, all, or all but numbers."),
    ),
    "minimal",
  ),
  line_ends: v.optional(
    v.pipe(v.picklist(["lf", "crlf"]), v.description("CSV: how lines end; Windows programs like crlf.")),
    "lf",
  ),
  bom: v.optional(
    v.pipe(
      v.boolean(),
      v.description("CSV: whether to begin with a byte order mark, by which Excel knows UTF-8."),
    ),
    false,
  ),
  decimal_separator: v.optional(
    v.pipe(v.picklist([".", ","]), v.description("CSV: the decimal separator of numbers.")),
    ".",
  ),
  thousands_separator: v.optional(
    v.pipe(thousandsSeparator, v.description("CSV: between groups of digits, as in 1,234; none by default.")),
  ),
  date_format: v.optional(
    v.pipe(strptimeFormat, v.description("CSV: how to write dates, as %d/%m/%Y; by default 2024-12-31.")),
  ),
  timestamp_format: v.optional(
    v.pipe(
      strptimeFormat,
      v.description("CSV: how to write timestamps, as %d/%m/%Y %H:%M; by default 2024-12-31 23:59:59."),
    ),
  ),
  sheet: v.optional(
    v.pipe(
      v.string(),
      v.check(isSheetName, "expected 1 to 31 characters, none of them of []:*?/\\"),
      v.description("Excel: the sheet's name."),
    ),
    "Sheet1",
  ),
  partition_by: v.optional(
    v.pipe(
      v.array(text),
      v.minLength(1, "expected at least one column"),
      v.description("Writes a folder with a folder a value: day=2024-01-31/…"),
    ),
  ),
});
const loadOptionsSchema = v.pipe(loadOptions, separatorsDiffer());
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

/** The path that a stream or a load names, as it is written. */
export function pathOfUse(use: ConnectorUse<FileStream, FileTarget>): string | undefined {
  if (use.kind === "destination") return use.target.path;
  return use.kind === "source" ? use.stream.path : undefined;
}
