import { type Data, DataType, DateUnit, type Field, TimeUnit } from "apache-arrow";
import {
  EXTENSION_METADATA_KEY,
  EXTENSION_NAME_KEY,
  JSON_EXTENSION,
  OPAQUE_EXTENSION,
  UUID_EXTENSION,
} from "../../../contract/arrow.ts";
import { AppError } from "../../../contract/errors.ts";
import type { SqliteValue } from "../database.ts";
import { formatDate, formatTime, formatTimestamp, MAX_INT64 } from "../iso_time.ts";
import { quickDates, quickTimestamps } from "./quick_times.ts";

/** The value of a row of one column; rows count within the data's own range. */
export type ValueReader = (row: number) => SqliteValue;

/** What SQLite stores for each value of the column: exact, and never another value. */
export function readerOf(field: Field, data: Data): ValueReader {
  const read = plainReader(field, data);
  if (data.nullCount === 0) return read;
  return (row) => (data.getValid(row) ? read(row) : null);
}

function plainReader(field: Field, data: Data): ValueReader {
  const type: DataType = data.type;
  const { values } = data;
  if (DataType.isNull(type)) return () => null;
  if (DataType.isBool(type)) return (row) => (bitOf(values, data.offset + row) ? 1n : 0n);
  if (DataType.isInt(type)) {
    return type.bitWidth === 64 && !type.isSigned ? unsignedReader(values) : (row) => BigInt(values[row]);
  }
  if (DataType.isFloat(type)) return floatReader(field, values);
  if (DataType.isDecimal(type)) return (row) => formatDecimal(int128At(values, row), type.scale);
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) return textReader(data);
  if (DataType.isBinary(type) || DataType.isLargeBinary(type)) {
    const bytes = bytesReader(data);
    return (row) => bytes(row).slice();
  }
  if (DataType.isFixedSizeBinary(type)) return fixedBinaryReader(field, type.byteWidth, values);
  if (DataType.isDictionary(type)) {
    const dictionary = data.dictionary;
    return (row) => {
      const text: unknown = dictionary?.get(Number(values[row]));
      return typeof text === "string" ? text : null;
    };
  }
  if (DataType.isInterval(type)) return intervalReader(data);
  return timeReader(type, data) ?? jsonReader(field, data);
}

