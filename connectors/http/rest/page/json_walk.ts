import { isUtf8 } from "node:buffer";

/**
 * Finds its way in the bytes of a JSON text without making values of it: what is found is a piece of the text, in which no
 * number has lost a digit.
 */

/** A piece of a text: from `start` to before `end`. */
export interface Piece {
  readonly start: number;
  readonly end: number;
}

/** A piece of a text of its own, or of the page's. */
export interface PageRecord {
  readonly text: JsonText;
  readonly piece: Piece;
}

/** A key of an object or the place in an array, from 0; -1 is the last. */
export type PathStep = string | number;

/** The text is no JSON, as far as it was looked at. */
export class JsonTextFault extends Error {
  /** Of the byte that does not fit, from 0. */
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];
const [SPACE, TAB, LINE_FEED, RETURN] = [0x20, 0x09, 0x0a, 0x0d];

export type JsonKind = "object" | "array" | "string" | "other";

type Member = readonly [key: string, value: Piece];

/** Reads the records of a text while it is walked through. */
export interface RecordsReader {
  /** Where they are, if they are a list. */
  readonly path: readonly PathStep[];
  /** Called at the list's bracket; returns what is behind it. */
  readonly readList: (start: number) => number;
}

export class JsonText {
  readonly bytes: Uint8Array;
  readonly #decoder = new TextDecoder();
  /** What was found on the way, by where it begins: what is looked at again is not walked through again. */
  readonly #members = new Map<number, readonly Member[]>();
  readonly #items = new Map<number, readonly Piece[]>();
  #hasLineBreaks: boolean | undefined;
  #isUtf8: boolean | undefined;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Behind a byte order mark. */
  get start(): number {
    const { bytes } = this;
    return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  }

  /** The only value between the two places; undefined where there is nothing. Throws JsonTextFault where it does not end there. */
  valueBetween(from: number, to: number): Piece | undefined {
    const start = this.#skipSpace(from);
    if (start >= to) return undefined;
    const end = this.#skipValue(start);
    if (end > to) throw new JsonTextFault("its value does not end with the line", to);
    const rest = this.#skipSpace(end);
    if (rest < to) throw new JsonTextFault("something follows its value", rest);
    return { start, end };
  }

  /** The whole value. Throws JsonTextFault where there is none, or more than one, and what the reader throws. */
  root(records?: RecordsReader): Piece {
    const { bytes } = this;
    const start = this.#skipSpace(this.start);
    if (start >= bytes.length) throw new JsonTextFault("it is empty", start);
    const end = records === undefined
      ? this.#note(start, [], undefined)
      : this.#note(start, records.path, records.readList);
    const rest = this.#skipSpace(end);
    if (rest < bytes.length) throw new JsonTextFault("something follows its value", rest);
    return { start, end };
  }

  /** Anywhere, also between its values. */
  get hasLineBreaks(): boolean {
    return this.#hasLineBreaks ??= this.bytes.includes(LINE_FEED) || this.bytes.includes(RETURN);
  }

  get isUtf8(): boolean {
    return this.#isUtf8 ??= isUtf8(this.bytes);
  }

  kind({ start }: Piece): JsonKind {
    const byte = this.bytes[start];
    if (byte === OPEN_BRACE) return "object";
    if (byte === OPEN_BRACKET) return "array";
    return byte === QUOTE ? "string" : "other";
  }

  isNull({ start, end }: Piece): boolean {
    return end - start === 4 && this.bytes[start] === 0x6e;
  }

  /** The value at the path below the piece; undefined where there is none. */
  find(piece: Piece, path: readonly PathStep[]): Piece | undefined {
    let found: Piece | undefined = piece;
    for (const step of path) {
      if (found === undefined) return undefined;
      found = typeof step === "string" ? this.#member(found, step) : this.#item(found, step);
    }
    return found;
  }

