import { type Data, DataType, TimeUnit } from "apache-arrow";
import {
  EXTENSION_METADATA_KEY,
  EXTENSION_NAME_KEY,
  JSON_EXTENSION,
  OPAQUE_EXTENSION,
  UUID_EXTENSION,
} from "../../contract/arrow.ts";

/**
 * One value as JSON: what structs, maps and lists of lists become. Integers and decimals keep all
 * their digits; dates and times are ISO 8601; binaries are what `binary` makes of them, by default
 * `\x` and hexadecimal digits; a map is an object where its keys are text, and a list of
 * `{"key", "value"}` otherwise. What JSON has no word for, as infinities, is text.
 */
export function jsonText(data: Data, row: number, extension?: string, binary = hexText): string {
  if (data.nullCount > 0 && !data.getValid(row)) return "null";
  const { type } = data;
  if (DataType.isStruct(type)) {
    const members = type.children.map((field, i) => {
      const child = data.children[i];
      const value = child === undefined ? "null" : jsonText(child, row, extensionOf(field), binary);
      return `${JSON.stringify(field.name)}:${value}`;
    });
    return `{${members.join(",")}}`;
  }
  if (DataType.isMap(type)) return mapText(data, row, binary);
  if (DataType.isList(type) || DataType.isFixedSizeList(type)) {
    const [start, end] = boundsOf(data, row);
    const child = data.children[0];
    const item = type.children[0];
    if (child === undefined) return "[]";
    const items: string[] = [];
    for (let i = start; i < end; i++) {
      items.push(jsonText(child, i, item && extensionOf(item), binary));
    }
    return `[${items.join(",")}]`;
  }
  return scalarText(data, row, extension, binary);
}

/** 128 bits without a sign, which Arrow tells apart by the extension's metadata. */
const UNSIGNED = `${OPAQUE_EXTENSION} unsigned`;

/** What `jsonText` takes as the extension of a field's values. */
export function extensionOf({ metadata }: { metadata: Map<string, string> }): string | undefined {
  const name = metadata.get(EXTENSION_NAME_KEY);
  if (name !== OPAQUE_EXTENSION) return name;
  return metadata.get(EXTENSION_METADATA_KEY)?.includes('"uhugeint"') ? UNSIGNED : name;
}

function boundsOf(data: Data, row: number): [number, number] {
  const offsets: ArrayLike<number | bigint> | undefined = data.valueOffsets;
  if (offsets === undefined || offsets.length === 0) return [row * data.stride, (row + 1) * data.stride];
  return [Number(offsets[row] ?? 0), Number(offsets[row + 1] ?? 0)];
}

function mapText(data: Data, row: number, binary: BinaryText): string {
  const [start, end] = boundsOf(data, row);
  const [keys, values] = data.children[0]?.children ?? [];
  if (keys === undefined || values === undefined) return "{}";
  const isObject = DataType.isUtf8(keys.type);
  const entries: string[] = [];
  for (let i = start; i < end; i++) {
    const [key, value] = [jsonText(keys, i), jsonText(values, i, undefined, binary)];
    entries.push(isObject ? `${key}:${value}` : `{"key":${key},"value":${value}}`);
  }
  return isObject ? `{${entries.join(",")}}` : `[${entries.join(",")}]`;
}

function scalarText(data: Data, row: number, extension: string | undefined, binary: BinaryText): string {
  const { type } = data;
  if (DataType.isNull(type)) return "null";
  if (DataType.isBool(type)) {
    const place = data.offset + row;
    return (((data.values[place >> 3] ?? 0) >> (place & 7)) & 1) === 1 ? "true" : "false";
  }
  if (DataType.isInt(type)) return String(data.values[row]);
  if (DataType.isFloat(type)) {
    const value = Number(data.values[row]);
    if (Object.is(value, -0)) return "-0";
    return Number.isFinite(value) ? String(value) : JSON.stringify(String(value));
  }
  if (DataType.isDecimal(type)) return decimalText(data, row, type.bitWidth / 32, type.scale);
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) {
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytesOf(data, row));
    return extension === JSON_EXTENSION ? text : JSON.stringify(text);
  }
  if (DataType.isDictionary(type)) {
    return JSON.stringify(String(data.dictionary?.get(Number(data.values[row]))));
  }
  if (DataType.isDate(type)) {
    const value = BigInt(data.values[row]);
    const infinite = infinityOf(value, type.unit === 0 ? 32 : 64);
    if (infinite !== undefined) return JSON.stringify(infinite);
    return JSON.stringify(dateText(type.unit === 0 ? value : floorDivide(value, 86_400_000n)));
  }
  if (DataType.isTimestamp(type)) {
    const infinite = infinityOf(BigInt(data.values[row]), 64);
    if (infinite !== undefined) return JSON.stringify(infinite);
    const zone = type.timezone === null || type.timezone === undefined ? "" : "Z";
    return JSON.stringify(timestampText(nanosOf(data, row, type.unit)) + zone);
  }
  if (DataType.isTime(type)) return JSON.stringify(timeText(nanosOf(data, row, type.unit)));
  if (DataType.isFixedSizeBinary(type) || DataType.isBinary(type) || DataType.isLargeBinary(type)) {
    return binaryText(bytesOf(data, row), extension, binary);
  }
  if (DataType.isInterval(type)) {
    const words = data.values.subarray(row * data.stride, (row + 1) * data.stride);
    return JSON.stringify(Array.from(words, Number));
  }
  throw new TypeError(`A value of Arrow ${type} inside a nested one cannot be written as JSON`);
}

