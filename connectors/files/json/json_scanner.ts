import { DOUBLE_DIGITS, isExactDouble, isFarDate, timeKindOf } from "../types/text_kind.ts";
import { ARRAY, BOOLEAN, INTEGER, JsonNode, NULL, OBJECT, type Place, REAL, STRING } from "./json_node.ts";

/**
 * Reads JSON (RFC 8259) from bytes and notes in nodes what its values are. Beside the standard it takes NaN,
 * Infinity and -Infinity, which Python writes.
 */

/** What is wrong with a text, and the line that it is in. */
export class JsonFault extends Error {
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

/** The bytes end before the value does. */
export const INCOMPLETE = -1;
/** No byte of a JSON text outside of a string; stands behind the bytes. */
export const SENTINEL = 0;

const MAX_DEPTH = 1_000;
/** Deeper values are not typed: they stay JSON. */
const MAX_TYPED_DEPTH = 32;
/** Of what is written for a double: a sign, a point, 17 digits, some zeros and an exponent. */
const MAX_REPR_LENGTH = 24;

const [QUOTE, BACKSLASH, MINUS, PLUS, POINT, COMMA, COLON] = [0x22, 0x5c, 0x2d, 0x2b, 0x2e, 0x2c, 0x3a];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];
const [ZERO, NINE, LETTER_E, SMALL_E, SMALL_U] = [0x30, 0x39, 0x45, 0x65, 0x75];
const [SPACE, TAB, LINE_FEED, RETURN] = [0x20, 0x09, 0x0a, 0x0d];

interface Word {
  readonly bytes: Uint8Array;
  readonly kind: number;
}
const word = (text: string, kind: number): Word => ({ bytes: new TextEncoder().encode(text), kind });
/** By their first byte. */
const WORDS: ReadonlyMap<number | undefined, Word> = new Map(
  [
    word("true", BOOLEAN),
    word("false", BOOLEAN),
    word("null", NULL),
    word("NaN", REAL),
    word("Infinity", REAL),
    word("-Infinity", REAL),
  ].map((entry) => [entry.bytes[0], entry]),
);

/** Whether a double keeps all that a number says. */
export function isExactReal(text: string): boolean {
  // The usual case, and quicker.
  return text.length <= MAX_REPR_LENGTH && String(Number(text)) === text || isExactDouble(text);
}

export class JsonScanner implements Place {
  /** The number of the file, from 0. */
  readonly file: number;
  /** With SENTINEL at `end`. */
  bytes: Uint8Array = new Uint8Array(1);
  end = 0;
  /** Nothing comes behind `end`. */
  isLast = false;
  /** Of the byte that is looked at, from 1. */
  line = 1;
  /** There was a carriage return between values. */
  hasReturns = false;
  readonly #decoder = new TextDecoder();

  constructor(file: number) {
    this.file = file;
  }

  /** Behind white space. */
  skipSpace(position: number): number {
    const { bytes } = this;
    for (;;) {
      const byte = bytes[position];
      if (byte === LINE_FEED) this.line++;
      else if (byte === RETURN) this.hasReturns = true;
      else if (byte !== SPACE && byte !== TAB) return position;
      position++;
    }
  }

  /** What stands there, for messages. */
  shown(position: number): string {
    if (position >= this.end) return "the end of the file";
    const byte = this.bytes[position] ?? 0;
    if (byte === QUOTE) return "a string";
    if (byte === OPEN_BRACKET) return "an array";
    if (byte === OPEN_BRACE) return "an object";
    if (byte === MINUS || byte >= ZERO && byte <= NINE) return "a number";
    const text = this.#text(position, Math.min(position + 12, this.end));
    const word = /^[A-Za-z]+/.exec(text)?.[0];
    return word ?? JSON.stringify([...text][0] ?? "");
  }

  /** Reads an object with the records' keys, from its brace. Returns where it ends, or INCOMPLETE. */
  record(position: number, root: JsonNode): number {
    return this.#object(position + 1, root, 0);
  }

