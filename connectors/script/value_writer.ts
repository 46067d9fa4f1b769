import { DataType, TimeUnit } from "apache-arrow";
import { JSON_EXTENSION, OPAQUE_EXTENSION, UUID_EXTENSION } from "../../contract/arrow.ts";
import { extensionOf } from "../destination/json_text.ts";
import type { ColumnType } from "./column_type.ts";
import { daysOf, digitsOf, nanosOf, timeNanosOf, unscaled } from "./sandbox/exact_value.ts";

/** Takes the values of a column of one type, from the first row to the last. */
export interface ValueWriter {
  /** Whether the text is exactly a value of the type; what is not, is not taken. */
  put(row: number, text: string): boolean;
  /** There is no value in the row. */
  skip(row: number): void;
  /** The column's buffers. */
  end(): { readonly values: DataType["TArray"]; readonly offsets?: Int32Array };
}

/** A writer of so many values of the type. */
export function valueWriter({ type, metadata }: ColumnType, rows: number): ValueWriter {
  const extension = metadata === undefined ? undefined : extensionOf({ metadata });
  if (DataType.isBool(type)) return new Booleans(rows);
  if (DataType.isUtf8(type)) return new Texts(rows, extension === JSON_EXTENSION);
  if (DataType.isBinary(type)) return new Texts(rows, false);
  if (DataType.isFixedSizeBinary(type)) {
    if (extension === UUID_EXTENSION) return new Uuids(rows);
    const isSigned = extension === OPAQUE_EXTENSION;
    const parse = (text: string) => within(wholeNumber(text), 128, isSigned);
    return new Wide(rows, parse, (buffer) => new Uint8Array(buffer));
  }
  if (DataType.isDecimal(type)) {
    const { precision, scale } = type;
    const parse = (text: string) => unscaled(plainNumber(text), precision, scale);
    return new Wide(rows, parse, (buffer) => new Uint32Array(buffer));
  }
  if (DataType.isFloat(type)) return new Floats(type.ArrayType === Float32Array, rows);
  if (DataType.isInt(type)) {
    const { bitWidth, isSigned } = type;
    const parse = (text: string) => within(wholeNumber(text), bitWidth, isSigned);
    if (bitWidth === 64) {
      return new Elements(isSigned ? new BigInt64Array(rows) : new BigUint64Array(rows), parse);
    }
    return new Elements(new type.ArrayType(rows), (text) => numberOf(parse(text)));
  }
  if (DataType.isDate(type)) {
    return new Elements(new Int32Array(rows), (text) => infinityOf(text, 0x7fff_ffff) ?? daysOf(text));
  }
  if (DataType.isTime(type)) {
    return new Elements(new BigInt64Array(rows), (text) => inUnits(timeNanosOf(text), type.unit));
  }
  if (DataType.isTimestamp(type)) {
    const hasZone = type.timezone !== null && type.timezone !== undefined;
    return new Elements(new BigInt64Array(rows), (text) => momentOf(text, hasZone, type.unit));
  }
  throw new TypeError(`No text is a value of Arrow ${type}`);
}

const numberOf = (value: bigint | undefined): number | undefined =>
  value === undefined ? undefined : Number(value);

/** Of a number without a fraction, as `12`, `007` and `12.00`. */
function wholeNumber(text: string): bigint | undefined {
  const [, sign, digits] = /^([+-]?)(\d+)(?:\.0*)?$/.exec(text) ?? [];
  if (digits === undefined) return undefined;
  return sign === "-" ? -BigInt(digits) : BigInt(digits);
}

function within(value: bigint | undefined, bits: number, isSigned: boolean): bigint | undefined {
  if (value === undefined) return undefined;
  return value === (isSigned ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value)) ? value : undefined;
}

/** A number that is written with an exponent, as JavaScript writes small ones, without it. */
function plainNumber(text: string): string {
  const [, sign = "", whole = "", part = "", power] =
    /^([+-]?)(\d+)(?:\.(\d*))?[eE]([+-]?\d{1,3})$/.exec(text) ?? [];
  if (power === undefined) return text;
  const shift = Number(power);
  if (shift >= 0) return `${sign}${whole}${part.slice(0, shift).padEnd(shift, "0")}.${part.slice(shift)}`;
  const digits = whole.padStart(-shift + 1, "0");
  return `${sign}${digits.slice(0, shift)}.${digits.slice(shift)}${part}`;
}

/** Infinite dates and times are the extreme values, see contract/arrow.ts. */
const infinityOf = (text: string, greatest: number): number | undefined =>
  text === "infinity" ? greatest : text === "-infinity" ? -greatest : undefined;

const MAX_INT64 = 2n ** 63n - 1n;
const NANOS: Readonly<Record<TimeUnit, bigint>> = {
  [TimeUnit.SECOND]: 1_000_000_000n,
  [TimeUnit.MILLISECOND]: 1_000_000n,
  [TimeUnit.MICROSECOND]: 1_000n,
  [TimeUnit.NANOSECOND]: 1n,
};

function inUnits(nanos: bigint | undefined, unit: TimeUnit): bigint | undefined {
  return nanos === undefined || nanos % NANOS[unit] !== 0n ? undefined : nanos / NANOS[unit];
}

