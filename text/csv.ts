/** A line of CSV: the fields as texts; one that is empty and not quoted is null. */
export interface CsvRecord {
  /** Where it begins, from 1. */
  readonly line: number;
  readonly fields: readonly (string | null)[];
}

/**
 * Reads small CSV by RFC 4180: commas, `"` with `""` for a quote, CRLF or LF; a byte order mark and empty lines are
 * left out. Throws CsvError with the line of what does not follow it.
 */
export function parseCsv(text: string): CsvRecord[] {
  const records: CsvRecord[] = [];
  let line = 1;
  let at = text.startsWith("\uFEFF") ? 1 : 0;
  while (at < text.length) {
    const start = line;
    const fields: (string | null)[] = [];
    for (;;) {
      const field = text[at] === '"' ? quoted(text, at, line) : plain(text, at);
      fields.push(field.value);
      line += field.lines;
      at = field.end;
      if (text[at] !== ",") break;
      at += 1;
    }
    const lineBreak = /^(?:\r\n|\n|\r)?/.exec(text.slice(at, at + 2))?.[0] ?? "";
    if (lineBreak === "" && at < text.length) {
      throw new CsvError(line, "a quote ends, and something other than a comma follows");
    }
    at += lineBreak.length;
    line += 1;
    if (fields.length > 1 || fields[0] !== null) records.push({ line: start, fields });
  }
  return records;
}

/** `line` counts from 1. */
export class CsvError extends Error {
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

interface Field {
  readonly value: string | null;
  readonly end: number;
  readonly lines: number;
}

const PLAIN = /[^,\r\n]*/y;

function plain(text: string, start: number): Field {
  PLAIN.lastIndex = start;
  const value = PLAIN.exec(text)?.[0] ?? "";
  return { value: value === "" ? null : value, end: start + value.length, lines: 0 };
}

const QUOTED = /"((?:[^"]|"")*)"/y;

function quoted(text: string, start: number, line: number): Field {
  QUOTED.lastIndex = start;
  const match = QUOTED.exec(text);
  if (match === null) throw new CsvError(line, "a quote is never closed");
  const value = (match[1] ?? "").replaceAll('""', '"');
  return { value, end: QUOTED.lastIndex, lines: value.split(/\r\n|\n|\r/).length - 1 };
}