  #text(start: number, end: number): string {
    return this.#decoder.decode(this.bytes.subarray(start, end));
  }

  /** At the bytes' end INCOMPLETE, unless that is the file's: then, and elsewhere, throws. */
  #unexpected(position: number, expected: string): number {
    if (position >= this.end && !this.isLast) return INCOMPLETE;
    throw new JsonFault(this.line, `expected ${expected}, found ${this.shown(position)}`);
  }

  #value(position: number, node: JsonNode, depth: number): number {
    const { line } = this;
    const byte = this.bytes[position] ?? SENTINEL;
    let end: number;
    if (byte === QUOTE) end = this.#string(position, node);
    else if (byte >= ZERO && byte <= NINE || byte === MINUS && this.bytes[position + 1] !== 0x49) {
      end = this.#number(position, node);
    } else if (byte === OPEN_BRACE) {
      this.#enter(OBJECT, node, depth);
      end = this.#object(position + 1, node, depth + 1);
    } else if (byte === OPEN_BRACKET) {
      this.#enter(ARRAY, node, depth);
      end = this.#array(position + 1, node, depth + 1);
    } else end = this.#word(position, node);
    if (node.watch !== undefined && end !== INCOMPLETE) {
      node.watch(this.#text(position, end), { file: this.file, line });
    }
    return end;
  }

  /** Notes that a value has others in it. From some depth on, one node stands for all of them. */
  #enter(kind: number, node: JsonNode, depth: number): void {
    node.observe(kind, this);
    if (depth >= MAX_TYPED_DEPTH) node.isUntyped = true;
    if (depth < MAX_DEPTH) return;
    throw new JsonFault(this.line, `its values are nested more than ${MAX_DEPTH} deep`);
  }

  #object(position: number, node: JsonNode, depth: number): number {
    const serial = ++node.serial;
    const keys = node.mapValue === undefined && !node.isUntyped ? undefined : new Set<string>();
    let [at, next] = [this.skipSpace(position), 0];
    if (this.bytes[at] === CLOSE_BRACE) return at + 1;
    for (;;) {
      if (this.bytes[at] !== QUOTE) return this.#unexpected(at, "a key in quotes");
      const field = node.fields[next];
      let child: JsonNode;
      if (field !== undefined && this.#isKey(at + 1, field.bytes)) {
        at += field.bytes.length + 2;
        if (field.serial === serial) throw this.#twice(field.key);
        field.serial = serial;
        if (field.group !== undefined) this.#meet(field.group, serial, field.key, depth);
        child = field.node;
        next++;
      } else {
        const end = this.#skipString(at);
        if (end === INCOMPLETE) return INCOMPLETE;
        const found = this.#child(this.#stringText(at, end), node, serial, keys, depth);
        at = end;
        child = found.node;
        next = found.index + 1;
      }
      at = this.skipSpace(at);
      if (this.bytes[at] !== COLON) return this.#unexpected(at, "a colon behind the key");
      at = this.#value(this.skipSpace(at + 1), child, depth);
      if (at === INCOMPLETE) return INCOMPLETE;
      at = this.skipSpace(at);
      const byte = this.bytes[at];
      if (byte === CLOSE_BRACE) return at + 1;
      if (byte !== COMMA) return this.#unexpected(at, "a comma or a closing brace");
      at = this.skipSpace(at + 1);
    }
  }

  #isKey(position: number, key: Uint8Array): boolean {
    const { bytes } = this;
    for (let i = 0; i < key.length; i++) if (bytes[position + i] !== key[i]) return false;
    return bytes[position + key.length] === QUOTE;
  }

  /** The node of a key that is not the expected one. */
  #child(
    key: string,
    node: JsonNode,
    serial: number,
    keys: Set<string> | undefined,
    depth: number,
  ): { readonly node: JsonNode; readonly index: number } {
    const field = node.mapValue === undefined
      ? node.field(key) ?? node.addField(key, depth === 0)
      : undefined;
    if (field === undefined) {
      // The keys are data. In the object in which that shows, the earlier ones are known no more.
      if (keys?.has(key)) throw this.#twice(key);
      keys?.add(key);
      return { node: node.mapValue ?? node, index: -2 };
    }
    if (field.serial === serial) throw this.#twice(key);
    field.serial = serial;
    if (field.group !== undefined) this.#meet(field.group, serial, key, depth);
    return field;
  }

  /** Keys of one column can stand in different records only. */
  #meet(group: { serial: number }, serial: number, key: string, depth: number): void {
    if (depth > 0) return;
    if (group.serial === serial) throw this.#twice(key);
    group.serial = serial;
  }

  #twice(key: string): JsonFault {
    return new JsonFault(
      this.line,
      `the key ${JSON.stringify(key)} is there twice in one object; rename one of them`,
    );
  }

  #array(position: number, node: JsonNode, depth: number): number {
    const item = node.isUntyped ? node : node.item ??= new JsonNode();
    let at = this.skipSpace(position);
    if (this.bytes[at] === CLOSE_BRACKET) return at + 1;
    for (;;) {
      at = this.#value(at, item, depth);
      if (at === INCOMPLETE) return INCOMPLETE;
      at = this.skipSpace(at);
      const byte = this.bytes[at];
      if (byte === CLOSE_BRACKET) return at + 1;
      if (byte !== COMMA) return this.#unexpected(at, "a comma or a closing bracket");
      at = this.skipSpace(at + 1);
    }
  }

  #string(position: number, node: JsonNode): number {
    node.observe(STRING, this);
    const end = this.#skipString(position);
    if (end !== INCOMPLETE && node.textKind !== "text") {
      const kind = timeKindOf(this.bytes, position + 1, end - 1);
      node.observeText(kind, kind !== undefined && kind !== "TIME" && isFarDate(this.bytes, position + 1));
    }
    return end;
  }

  /** From the opening quote to behind the closing one. */
  #skipString(position: number): number {
    const { bytes } = this;
    let at = position + 1;
    for (;;) {
      const byte = bytes[at] ?? SENTINEL;
      if (byte === QUOTE) return at + 1;
      if (byte === BACKSLASH) {
        at = this.#escape(at);
        if (at === INCOMPLETE) return INCOMPLETE;
      } else if (byte < SPACE) {
        if (at >= this.end) return this.#unexpected(at, "a closing quote");
        throw new JsonFault(this.line, "a string has a line break or another control character in it");
      } else at++;
    }
  }

  /** Behind an escape. */
  #escape(position: number): number {
    if (position + 2 > this.end) return this.#unexpected(this.end, "the rest of a string");
    const letter = this.bytes[position + 1] ?? SENTINEL;
    if (letter !== SMALL_U) {
      if ('"\\/bfnrt'.includes(String.fromCharCode(letter))) return position + 2;
      throw new JsonFault(
        this.line,
        `a string has the unknown escape \\${this.#text(position + 1, position + 2)}`,
      );
    }
    const unit = this.#hex(position + 2);
    if (unit === INCOMPLETE || (unit & 0xf800) !== 0xd800) return unit === INCOMPLETE ? unit : position + 6;
    const isHigh = unit < 0xdc00;
    if (isHigh && position + 8 > this.end && !this.isLast) return INCOMPLETE;
    const hasLow = isHigh && this.bytes[position + 6] === BACKSLASH && this.bytes[position + 7] === SMALL_U;
    const low = hasLow ? this.#hex(position + 8) : 0;
    if (low === INCOMPLETE) return INCOMPLETE;
    if (low >= 0xdc00 && low < 0xe000) return position + 12;
    throw new JsonFault(
      this.line,
      `a string has ${this.#text(position, position + 6)}, half of a surrogate pair, which is no character`,
    );
  }

  #hex(position: number): number {
    if (position + 4 > this.end) return this.#unexpected(this.end, "the rest of a string");
    const digits = this.#text(position, position + 4);
    if (/^[0-9A-Fa-f]{4}$/.test(digits)) return Number.parseInt(digits, 16);
    throw new JsonFault(this.line, `a string has the unknown escape \\u${digits}`);
  }

  /** What the string between its quotes says. */
  #stringText(start: number, end: number): string {
    const text = this.#text(start + 1, end - 1);
    return text.includes("\\") ? String(JSON.parse(`"${text}"`)) : text;
  }

  #word(position: number, node: JsonNode): number {
    const found = WORDS.get(this.bytes[position]);
    const length = found?.bytes.findIndex((byte, i) => this.bytes[position + i] !== byte) ?? 0;
    if (found !== undefined && length === -1) {
      node.observe(found.kind, this);
      return position + found.bytes.length;
    }
    return this.#unexpected(position + length >= this.end ? this.end : position, "a value");
  }

  #digits(position: number): number {
    const { bytes } = this;
    let at = position;
    for (;;) {
      const byte = bytes[at] ?? SENTINEL;
      if (byte < ZERO || byte > NINE) return at;
      at++;
    }
  }

  #number(position: number, node: JsonNode): number {
    const { bytes } = this;
    const start = bytes[position] === MINUS ? position + 1 : position;
    const whole = this.#digits(start);
    if (whole === start) return this.#unexpected(start, "a digit");
    let end = whole;
    if (bytes[end] === POINT) {
      end = this.#digits(whole + 1);
      if (end === whole + 1) return this.#unexpected(end, "a digit behind the point");
    }
    const mantissa = end;
    if (bytes[end] === SMALL_E || bytes[end] === LETTER_E) {
      const sign = bytes[end + 1] === MINUS || bytes[end + 1] === PLUS ? end + 2 : end + 1;
      end = this.#digits(sign);
      if (end === sign) return this.#unexpected(end, "a digit of the exponent");
    }
    // More of it may come.
    if (end >= this.end && !this.isLast) return INCOMPLETE;
    if (bytes[start] === ZERO && whole > start + 1) {
      throw new JsonFault(this.line, `the number ${this.#text(position, end)} begins with a zero`);
    }
    if (end === whole) this.#integer(position, end, whole - start, node);
    else this.#real(position, mantissa, end, node);
    return end;
  }

  #integer(position: number, end: number, digits: number, node: JsonNode): void {
    node.observe(INTEGER, this);
    if (digits > node.integerDigits) node.integerDigits = digits;
    if (digits < 19 || node.isBeyond128) return;
    const value = digits > 40 ? undefined : BigInt(this.#text(position, end));
    if (value === undefined || value !== BigInt.asIntN(128, value)) node.isBeyond128 = true;
    if (value === undefined || value !== BigInt.asIntN(64, value)) node.isBeyond64 = true;
  }

  #real(position: number, mantissa: number, end: number, node: JsonNode): void {
    node.observe(REAL, this);
    const isShort = end - position <= DOUBLE_DIGITS + 1 && mantissa === end;
    if (node.hasPlainReals) node.hasPlainReals = isShort && !this.#isTiny(position);
    if (isShort || node.hasInexactReal) return;
    node.hasInexactReal = !isExactReal(this.#text(position, end));
  }

  /** Whether a double is written with an exponent for its many zeros. */
  #isTiny(position: number): boolean {
    const { bytes } = this;
    const start = bytes[position] === MINUS ? position + 1 : position;
    return [0, 2, 3, 4].every((i) => bytes[start + i] === ZERO) && bytes[start + 1] === POINT;
  }
}
