/** Where the fields of rows are written to, in one of the two forms in which a server takes them. */
export interface Cells {
  null(): void;
  /** A value of letters, digits and punctuation of ASCII, without a quote or a backslash. */
  ascii(text: string): void;
  /** A whole number that a double holds, divided by ten to the power of `scale`, with all digits of that. */
  decimal(value: number, scale: number): void;
  /** Any text, in UTF-8. */
  text(bytes: Uint8Array, from: number, to: number): void;
  binary(bytes: Uint8Array, from: number, to: number): void;
  /** Between two fields, and behind the last of a row. */
  endField(): void;
  endRow(): void;
}

const TAB = 0x09;
const NEWLINE = 0x0a;
const QUOTE = 0x27;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const LETTER_N = 0x4e;
const BACKSLASH = 0x5c;
const LETTER_N_SMALL = 0x6e;
const LETTER_T_SMALL = 0x74;
/** From here on a byte may begin a character of several. */
const HIGH = 0x80;

/** A sign, a point and the digits of 2^53. */
const MAX_DECIMAL_BYTES = 20;

function digitsOf(value: number): number {
  let digits = 1;
  for (let limit = 10; value >= limit; limit *= 10) digits++;
  return digits;
}

/** A buffer that grows, and what is common to both forms. */
abstract class Writer {
  protected bytes = new Uint8Array(256 * 1024);
  protected at = 0;

  get length(): number {
    return this.at;
  }

  /** What was written, up to a place; valid until more is. */
  view(to = this.at): Uint8Array {
    return this.bytes.subarray(0, to);
  }

  clear(): void {
    this.at = 0;
  }

  /** Leaves only what was written from a place on. */
  keepFrom(place: number): void {
    this.bytes.copyWithin(0, place, this.at);
    this.at -= place;
  }

  protected reserve(count: number): void {
    if (this.at + count <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.at + count));
    larger.set(this.bytes.subarray(0, this.at));
    this.bytes = larger;
  }

  protected putDecimal(value: number, scale: number): void {
    this.reserve(MAX_DECIMAL_BYTES + scale);
    const { bytes } = this;
    let { at } = this;
    if (value < 0) bytes[at++] = MINUS;
    let rest = Math.abs(value);
    let digits = Math.max(digitsOf(rest), scale + 1);
    const end = at + digits + (scale > 0 ? 1 : 0);
    this.at = end;
    for (at = end - 1; digits > 0; digits--) {
      if (scale > 0 && end - 1 - at === scale) bytes[at--] = POINT;
      // Halves of 32 bits are divided much faster.
      const tenth = rest < 0x8000_0000 ? (rest / 10) | 0 : Math.floor(rest / 10);
      bytes[at--] = ZERO + (rest - tenth * 10);
      rest = tenth;
    }
  }

  protected putAscii(text: string): void {
    this.reserve(text.length);
    const { bytes } = this;
    let { at } = this;
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    this.at = at;
  }
}

/**
 * The lines of LOAD DATA with fields between tabs and a backslash to escape: NULL is `\N`; tabs, line ends,
 * backslashes and zero bytes of values are escaped, and so is each byte of a binary that could be taken for
 * the first of a character.
 */
export class LoadDataCells extends Writer implements Cells {
  null(): void {
    this.reserve(2);
    this.bytes[this.at++] = BACKSLASH;
    this.bytes[this.at++] = LETTER_N;
  }

  ascii(text: string): void {
    this.putAscii(text);
  }

  decimal(value: number, scale: number): void {
    this.putDecimal(value, scale);
  }

  text(source: Uint8Array, from: number, to: number): void {
    this.#put(source, from, to, 0x100);
  }

  binary(source: Uint8Array, from: number, to: number): void {
    this.#put(source, from, to, HIGH);
  }

  #put(source: Uint8Array, from: number, to: number, high: number): void {
    this.reserve((to - from) * 2);
    const { bytes } = this;
    let { at } = this;
    for (let i = from; i < to; i++) {
      const byte = source[i] ?? 0;
      if (byte < high && byte > NEWLINE && byte !== BACKSLASH) {
        bytes[at++] = byte;
        continue;
      }
      const escaped = byte === NEWLINE
        ? LETTER_N_SMALL
        : byte === TAB
        ? LETTER_T_SMALL
        : byte === 0
        ? ZERO
        : byte;
      if (escaped !== byte || byte === BACKSLASH || byte >= high) bytes[at++] = BACKSLASH;
      bytes[at++] = escaped;
    }
    this.at = at;
  }

  endField(): void {
    this.reserve(1);
    this.bytes[this.at++] = TAB;
  }

  endRow(): void {
    // The tab behind the last field becomes the end of the line.
    this.bytes[this.at - 1] = NEWLINE;
  }
}

const HEX = new TextEncoder().encode("0123456789ABCDEF");

/** The rows of an INSERT's VALUES, for a session with NO_BACKSLASH_ESCAPES. */
export class ValuesCells extends Writer implements Cells {
  #isInRow = false;

  null(): void {
    this.#begin();
    this.putAscii("NULL");
  }

  ascii(text: string): void {
    this.#begin();
    this.putAscii(`'${text}'`);
  }

  decimal(value: number, scale: number): void {
    this.#begin();
    this.putDecimal(value, scale);
  }

  text(source: Uint8Array, from: number, to: number): void {
    this.#begin();
    this.reserve((to - from) * 2 + 2);
    const { bytes } = this;
    let { at } = this;
    bytes[at++] = QUOTE;
    for (let i = from; i < to; i++) {
      const byte = source[i] ?? 0;
      if (byte === QUOTE) bytes[at++] = QUOTE;
      bytes[at++] = byte;
    }
    bytes[at++] = QUOTE;
    this.at = at;
  }

  binary(source: Uint8Array, from: number, to: number): void {
    this.#begin();
    this.reserve((to - from) * 2 + 3);
    const { bytes } = this;
    let { at } = this;
    bytes[at++] = 0x78;
    bytes[at++] = QUOTE;
    for (let i = from; i < to; i++) {
      const byte = source[i] ?? 0;
      bytes[at++] = HEX[byte >> 4] ?? 0;
      bytes[at++] = HEX[byte & 15] ?? 0;
    }
    bytes[at++] = QUOTE;
    this.at = at;
  }

  endField(): void {
    this.reserve(1);
    this.bytes[this.at++] = COMMA;
  }

  endRow(): void {
    this.bytes[this.at - 1] = 0x29;
    this.endField();
    this.#isInRow = false;
  }

  #begin(): void {
    if (this.#isInRow) return;
    this.#isInRow = true;
    this.reserve(1);
    this.bytes[this.at++] = 0x28;
  }
}
