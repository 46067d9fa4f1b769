import { type Data, makeData } from "apache-arrow";
import { type ColumnType, fieldOf } from "./column_type.ts";
import type { SqliteValue } from "../driver.ts";
import { MAX_INT64, parseDate, parseTime, parseTimestamp } from "../iso_time.ts";

/** Thrown for a value that does not fit; the reader adds table, column and row. */
export class MisfitError extends Error {
  override readonly name = "MisfitError";
}

/** Collects the values of one column of one batch into Arrow's buffers. */
export interface ColumnBuilder {
  /** Throws MisfitError. */
  append(value: SqliteValue): void;
  /** The column so far; the builder begins anew. Throws MisfitError. */
  finish(): Data;
}

export function builderOf(type: ColumnType, capacity: number): ColumnBuilder {
  switch (type.kind) {
    case "text":
    case "json":
    case "blob":
      return new BytesBuilder(type, capacity);
    default:
      return new FixedBuilder(type, capacity);
  }
}

class Validity {
  readonly bitmap: Uint8Array;
  nullCount = 0;

  constructor(capacity: number) {
    this.bitmap = new Uint8Array((capacity + 7) >> 3);
  }

  set(index: number, isValid: boolean): void {
    if (isValid) this.bitmap[index >> 3] = (this.bitmap[index >> 3] ?? 0) | (1 << (index & 7));
    else this.nullCount++;
  }
}

type FixedValues = BigInt64Array | Float64Array | Int32Array | Uint8Array | Uint32Array;

class FixedBuilder implements ColumnBuilder {
  readonly #type: ColumnType;
  readonly #capacity: number;
  #values: FixedValues;
  #validity: Validity;
  #length = 0;

  constructor(type: ColumnType, capacity: number) {
    this.#type = type;
    this.#capacity = capacity;
    this.#values = valuesOf(type, capacity);
    this.#validity = new Validity(capacity);
  }