  /** The items of an array; those of anything else are none. */
  items(piece: Piece): readonly Piece[] {
    if (this.kind(piece) !== "array") return [];
    if (!this.#items.has(piece.start)) this.#noteItems(piece.start, () => undefined);
    return this.#items.get(piece.start) ?? [];
  }

  /** The keys and values of an object; those of anything else are none. */
  members(piece: Piece): readonly Member[] {
    if (this.kind(piece) !== "object") return [];
    if (!this.#members.has(piece.start)) this.#noteMembers(piece.start, () => undefined);
    return this.#members.get(piece.start) ?? [];
  }

  text({ start, end }: Piece): string {
    return this.#decoder.decode(this.bytes.subarray(start, end));
  }

  /** The value, numbers as the nearest double. Throws JsonTextFault for what is no JSON. */
  value(piece: Piece): unknown {
    try {
      return JSON.parse(this.text(piece));
    } catch (error) {
      throw new JsonTextFault(error instanceof Error ? error.message : String(error), piece.start);
    }
  }

  /** Behind the value that begins there. */
  skip(position: number): number {
    return this.#skipValue(position);
  }

  /**
   * Behind the list whose bracket is at `start`; its items are not kept. `read` is called where an item begins, and returns where it
   * ends, or one that comes later.
   */
  readItems(start: number, read: (at: number) => number): number {
    let at = this.#skipSpace(start + 1);
    if (this.bytes[at] === CLOSE_BRACKET) return at + 1;
    while (true) {
      at = this.#skipSpace(read(at));
      if (this.bytes[at] === CLOSE_BRACKET) return at + 1;
      if (this.bytes[at] !== COMMA) throw this.#fault("a comma or a closing bracket", at);
      at = this.#skipSpace(at + 1);
    }
  }

  /** Behind the value, whose members or items are known then, but those of a list that is read; on the path to the records theirs are too. */
  #note(
    start: number,
    [step, ...rest]: readonly PathStep[],
    readList: RecordsReader["readList"] | undefined,
  ): number {
    const byte = this.bytes[start];
    if (step === undefined) {
      if (byte === OPEN_BRACKET) return readList?.(start) ?? this.#noteItems(start, () => undefined);
      return byte === OPEN_BRACE ? this.#noteMembers(start, () => undefined) : this.#skipValue(start);
    }
    if (typeof step === "number") {
      if (byte !== OPEN_BRACKET) return this.#skipValue(start);
      return this.#noteItems(
        start,
        (at, index) => index === step ? this.#note(at, rest, readList) : undefined,
      );
    }
    if (byte !== OPEN_BRACE) return this.#skipValue(start);
    let isFound = false;
    return this.#noteMembers(start, (at, key) => {
      if (isFound || key !== step) return undefined;
      isFound = true;
      return this.#note(at, rest, readList);
    });
  }

  /** `behind` may say where an item ends. */
  #noteItems(start: number, behind: (at: number, index: number) => number | undefined): number {
    const items: Piece[] = [];
    this.#items.set(start, items);
    let at = this.#skipSpace(start + 1);
    if (this.bytes[at] === CLOSE_BRACKET) return at + 1;
    while (true) {
      const end = behind(at, items.length) ?? this.#skipValue(at);
      items.push({ start: at, end });
      at = this.#skipSpace(end);
      if (this.bytes[at] === CLOSE_BRACKET) return at + 1;
      if (this.bytes[at] !== COMMA) throw this.#fault("a comma or a closing bracket", at);
      at = this.#skipSpace(at + 1);
    }
  }

  /** `behind` may say where a value ends. */
  #noteMembers(position: number, behind: (at: number, key: string) => number | undefined): number {
    const members: Member[] = [];
    this.#members.set(position, members);
    let at = this.#skipSpace(position + 1);
    if (this.bytes[at] === CLOSE_BRACE) return at + 1;
    while (true) {
      if (this.bytes[at] !== QUOTE) throw this.#fault("a key in quotes", at);
      const keyEnd = this.#skipString(at);
      const key = this.#key(at, keyEnd);
      const colon = this.#skipSpace(keyEnd);
      if (this.bytes[colon] !== COLON) throw this.#fault("a colon", colon);
      const start = this.#skipSpace(colon + 1);
      const end = behind(start, key) ?? this.#skipValue(start);
      members.push([key, { start, end }]);
      at = this.#skipSpace(end);
      if (this.bytes[at] === CLOSE_BRACE) return at + 1;
      if (this.bytes[at] !== COMMA) throw this.#fault("a comma or a closing brace", at);
      at = this.#skipSpace(at + 1);
    }
  }

  #key(start: number, end: number): string {
    const text = this.text({ start: start + 1, end: end - 1 });
    return text.includes("\\") ? String(this.value({ start, end })) : text;
  }

  #member(piece: Piece, key: string): Piece | undefined {
    for (const [name, value] of this.members(piece)) if (name === key) return value;
    return undefined;
  }

  #item(piece: Piece, index: number): Piece | undefined {
    return this.items(piece).at(index);
  }

  #skipSpace(position: number): number {
    const { bytes } = this;
    for (let at = position;; at++) {
      const byte = bytes[at];
      if (byte !== SPACE && byte !== LINE_FEED && byte !== RETURN && byte !== TAB) return at;
    }
  }

  /** Behind the value: its brackets match; what is between them is looked at when it is used. */
  #skipValue(position: number): number {
    const { bytes } = this;
    const first = bytes[position];
    if (first === QUOTE) return this.#skipString(position);
    if (first !== OPEN_BRACE && first !== OPEN_BRACKET) return this.#skipWord(position);
    const open: number[] = [];
    for (let at = position; at < bytes.length;) {
      const byte = bytes[at];
      if (byte === QUOTE) {
        at = this.#skipString(at);
        continue;
      }
      if (byte === OPEN_BRACE) open.push(CLOSE_BRACE);
      else if (byte === OPEN_BRACKET) open.push(CLOSE_BRACKET);
      else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        if (open.pop() !== byte) throw this.#fault("another bracket", at);
        if (open.length === 0) return at + 1;
      }
      at++;
    }
    throw this.#fault("a closing bracket", bytes.length);
  }

  #skipWord(position: number): number {
    let at = position;
    while (isWordByte(this.bytes[at])) at++;
    if (at === position) throw this.#fault("a value", position);
    return at;
  }

  #skipString(position: number): number {
    const { bytes } = this;
    for (let at = position + 1; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) return at + 1;
    }
    throw this.#fault("a closing quote", bytes.length);
  }

  #fault(expected: string, at: number): JsonTextFault {
    const found = at >= this.bytes.length
      ? "the end"
      : JSON.stringify(this.text({ start: at, end: at + 12 }));
    return new JsonTextFault(`expected ${expected}, found ${found}`, at);
  }
}

/** Of a number, `true`, `false`, `null`, and what Python writes beside them. */
const isWordByte = (byte: number | undefined): boolean =>
  byte !== undefined &&
  (byte >= 0x30 && byte <= 0x39 || byte >= 0x61 && byte <= 0x7a || byte >= 0x41 && byte <= 0x5a ||
    byte === 0x2d || byte === 0x2b || byte === 0x2e);