/** A day alone is its midnight, where there are no zones. */
function momentOf(text: string, hasZone: boolean, unit: TimeUnit): bigint | undefined {
  const infinite = infinityOf(text, 1);
  if (infinite !== undefined) return BigInt(infinite) * MAX_INT64;
  const isDay = !hasZone && /^[+-]?\d{4,6}-\d\d-\d\d$/.test(text);
  const value = inUnits(nanosOf(isDay ? `${text}T00:00:00` : text, hasZone), unit);
  return value === undefined || value >= MAX_INT64 || value <= -MAX_INT64 ? undefined : value;
}

type Parse<Value> = (text: string) => Value | undefined;

/** Of values that are an element each. */
class Elements<Value extends number | bigint> implements ValueWriter {
  readonly #values: DataType["TArray"];
  readonly #parse: Parse<Value>;

  constructor(values: DataType["TArray"], parse: Parse<Value>) {
    this.#values = values;
    this.#parse = parse;
  }

  put(row: number, text: string): boolean {
    const value = this.#parse(text);
    if (value === undefined) return false;
    this.#values[row] = value;
    return true;
  }

  skip(): void {}

  end() {
    return { values: this.#values };
  }
}

/** Of 128 bits, little-endian. */
class Wide implements ValueWriter {
  readonly #words: BigUint64Array<ArrayBuffer>;
  readonly #parse: Parse<bigint>;
  readonly #view: (buffer: ArrayBuffer) => DataType["TArray"];

  constructor(rows: number, parse: Parse<bigint>, view: (buffer: ArrayBuffer) => DataType["TArray"]) {
    this.#words = new BigUint64Array(2 * rows);
    this.#parse = parse;
    this.#view = view;
  }

  put(row: number, text: string): boolean {
    const value = this.#parse(text);
    if (value === undefined) return false;
    this.#words[2 * row] = BigInt.asUintN(64, value);
    this.#words[2 * row + 1] = BigInt.asUintN(64, value >> 64n);
    return true;
  }

  skip(): void {}

  end() {
    return { values: this.#view(this.#words.buffer) };
  }
}

class Floats implements ValueWriter {
  readonly #values: Float32Array | Float64Array;
  readonly #isSingle: boolean;

  constructor(isSingle: boolean, rows: number) {
    this.#isSingle = isSingle;
    this.#values = isSingle ? new Float32Array(rows) : new Float64Array(rows);
  }

  /** A number of whose digits none gets lost: written by the double, or by the single, it has the same. */
  put(row: number, text: string): boolean {
    const value = Number(text);
    const isNumber = /^[+-]?(?:\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|Infinity)$|^NaN$/.test(text);
    const isSame = !Number.isFinite(value) ||
      digitsOf(text) === digitsOf(Object.is(value, -0) ? "-0" : String(value));
    const isHeld = !/\d/.test(text) === !Number.isFinite(value) && (!this.#isSingle || isSingle(value));
    if (!isNumber || !isSame || !isHeld) return false;
    this.#values[row] = value;
    return true;
  }

  skip(): void {}

  end() {
    return { values: this.#values };
  }
}

/** Whether a single holds the number, or writes it with the same digits. */
function isSingle(value: number): boolean {
  const held = Math.fround(value);
  if (Object.is(held, value)) return true;
  return Number.isFinite(held) && [6, 7, 8, 9].some((digits) => Number(held.toPrecision(digits)) === value);
}

class Booleans implements ValueWriter {
  readonly #bits: Uint8Array;

  constructor(rows: number) {
    this.#bits = new Uint8Array(Math.ceil(rows / 8));
  }

  put(row: number, text: string): boolean {
    if (text === "true") this.#bits[row >> 3] = (this.#bits[row >> 3] ?? 0) | 1 << (row & 7);
    return text === "true" || text === "false";
  }

  skip(): void {}

  end() {
    return { values: this.#bits };
  }
}

class Uuids implements ValueWriter {
  readonly #bytes: Uint8Array;

  constructor(rows: number) {
    this.#bytes = new Uint8Array(16 * rows);
  }

  put(row: number, text: string): boolean {
    if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return false;
    this.#bytes.set(Uint8Array.fromHex(text.replaceAll("-", "")), 16 * row);
    return true;
  }

  skip(): void {}

  end() {
    return { values: this.#bytes };
  }
}

class Texts implements ValueWriter {
  readonly #offsets: Int32Array;
  readonly #texts: Uint8Array[] = [];
  readonly #isJson: boolean;
  #end = 0;

  constructor(rows: number, isJson: boolean) {
    this.#offsets = new Int32Array(rows + 1);
    this.#isJson = isJson;
  }

  put(row: number, text: string): boolean {
    if (this.#isJson && text === "null") return false;
    const bytes = new TextEncoder().encode(text);
    this.#texts.push(bytes);
    this.#end += bytes.length;
    this.#offsets[row + 1] = this.#end;
    return true;
  }

  skip(row: number): void {
    this.#offsets[row + 1] = this.#end;
  }

  end() {
    const values = new Uint8Array(this.#end);
    let at = 0;
    for (const text of this.#texts) {
      values.set(text, at);
      at += text.length;
    }
    return { values, offsets: this.#offsets };
  }
}