function bitOf(values: Uint8Array, index: number): boolean {
  return (((values[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;
}

function unsignedReader(values: BigUint64Array): ValueReader {
  return (row) => String(values[row]);
}

/** NaN as text: SQLite would make NULL of it. */
function floatReader(field: Field, values: Float64Array | Float32Array | Uint16Array): ValueReader {
  if (values instanceof Uint16Array) {
    throw new AppError("invalid", `Cannot write column "${field.name}": half floats are not supported`);
  }
  return (row) => {
    const value = values[row] ?? NaN;
    return Number.isNaN(value) ? "NaN" : value;
  };
}

function int128At(words: Uint32Array, row: number): bigint {
  const at = (i: number) => BigInt(words[row * 4 + i] ?? 0);
  return BigInt.asIntN(128, at(0) | (at(1) << 32n) | (at(2) << 64n) | (at(3) << 96n));
}

const HIGH_WORD = 2 ** 32;

/** A decimal without its point, from its two lower words, where a double holds it. */
function quickUnscaled(words: Uint32Array, row: number): number | undefined {
  const at = row * 4;
  const low = words[at] ?? 0;
  const next = words[at + 1] ?? 0;
  const high = words[at + 2] ?? 0;
  if (high !== (words[at + 3] ?? 0)) return undefined;
  const isNegative = high === 0xffff_ffff;
  if (high !== 0 && !isNegative) return undefined;
  const digits = isNegative ? (~next >>> 0) * HIGH_WORD + (~low >>> 0) + 1 : next * HIGH_WORD + low;
  if (digits > Number.MAX_SAFE_INTEGER) return undefined;
  return isNegative ? -digits : digits;
}

/** Powers of ten up to this one are doubles exactly. */
const MAX_EXACT_POWER = 22;

/**
 * Decimals for a column of numeric affinity, which makes a number of a text: the double that is nearest to the decimal,
 * as the quotient of two exact doubles is, or the text.
 */
export function numericReader(field: Field, data: Data): ValueReader {
  const read = readerOf(field, data);
  const type: DataType = data.type;
  if (!DataType.isDecimal(type) || type.scale < 0 || type.scale > MAX_EXACT_POWER) return read;
  const power = 10 ** type.scale;
  return (row) => {
    if (data.nullCount > 0 && !data.getValid(row)) return null;
    const unscaled = quickUnscaled(data.values, row);
    return unscaled === undefined ? read(row) : unscaled / power;
  };
}

function formatDecimal(unscaled: bigint, scale: number): string {
  if (scale === 0) return String(unscaled);
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, "0");
  return `${unscaled < 0n ? "-" : ""}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Texts are decoded many at once, which is several times as fast as each for itself. */
const DECODED_ROWS = 1_024;

function textReader(data: Data): ValueReader {
  const bytesOf = bytesReader(data);
  // A first U+FEFF is a character as any other.
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const starts = new Int32Array(DECODED_ROWS + 1);
  let text = "";
  let [from, to] = [0, 0];
  let areFound = false;
  return (row) => {
    if (row < from || row >= to) {
      [from, to] = [row, Math.min(row + DECODED_ROWS, data.length)];
      const { values, valueOffsets } = data;
      text = decoder.decode(values.subarray(Number(valueOffsets[from]), Number(valueOffsets[to])));
      findStarts(data, from, to, starts);
      areFound = starts[to - from] === text.length;
    }
    return areFound ? text.slice(starts[row - from], starts[row - from + 1]) : decoder.decode(bytesOf(row));
  };
}

/** Where each text begins among all from `from` on, in units of UTF-16; and where the last one ends. */
function findStarts({ values, valueOffsets }: Data, from: number, to: number, starts: Int32Array): void {
  let units = 0;
  for (let row = from; row < to; row++) {
    starts[row - from] = units;
    const end = Number(valueOffsets[row + 1]);
    for (let i = Number(valueOffsets[row]); i < end; i++) {
      const byte: number = values[i];
      // Bytes that go on a character count nothing, and the first of four counts for two units.
      if ((byte & 0xc0) !== 0x80) units += byte < 0xf0 ? 1 : 2;
    }
  }
  starts[to - from] = units;
}

function bytesReader(data: Data): (row: number) => Uint8Array {
  const { values, valueOffsets } = data;
  return (row) => values.subarray(Number(valueOffsets[row]), Number(valueOffsets[row + 1]));
}

function fixedBinaryReader(field: Field, width: number, values: Uint8Array): ValueReader {
  const bytes = (row: number) => values.subarray(row * width, (row + 1) * width);
  const extension = field.metadata.get(EXTENSION_NAME_KEY);
  if (extension === UUID_EXTENSION && width === 16) return (row) => formatUuid(bytes(row));
  if (extension === OPAQUE_EXTENSION && width === 16) {
    const isUnsigned = /uhugeint/i.test(field.metadata.get(EXTENSION_METADATA_KEY) ?? "");
    return (row) => String(hugeintOf(bytes(row), isUnsigned));
  }
  return (row) => bytes(row).slice();
}

function hugeintOf(bytes: Uint8Array, isUnsigned: boolean): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  const value = view.getBigUint64(0, true) | (view.getBigUint64(8, true) << 64n);
  return isUnsigned ? value : BigInt.asIntN(128, value);
}

function formatUuid(bytes: Uint8Array): string {
  const hex = bytes.toHex();
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const MICROS_A_UNIT: Readonly<Record<TimeUnit, bigint>> = {
  [TimeUnit.SECOND]: 1_000_000n,
  [TimeUnit.MILLISECOND]: 1_000n,
  [TimeUnit.MICROSECOND]: 1n,
  [TimeUnit.NANOSECOND]: 0n,
};

/** Texts of ISO 8601; undefined for what is no time. */
function timeReader(type: DataType, data: Data): ((row: number) => string) | undefined {
  const { values } = data;
  if (DataType.isDate(type)) {
    const quick = values instanceof Int32Array ? quickDates(values) : undefined;
    return type.unit === DateUnit.DAY
      ? (row) => quick?.(row) ?? formatDate(Number(values[row]))
      : (row) => formatDate(Math.floor(Number(values[row]) / 86_400_000));
  }
  if (DataType.isTime(type)) {
    if (type.unit === TimeUnit.NANOSECOND) return (row) => formatNanos(formatTime, BigInt(values[row]));
    return (row) => formatTime(BigInt(values[row]) * MICROS_A_UNIT[type.unit]);
  }
  if (DataType.isTimestamp(type)) {
    const zone = type.timezone === null || type.timezone === undefined ? "" : "+00:00";
    const quick = values instanceof BigInt64Array && type.unit === TimeUnit.MICROSECOND
      ? quickTimestamps(values, zone !== "")
      : undefined;
    return (row) => {
      const found = quick?.(row);
      if (found !== undefined) return found;
      const value = BigInt(values[row]);
      const text = value === MAX_INT64 || value === -MAX_INT64
        ? formatTimestamp(value)
        : type.unit === TimeUnit.NANOSECOND
        ? formatNanos(formatTimestamp, value)
        : formatTimestamp(value * MICROS_A_UNIT[type.unit]);
      return text.endsWith("infinity") ? text : text + zone;
    };
  }
  return undefined;
}

/** With all nine digits where the last three say something. */
function formatNanos(format: (micros: bigint) => string, nanos: bigint): string {
  const rest = ((nanos % 1_000n) + 1_000n) % 1_000n;
  const text = format((nanos - rest) / 1_000n);
  if (rest === 0n) return text;
  return `${text.includes(".") ? text : `${text}.000000`}${String(rest).padStart(3, "0")}`;
}

/**
 * Lists, structs and maps as JSON text: numbers exactly as they are, times and decimals and blobs
 * (in hexadecimal) as texts. A map is a list of {"key", "value"}, as its keys may be of any type.
 */
function jsonReader(field: Field, data: Data): (row: number) => string {
  const read = valueJson(field, data);
  return (row) => read(row);
}

type JsonReader = (row: number) => string;

function valueJson(field: Field, data: Data): JsonReader {
  const read = presentJson(field, data);
  return (row) => (data.nullCount === 0 || data.getValid(row) ? read(row) : "null");
}

function presentJson(field: Field, data: Data): JsonReader {
  const type: DataType = data.type;
  if (DataType.isList(type)) {
    const item = childJson(type.children, data, 0);
    return (row) => list(item, Number(data.valueOffsets[row]), Number(data.valueOffsets[row + 1]));
  }
  if (DataType.isFixedSizeList(type)) {
    const item = childJson(type.children, data, 0);
    return (row) => list(item, row * type.listSize, (row + 1) * type.listSize);
  }
  if (DataType.isMap(type)) {
    const entry = childJson(type.children, data, 0);
    return (row) => list(entry, Number(data.valueOffsets[row]), Number(data.valueOffsets[row + 1]));
  }
  if (DataType.isStruct(type)) {
    const members = type.children.map((child, i) =>
      [JSON.stringify(child.name), childJson(type.children, data, i)] as const
    );
    return (row) => `{${members.map(([name, read]) => `${name}:${read(row)}`).join(",")}}`;
  }
  const read = readerOf(field, data);
  const isJson = field.metadata.get(EXTENSION_NAME_KEY) === JSON_EXTENSION;
  const isBool = DataType.isBool(type);
  return (row) => {
    const value = read(row);
    if (isBool) return value === 1n ? "true" : "false";
    if (typeof value === "bigint") return String(value);
    if (typeof value === "number") {
      return Number.isFinite(value) ? String(value) : JSON.stringify(String(value));
    }
    if (value instanceof Uint8Array) {
      return JSON.stringify([...value].map((b) => b.toString(16).padStart(2, "0")).join(""));
    }
    return isJson && value !== null ? value : JSON.stringify(value);
  };
}

function childJson(fields: readonly Field[], data: Data, index: number): JsonReader {
  const [field, child] = [fields[index], data.children[index]];
  return field === undefined || child === undefined ? () => "null" : valueJson(field, child);
}

function list(item: JsonReader, start: number, end: number): string {
  const items: string[] = [];
  for (let i = start; i < end; i++) items.push(item(i));
  return `[${items.join(",")}]`;
}

/** ISO 8601 durations: months, days and the time apart, as a month is no count of days. */
function intervalReader(data: Data): (row: number) => string {
  const words: Int32Array = data.values;
  return (row) => {
    const [months = 0, days = 0, low = 0, high = 0] = words.subarray(row * 4, row * 4 + 4);
    const nanos = BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low >>> 0));
    const sign = nanos < 0n ? "-" : "";
    const micros = (nanos < 0n ? -nanos : nanos) / 1_000n;
    const fraction = String(micros % 1_000_000n).padStart(6, "0").replace(/0+$/, "");
    return `P${months}M${days}DT${sign}${micros / 1_000_000n}${fraction === "" ? "" : `.${fraction}`}S`;
  };
}
