/**
 * Splits CSV text (RFC 4180, and the other ways that a dialect names) into records. Strict: a fault is
 * returned.
 */

export interface CsvDialect {
  readonly delimiter: string;
  /** Empty where no value is quoted. */
  readonly quote: string;
  /** Before a quote, or another of itself, inside a quoted value; elsewhere it is what it is. */
  readonly escape: string;
  /** Texts that are NULL. */
  readonly nulls: ReadonlySet<string>;
  readonly quotedNull: boolean;
  /** Lines that begin with it are left out. */
  readonly comment?: string | undefined;
  /** Blanks before a value, and behind a closing quote, are left out. */
  readonly skipsBlanks?: boolean;
  /** LF, CRLF and CR may stand in one file. */
  readonly hasMixedLineEnds?: boolean;
  /** Lines whose quotes do not fit are left out one by one, each a fault with its text. */
  readonly goesOn?: boolean;
  /** The most that a record may have. */
  readonly maxCharacters?: number;
}

export interface CsvRecord {
  readonly kind: "record";
  readonly values: readonly (string | null)[];
  /** The line on which it begins, from 1. */
  readonly line: number;
  /** A line with nothing on it. */
  readonly isBlank: boolean;
  /** Whether a delimiter ends it: an empty value without quotes is its last. */
  readonly endsEmpty: boolean;
}

export interface CsvFault {
  readonly kind: "fault";
  readonly line: number;
  readonly reason: FaultReason;
  /** The line that was left out; undefined where nothing follows the fault. */
  readonly text?: string;
}

export type FaultReason = "unterminated_quote" | "text_after_quote" | "mixed_line_ends" | "line_too_long";

type LineEnd = "\n" | "\r\n" | "\r";

/** Takes text in pieces; gives the records that are complete. */
export class CsvSplitter {
  readonly #dialect: CsvDialect;
  /** Text without the end of its record. */
  #pieces: string[] = [];
  #heldLength = 0;
  /** It is looked at again when it has grown to so much, so that a long value is not scanned over and over. */
  #enough = 0;
  #line: number;
  #lineEnd: LineEnd | undefined;
  #isBroken = false;

  constructor(dialect: CsvDialect, firstLine = 1) {
    this.#dialect = dialect;
    this.#line = firstLine;
  }