  append(value: SqliteValue): void {
    this.#validity.set(this.#length, value !== null);
    if (value !== null) put(this.#values, this.#length, value, this.#type);
    this.#length++;
  }

  finish(): Data {
    const data = makeData({
      type: fieldOf("", this.#type).type,
      length: this.#length,
      nullCount: this.#validity.nullCount,
      nullBitmap: this.#validity.bitmap,
      data: this.#values,
    });
    this.#values = valuesOf(this.#type, this.#capacity);
    this.#validity = new Validity(this.#capacity);
    this.#length = 0;
    return data;
  }
}

function valuesOf(type: ColumnType, capacity: number): FixedValues {
  switch (type.kind) {
    case "real":
      return new Float64Array(capacity);
    case "date":
      return new Int32Array(capacity);
    case "boolean":
      return new Uint8Array((capacity + 7) >> 3);
    case "decimal":
      return new Uint32Array(capacity * 4);
    case "uuid":
    case "hugeint":
      return new Uint8Array(capacity * 16);
    default:
      return new BigInt64Array(capacity);
  }
}

function put(values: FixedValues, index: number, value: Exclude<SqliteValue, null>, type: ColumnType): void {
  if (values instanceof BigInt64Array) values[index] = int64Of(value, type);
  else if (values instanceof Float64Array) values[index] = realOf(value);
  else if (values instanceof Int32Array) {
    values[index] = required(typeof value === "string" ? parseDate(value) : undefined);
  } else if (values instanceof Uint32Array) values.set(int128Words(decimalOf(value, type)), index * 4);
  else if (type.kind === "boolean") {
    if (booleanOf(value)) values[index >> 3] = (values[index >> 3] ?? 0) | (1 << (index & 7));
  } else if (type.kind === "uuid") values.set(uuidOf(value), index * 16);
  else values.set(new Uint8Array(int128Words(hugeintOf(value)).buffer), index * 16);
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new MisfitError();
  return value;
}

function int64Of(value: Exclude<SqliteValue, null>, type: ColumnType): bigint {
  if (type.kind === "integer") return required(typeof value === "bigint" ? value : undefined);
  const text = required(typeof value === "string" ? value : undefined);
  if (type.kind === "time") return required(parseTime(text));
  const { micros, hasZone } = required(parseTimestamp(text));
  const isInfinite = micros === MAX_INT64 || micros === -MAX_INT64;
  if (!isInfinite && hasZone !== (type.kind === "timestamptz")) throw new MisfitError();
  return micros;
}

/** A text 'NaN' is what the destination writes: SQLite itself makes NULL of it. */
function realOf(value: Exclude<SqliteValue, null>): number {
  if (typeof value === "number") return value;
  if (value === "NaN") return NaN;
  const number = required(typeof value === "bigint" ? Number(value) : undefined);
  if (BigInt(number) !== value) throw new MisfitError();
  return number;
}

function booleanOf(value: Exclude<SqliteValue, null>): boolean {
  if (value === 1n || value === 1) return true;
  if (value === 0n || value === 0) return false;
  if (typeof value === "string" && /^(?:true|false)$/i.test(value)) return value.toLowerCase() === "true";
  throw new MisfitError();
}

/** The whole number behind a time, decimal or integer, for a comparison. Throws MisfitError. */
export function integerOf(value: Exclude<SqliteValue, null>, type: ColumnType): bigint {
  if (type.kind === "decimal") return decimalOf(value, type);
  return type.kind === "hugeint" ? hugeintOf(value) : int64Of(value, type);
}

const DECIMAL_TEXT = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;
/** A double that was a decimal of up to so many digits shows it when it is rounded to as many. */
const DOUBLE_DIGITS = 15;

function decimalOf(value: Exclude<SqliteValue, null>, type: ColumnType): bigint {
  if (typeof value === "object") throw new MisfitError();
  if (typeof value === "number" && !Number.isFinite(value)) throw new MisfitError();
  const text = typeof value === "number" ? value.toPrecision(DOUBLE_DIGITS) : String(value);
  const [, sign, whole = "", fraction = "", exponent = "0"] = DECIMAL_TEXT.exec(text) ?? [];
  if (sign === undefined || whole + fraction === "") throw new MisfitError();
  const digits = BigInt(whole + fraction);
  const shift = type.scale - fraction.length + Number(exponent);
  const factor = 10n ** BigInt(Math.abs(shift));
  if (shift < 0 && digits % factor !== 0n) throw new MisfitError();
  const unscaled = shift < 0 ? digits / factor : digits * factor;
  if (unscaled >= 10n ** BigInt(type.precision)) throw new MisfitError();
  return sign === "-" ? -unscaled : unscaled;
}

function hugeintOf(value: Exclude<SqliteValue, null>): bigint {
  const text = required(typeof value === "string" || typeof value === "bigint" ? String(value) : undefined);
  if (!/^-?\d{1,39}$/.test(text)) throw new MisfitError();
  const integer = BigInt(text);
  if (BigInt.asIntN(128, integer) !== integer) throw new MisfitError();
  return integer;
}

function int128Words(value: bigint): Uint32Array<ArrayBuffer> {
  return new Uint32Array(BigInt64Array.of(BigInt.asIntN(64, value), BigInt.asIntN(64, value >> 64n)).buffer);
}

function uuidOf(value: Exclude<SqliteValue, null>): Uint8Array {
  if (value instanceof Uint8Array && value.length === 16) return value;
  const hex = typeof value === "string" ? value.replace(/^\{|\}$|-/g, "") : "";
  if (!/^[0-9a-f]{32}$/i.test(hex)) throw new MisfitError();
  return Uint8Array.from({ length: 16 }, (_, i) => Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16));
}

/** Texts come as their bytes, so that what is not UTF-8 is found and a NUL does not end them. */
class BytesBuilder implements ColumnBuilder {
  readonly #type: ColumnType;
  readonly #capacity: number;
  #bytes = new Uint8Array(65_536);
  #used = 0;
  #offsets: Int32Array;
  #validity: Validity;
  #length = 0;

  constructor(type: ColumnType, capacity: number) {
    this.#type = type;
    this.#capacity = capacity;
    this.#offsets = new Int32Array(capacity + 1);
    this.#validity = new Validity(capacity);
  }

  append(value: SqliteValue): void {
    if (value !== null) {
      if (!(value instanceof Uint8Array)) throw new MisfitError();
      // A byte that goes on a character cannot begin a text, so that whole texts joined are checked as one.
      if (this.#type.kind !== "blob" && ((value[0] ?? 0) & 0xc0) === 0x80) throw new MisfitError();
      this.#reserve(value.length);
      this.#bytes.set(value, this.#used);
      this.#used += value.length;
    }
    this.#validity.set(this.#length, value !== null);
    this.#length++;
    this.#offsets[this.#length] = this.#used;
  }

  #reserve(count: number): void {
    if (this.#used + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#used + count));
    larger.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = larger;
  }

  finish(): Data {
    const bytes = this.#bytes.slice(0, this.#used);
    if (this.#type.kind !== "blob") checkUtf8(bytes);
    const data = makeData({
      type: fieldOf("", this.#type).type,
      length: this.#length,
      nullCount: this.#validity.nullCount,
      nullBitmap: this.#validity.bitmap,
      valueOffsets: this.#offsets,
      data: bytes,
    });
    this.#used = 0;
    this.#offsets = new Int32Array(this.#capacity + 1);
    this.#validity = new Validity(this.#capacity);
    this.#length = 0;
    return data;
  }
}

function checkUtf8(bytes: Uint8Array): void {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new MisfitError();
  }
}
