/**
 * Splits CSV text (RFC 4180, with any delimiter) into records. Used for what DuckDB's reader does
 * not tell: a sample to find types from, and the place of a fault. Strict: a fault is returned.
 */

export interface CsvDialect {
  readonly delimiter: string;
  readonly quote: string;
  readonly escape: string;
  /** Texts that are NULL. */
  readonly nulls: ReadonlySet<string>;
  readonly quotedNull: boolean;
}

export interface CsvRecord {
  readonly kind: "record";
  readonly values: readonly (string | null)[];
  /** The line on which it begins, from 1. */
  readonly line: number;
  /** A line with nothing on it. */
  readonly isBlank: boolean;
}

export interface CsvFault {
  readonly kind: "fault";
  readonly line: number;
  readonly reason: "unterminated_quote" | "text_after_quote";
}

/** Takes text in pieces; gives the records that are complete. */
export class CsvSplitter {
  readonly #dialect: CsvDialect;
  #rest = "";
  #line: number;
  #isFirst = true;

  constructor(dialect: CsvDialect, firstLine = 1) {
    this.#dialect = dialect;
    this.#line = firstLine;
  }

  *push(text: string, isLast: boolean): Generator<CsvRecord | CsvFault> {
    let buffer = this.#rest + text;
    if (this.#isFirst && buffer !== "") {
      this.#isFirst = false;
      if (buffer.startsWith("\ufeff")) buffer = buffer.slice(1);
    }
    let position = 0;
    while (position < buffer.length) {
      const step = splitRecord(buffer, position, this.#dialect, isLast);
      if (step === "incomplete") break;
      if (step.fault !== undefined) {
        yield { kind: "fault", line: this.#line, reason: step.fault };
        return;
      }
      yield { kind: "record", values: step.values, line: this.#line, isBlank: step.isBlank };
      this.#line += step.lines;
      position = step.next;
    }
    this.#rest = buffer.slice(position);
  }
}

interface Step {
  readonly values: (string | null)[];
  readonly next: number;
  readonly lines: number;
  readonly isBlank: boolean;
  readonly fault?: CsvFault["reason"];
}

interface Value {
  readonly text: string;
  readonly isQuoted: boolean;
  readonly end: number;
  readonly lines: number;
}

function splitRecord(text: string, start: number, dialect: CsvDialect, isLast: boolean): Step | "incomplete" {
  const values: (string | null)[] = [];
  let position = start;
  let lines = 0;
  for (;;) {
    const value = text[position] === dialect.quote
      ? quotedValue(text, position, dialect, isLast)
      : plainValue(text, position, dialect, isLast);
    if (value === "incomplete") return value;
    if (typeof value === "string") return { values, next: position, lines, isBlank: false, fault: value };
    lines += value.lines;
    const isNull = dialect.nulls.has(value.text) && (!value.isQuoted || dialect.quotedNull);
    values.push(isNull ? null : value.text);
    position = value.end;
    if (text.startsWith(dialect.delimiter, position)) {
      position += dialect.delimiter.length;
      continue;
    }
    const isBlank = values.length === 1 && value.text === "" && !value.isQuoted;
    if (position >= text.length) return isLast ? { values, next: position, lines, isBlank } : "incomplete";
    if (text[position] === "\r" && text[position + 1] === "\n") position++;
    else if (text[position] === "\r" && position + 1 >= text.length && !isLast) return "incomplete";
    return { values, next: position + 1, lines: lines + 1, isBlank };
  }
}

function plainValue(text: string, start: number, dialect: CsvDialect, isLast: boolean): Value | "incomplete" {
  const first = dialect.delimiter.charCodeAt(0);
  for (let end = start; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (
      code === 10 || code === 13 ||
      (code === first && (dialect.delimiter.length === 1 || text.startsWith(dialect.delimiter, end)))
    ) {
      return { text: text.slice(start, end), isQuoted: false, end, lines: 0 };
    }
  }
  return isLast ? { text: text.slice(start), isQuoted: false, end: text.length, lines: 0 } : "incomplete";
}

function quotedValue(
  text: string,
  start: number,
  dialect: CsvDialect,
  isLast: boolean,
): Value | CsvFault["reason"] | "incomplete" {
  const { quote, escape } = dialect;
  let value = "";
  let from = start + 1;
  let lines = 0;
  for (let end = from; end < text.length; end++) {
    const character = text[end];
    if (character === "\n") lines++;
    const next = text[end + 1];
    if (character === escape && (next === quote || (next === escape && escape !== quote))) {
      value += text.slice(from, end) + next;
      from = end + 2;
      end++;
      continue;
    }
    if (character !== quote) continue;
    if (next === undefined && !isLast) return "incomplete";
    const after = end + 1;
    const isEnd = next === undefined || next === "\n" || next === "\r" ||
      text.startsWith(dialect.delimiter, after);
    if (!isEnd) return "text_after_quote";
    return { text: value + text.slice(from, end), isQuoted: true, end: after, lines };
  }
  return isLast ? "unterminated_quote" : "incomplete";
}