  /** Nothing follows a fault without a text. */
  *push(text: string, isLast: boolean): Generator<CsvRecord | CsvFault> {
    if (this.#isBroken) return;
    this.#pieces.push(text);
    this.#heldLength += text.length;
    if (!isLast && this.#heldLength < this.#enough) return;
    const buffer = this.#pieces.length === 1 ? text : this.#pieces.join("");
    let position = 0;
    while (position < buffer.length) {
      const step = splitRecord(buffer, position, this.#dialect, isLast);
      if (step === "incomplete") break;
      const fault = step.fault ?? this.#faultOfEnd(step.lineEnd);
      if (fault !== undefined) {
        if (this.#dialect.goesOn && fault !== "mixed_line_ends") {
          const left = lineAt(buffer, position, isLast);
          if (left === undefined) break;
          yield { kind: "fault", line: this.#line, reason: fault, text: left.text };
          this.#line += 1;
          position = left.next;
          continue;
        }
        this.#isBroken = true;
        yield { kind: "fault", line: this.#line + step.lines, reason: fault };
        return;
      }
      const { values, isBlank, endsEmpty } = step;
      if (values !== undefined) yield { kind: "record", values, line: this.#line, isBlank, endsEmpty };
      this.#line += step.lines + (step.lineEnd === undefined ? 0 : 1);
      position = step.next;
    }
    const rest = buffer.slice(position);
    if (rest.length > (this.#dialect.maxCharacters ?? Number.POSITIVE_INFINITY)) {
      const left = this.#dialect.goesOn ? lineAt(rest, 0, isLast) : undefined;
      if (left !== undefined) {
        yield { kind: "fault", line: this.#line, reason: "line_too_long", text: left.text };
        this.#line += 1;
        this.#pieces = [];
        this.#heldLength = 0;
        this.#enough = 0;
        yield* this.push(rest.slice(left.next), isLast);
        return;
      }
      this.#isBroken = true;
      yield { kind: "fault", line: this.#line, reason: "line_too_long" };
      return;
    }
    this.#pieces = [rest];
    this.#heldLength = rest.length;
    this.#enough = position === 0 ? rest.length * 2 : 0;
  }

  #faultOfEnd(lineEnd: LineEnd | undefined): FaultReason | undefined {
    if (lineEnd === undefined || this.#dialect.hasMixedLineEnds) return undefined;
    this.#lineEnd ??= lineEnd;
    return this.#lineEnd === lineEnd ? undefined : "mixed_line_ends";
  }
}

/** The line that begins there and where the next one does; undefined where more text is wanted to know it. */
function lineAt(text: string, start: number, isLast: boolean): { text: string; next: number } | undefined {
  for (let at = start; at < text.length; at++) {
    if (text[at] === "\n") return { text: text.slice(start, at), next: at + 1 };
    if (text[at] !== "\r") continue;
    if (at + 1 === text.length && !isLast) return undefined;
    return { text: text.slice(start, at), next: text[at + 1] === "\n" ? at + 2 : at + 1 };
  }
  return isLast ? { text: text.slice(start), next: text.length } : undefined;
}

interface Step {
  /** Undefined for a comment. */
  readonly values: (string | null)[] | undefined;
  readonly next: number;
  /** Line breaks inside of values; with a fault, those before it. */
  readonly lines: number;
  /** Undefined at the end of the text. */
  readonly lineEnd: LineEnd | undefined;
  readonly isBlank: boolean;
  readonly endsEmpty: boolean;
  readonly fault?: FaultReason;
}

interface Value {
  readonly text: string;
  readonly isQuoted: boolean;
  readonly end: number;
  readonly lines: number;
}

function splitRecord(text: string, start: number, dialect: CsvDialect, isLast: boolean): Step | "incomplete" {
  if (dialect.comment !== undefined && text.startsWith(dialect.comment, start)) {
    const line = plainValue(text, start, undefined, isLast);
    return line === "incomplete" ? line : endOf(text, line.end, isLast, { values: undefined, lines: 0 });
  }
  const values: (string | null)[] = [];
  let position = start;
  let lines = 0;
  for (;;) {
    if (dialect.skipsBlanks) position = skipBlanks(text, position, dialect);
    const value = dialect.quote !== "" && text[position] === dialect.quote
      ? quotedValue(text, position, dialect, isLast)
      : plainValue(text, position, dialect.delimiter, isLast);
    if (value === "incomplete") return value;
    if (typeof value === "string") {
      return {
        values,
        next: position,
        lines,
        lineEnd: undefined,
        isBlank: false,
        endsEmpty: false,
        fault: value,
      };
    }
    lines += value.lines;
    const isNull = isNullText(value.text, dialect) && (!value.isQuoted || dialect.quotedNull);
    values.push(isNull ? null : value.text);
    position = value.end;
    if (text.startsWith(dialect.delimiter, position)) {
      position += dialect.delimiter.length;
      continue;
    }
    const endsEmpty = value.text === "" && !value.isQuoted;
    return endOf(text, position, isLast, { values, lines, endsEmpty });
  }
}

/** To look a text up in a set takes longer than to compare it with the few that are in it. */
function isNullText(text: string, { nulls }: CsvDialect): boolean {
  for (const one of nulls) if (one === text) return true;
  return false;
}

function endOf(
  text: string,
  position: number,
  isLast: boolean,
  { values, lines, endsEmpty = false }: {
    readonly values: (string | null)[] | undefined;
    readonly lines: number;
    readonly endsEmpty?: boolean;
  },
): Step | "incomplete" {
  const record = { values, lines, endsEmpty, isBlank: values?.length === 1 && endsEmpty };
  if (position >= text.length) {
    return isLast ? { ...record, next: position, lineEnd: undefined } : "incomplete";
  }
  if (text[position] === "\n") return { ...record, next: position + 1, lineEnd: "\n" };
  if (position + 1 >= text.length && !isLast) return "incomplete";
  const isPair = text[position + 1] === "\n";
  return { ...record, next: position + (isPair ? 2 : 1), lineEnd: isPair ? "\r\n" : "\r" };
}

function skipBlanks(text: string, start: number, { delimiter }: CsvDialect): number {
  let position = start;
  while ((text[position] === " " || text[position] === "\t") && text[position] !== delimiter) position++;
  return position;
}

/** Up to the delimiter, where there is one, or the end of the line. */
function plainValue(
  text: string,
  start: number,
  delimiter: string | undefined,
  isLast: boolean,
): Value | "incomplete" {
  const first = delimiter?.charCodeAt(0);
  for (let end = start; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (
      code === 10 || code === 13 ||
      (code === first && (delimiter?.length === 1 || text.startsWith(delimiter ?? "", end)))
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
): Value | FaultReason | "incomplete" {
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
    const after = dialect.skipsBlanks ? skipBlanks(text, end + 1, dialect) : end + 1;
    if (text.length - after < dialect.delimiter.length && !isLast) return "incomplete";
    const isEnd = after >= text.length || text[after] === "\n" || text[after] === "\r" ||
      text.startsWith(dialect.delimiter, after);
    if (!isEnd) return "text_after_quote";
    return { text: value + text.slice(from, end), isQuoted: true, end: after, lines };
  }
  return isLast ? "unterminated_quote" : "incomplete";
}
