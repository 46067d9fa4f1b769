/** How a text file writes numbers and times where that is not the plain way. */
export interface ValueFormat {
  readonly decimalSeparator: "." | ",";
  /** Between groups of digits, as in 1,234,567; none by default. A blank stands for no-break spaces too. */
  readonly thousandsSeparator?: string | undefined;
  /** strptime formats; undefined is ISO 8601. */
  readonly dateFormat: string | undefined;
  readonly timestampFormat: string | undefined;
}

/** Numbers as 1234.5, times as ISO 8601. */
export const PLAIN_FORMAT: ValueFormat = {
  decimalSeparator: ".",
  dateFormat: undefined,
  timestampFormat: undefined,
};

const SPECIFIERS: Readonly<Record<string, string>> = {
  Y: "\\d{4}",
  m: "(?:0?[1-9]|1[0-2])",
  d: "(?:0?[1-9]|[12]\\d|3[01])",
  H: "(?:[01]?\\d|2[0-3])",
  M: "[0-5]?\\d",
  S: "[0-5]?\\d",
  f: "\\d{1,6}",
  g: "\\d{1,3}",
  n: "\\d{1,9}",
  y: "\\d{2}",
  z: "(?:Z|[+-]\\d\\d(?::?\\d\\d)?)",
  "%": "%",
};

/**
 * The source of an expression that the texts of a strptime format match as a whole: DuckDB's own reading takes
 * more, as 24 for the year 2024. It is one for JavaScript as for RE2.
 */
export function formatSource(format: string): string {
  return format.replace(/%-?(.)|[\\^$.|?*+(){}\[\]]/gu, (match, specifier) => {
    if (typeof specifier !== "string") return `\\${match}`;
    return SPECIFIERS[specifier] ?? (/[aAbBp]/.test(specifier) ? "\\p{L}+\\.?" : "\\d+");
  });
}

/** Parts of a format that say a time of the day. */
export const TIME_OF_DAY = /%-?[HIMSfgnpzZcX]/;

/** The characters that a thousands separator stands for, as the inside of a class of characters. */
export function thousandsClass(separator: string): string {
  return separator === " " ? " \u00a0\u202f" : separator.replace(/[\\\]^-]/g, "\\$&");
}

/** The source of an expression that numbers with separated groups match: 1,234,567.8 and 12,34,567. */
export function groupedSource({ decimalSeparator, thousandsSeparator }: ValueFormat): string {
  const mark = `[${thousandsClass(thousandsSeparator ?? "")}]`;
  return `[+-]?\\d{1,3}(?:${mark}\\d{2,3})*${mark}\\d{3}(?:[${decimalSeparator}]\\d*)?`;
}