/** See contract/arrow.ts. */
function infinityOf(value: bigint, bits: number): string | undefined {
  const greatest = (1n << BigInt(bits - 1)) - 1n;
  return value === greatest ? "infinity" : value === -greatest ? "-infinity" : undefined;
}

function bytesOf(data: Data, row: number): Uint8Array {
  const [start, end] = boundsOf(data, row);
  return data.values.subarray(start, end);
}

type BinaryText = (bytes: Uint8Array) => string;

const hexText = (bytes: Uint8Array): string => `\\x${bytes.toHex()}`;

function binaryText(bytes: Uint8Array, extension: string | undefined, binary: BinaryText): string {
  if (extension === UNSIGNED) return BigInt.asUintN(128, wideInteger(bytes)).toString();
  if (extension === OPAQUE_EXTENSION) return wideInteger(bytes).toString();
  if (extension !== UUID_EXTENSION) return JSON.stringify(binary(bytes));
  const hex = bytes.toHex();
  return JSON.stringify(hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5"));
}

/** 128 bits, little-endian, two's complement. */
function wideInteger(bytes: Uint8Array): bigint {
  return BigInt.asIntN(128, bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n));
}

/** A Decimal of `words` 32-bit words, with all digits of its scale. */
export function decimalText(data: Data, row: number, words: number, scale: number): string {
  let value = 0n;
  for (let w = words - 1; w >= 0; w--) value = (value << 32n) | BigInt(data.values[row * words + w] >>> 0);
  value = BigInt.asIntN(words * 32, value);
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, "0");
  const sign = value < 0n ? "-" : "";
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

const NANOS: Readonly<Record<TimeUnit, bigint>> = {
  [TimeUnit.SECOND]: 1_000_000_000n,
  [TimeUnit.MILLISECOND]: 1_000_000n,
  [TimeUnit.MICROSECOND]: 1_000n,
  [TimeUnit.NANOSECOND]: 1n,
};
const DAY_NANOS = 86_400_000_000_000n;

const nanosOf = (data: Data, row: number, unit: TimeUnit): bigint => BigInt(data.values[row]) * NANOS[unit];

const floorDivide = (a: bigint, b: bigint): bigint => a >= 0n ? a / b : -((b - 1n - a) / b);

/** ISO 8601 of days since 1970; years beyond four digits have a sign. */
function dateText(days: bigint): string {
  const shifted = days + 719_468n;
  const era = floorDivide(shifted, 146_097n);
  const dayOfEra = shifted - era * 146_097n;
  const yearOfEra = (dayOfEra - dayOfEra / 1460n + dayOfEra / 36_524n - dayOfEra / 146_096n) / 365n;
  const dayOfYear = dayOfEra - (365n * yearOfEra + yearOfEra / 4n - yearOfEra / 100n);
  const monthIndex = (5n * dayOfYear + 2n) / 153n;
  const day = dayOfYear - (153n * monthIndex + 2n) / 5n + 1n;
  const month = monthIndex < 10n ? monthIndex + 3n : monthIndex - 9n;
  const year = yearOfEra + era * 400n + (month <= 2n ? 1n : 0n);
  const absolute = (year < 0n ? -year : year).toString().padStart(4, "0");
  const sign = year < 0n ? "-" : year > 9999n ? "+" : "";
  return `${sign}${absolute}-${month.toString().padStart(2, "0")}-${day.toString().padStart(2, "0")}`;
}

/** `10:11:12.5` of nanoseconds since midnight. */
export function timeText(nanos: bigint): string {
  const seconds = nanos / 1_000_000_000n;
  const pad = (value: bigint) => value.toString().padStart(2, "0");
  const fraction = (nanos % 1_000_000_000n).toString().padStart(9, "0").replace(/0+$/, "");
  const clock = `${pad(seconds / 3600n)}:${pad(seconds / 60n % 60n)}:${pad(seconds % 60n)}`;
  return fraction === "" ? clock : `${clock}.${fraction}`;
}

function timestampText(nanos: bigint): string {
  const days = floorDivide(nanos, DAY_NANOS);
  return `${dateText(days)}T${timeText(nanos - days * DAY_NANOS)}`;
}
