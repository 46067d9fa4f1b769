import {
  type Data,
  DataType,
  type DataType as ArrowType,
  DateUnit,
  type Field,
  TimeUnit,
} from "apache-arrow";
import {
  EXTENSION_METADATA_KEY,
  EXTENSION_NAME_KEY,
  JSON_EXTENSION,
  OPAQUE_EXTENSION,
  UUID_EXTENSION,
} from "../../../../contract/arrow.ts";
import { AppError } from "../../../../contract/errors.ts";
import { decimalText, jsonText, timeText } from "../../../destination/json_text.ts";
import { shortestSingle } from "./digits.ts";

/** What the values of an Arrow column are, for what they may be stored as. */
export type SourceKind =
  | "null"
  | "bool"
  | "integer"
  | "float4"
  | "float8"
  | "decimal"
  | "text"
  | "json"
  | "bytes"
  | "uuid"
  | "date"
  | "time"
  | "timestamp"
  | "timestamptz"
  | "interval";

/** Throws `invalid` for an Arrow type that nothing is made of. */
export function sourceKind(field: Field): SourceKind {
  const { type } = field;
  const extension = field.metadata.get(EXTENSION_NAME_KEY);
  const found = numericKind(type) ?? textKind(type, extension) ?? temporalKind(type);
  if (found !== undefined) return found;
  if (DataType.isFixedSizeBinary(type) && type.byteWidth === 16) {
    if (extension === UUID_EXTENSION) return "uuid";
    if (extension === OPAQUE_EXTENSION) return "integer";
  }
  if (DataType.isBinary(type) || DataType.isLargeBinary(type) || DataType.isFixedSizeBinary(type)) {
    return "bytes";
  }
  throw new AppError(
    "invalid",
    `Column ${JSON.stringify(field.name)} is Arrow ${type}, which has no type of MySQL`,
  );
}

function numericKind(type: ArrowType): SourceKind | undefined {
  if (DataType.isNull(type)) return "null";
  if (DataType.isBool(type)) return "bool";
  if (DataType.isInt(type)) return "integer";
  if (DataType.isFloat(type) && type.precision > 0) return type.precision === 1 ? "float4" : "float8";
  return DataType.isDecimal(type) && type.bitWidth <= 128 ? "decimal" : undefined;
}

function textKind(type: ArrowType, extension: string | undefined): SourceKind | undefined {
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) {
    return extension === JSON_EXTENSION ? "json" : "text";
  }
  if (DataType.isDictionary(type) && DataType.isUtf8(type.dictionary)) return "text";
  const isNested = DataType.isList(type) || DataType.isFixedSizeList(type) || DataType.isStruct(type) ||
    DataType.isMap(type);
  return isNested ? "json" : undefined;
}

function temporalKind(type: ArrowType): SourceKind | undefined {
  if (DataType.isDate(type)) return "date";
  if (DataType.isTime(type)) return "time";
  if (DataType.isTimestamp(type)) {
    return type.timezone === null || type.timezone === undefined ? "timestamp" : "timestamptz";
  }
  return DataType.isInterval(type) || DataType.isDuration(type) ? "interval" : undefined;
}

/** The value of a row as text; rows count within the data. */
export type TextReader = (row: number) => string;

/**
 * How a value that is not NULL is written: numbers with all their digits (`NaN`, `Infinity`), times as ISO 8601
 * with a blank between day and time, `infinity`, moments with a zone in UTC and without it. Not for bytes.
 */
export function textReader(field: Field, data: Data): TextReader {
  const { type } = data;
  const { values } = data;
  if (DataType.isBool(type)) {
    return (row) =>
      (((values[(data.offset + row) >> 3] ?? 0) >> ((data.offset + row) & 7)) & 1) === 1 ? "true" : "false";
  }
  if (DataType.isInt(type)) return (row) => String(values[row]);
  if (DataType.isFloat(type)) {
    // A number of 32 bits is written with the digits that tell it from its neighbours.
    const isSingle = type.precision === 1;
    return (row) => isSingle ? shortestSingle(values[row]) : numberText(values[row]);
  }
  if (DataType.isDecimal(type)) return decimalReader(data, type.scale, type.bitWidth / 32);
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    const { valueOffsets } = data;
    return (row) =>
      decoder.decode(values.subarray(Number(valueOffsets[row] ?? 0), Number(valueOffsets[row + 1] ?? 0)));
  }
  if (DataType.isDictionary(type)) {
    const { dictionary } = data;
    return (row) => String(dictionary?.get(Number(values[row])));
  }
  if (DataType.isFixedSizeBinary(type)) return wideReader(field, values);
  return temporalReader(data) ?? ((row) => jsonText(data, row, field.metadata.get(EXTENSION_NAME_KEY)));
}

function numberText(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

const HIGH_WORD = 0x1_0000_0000;
/** A high word within these bounds and any low one are a whole number that a double holds. */
const MAX_SAFE_HIGH = 0x001f_ffff;

function decimalReader(data: Data, scale: number, words: number): TextReader {
  const { values } = data;
  const divisor = 10 ** scale;
  return (row) => {
    const at = row * words;
    const low = (values[at] ?? 0) >>> 0;
    const high = (values[at + 1] ?? 0) | 0;
    const rest = high >> 31;
    if (
      scale > 15 || high > MAX_SAFE_HIGH || high < -MAX_SAFE_HIGH ||
      words === 4 && ((values[at + 2] | 0) !== rest || (values[at + 3] | 0) !== rest)
    ) return decimalText(data, row, words, scale);
    const value = high * HIGH_WORD + low;
    const absolute = Math.abs(value);
    if (scale === 0) return String(value);
    const whole = Math.floor(absolute / divisor);
    const fraction = String(absolute - whole * divisor).padStart(scale, "0");
    return `${value < 0 ? "-" : ""}${whole}.${fraction}`;
  };
}

/** UUIDs and integers of 128 bits. */
function wideReader(field: Field, values: Uint8Array): TextReader {
  if (field.metadata.get(EXTENSION_NAME_KEY) === UUID_EXTENSION) {
    return (row) => uuidText(values, row * 16);
  }
  const isUnsigned = field.metadata.get(EXTENSION_METADATA_KEY)?.includes("uhugeint") ?? false;
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
  return (row) => {
    const value = view.getBigUint64(row * 16, true) | (view.getBigUint64(row * 16 + 8, true) << 64n);
    return String(isUnsigned ? value : BigInt.asIntN(128, value));
  };
}

const HEX_PAIRS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

function uuidText(bytes: Uint8Array, at: number): string {
  let text = "";
  for (let i = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) text += "-";
    text += HEX_PAIRS[bytes[at + i] ?? 0];
  }
  return text;
}

const MAX_INT32 = 0x7fff_ffff;
const MAX_INT64 = 0x7fff_ffff_ffff_ffffn;
const DAY_SECONDS = 86_400;
const UNITS_A_SECOND: Readonly<Record<TimeUnit, number>> = {
  [TimeUnit.SECOND]: 1,
  [TimeUnit.MILLISECOND]: 1_000,
  [TimeUnit.MICROSECOND]: 1_000_000,
  [TimeUnit.NANOSECOND]: 1_000_000_000,
};

function temporalReader(data: Data): TextReader | undefined {
  const { type } = data;
  const { values } = data;
  if (DataType.isDate(type)) return dateReader(data, type.unit);
  if (DataType.isTime(type)) {
    const nanos = 1_000_000_000n / BigInt(UNITS_A_SECOND[type.unit]);
    return (row) => timeText(BigInt(values[row]) * nanos);
  }
  if (DataType.isTimestamp(type)) return timestampReader(values, UNITS_A_SECOND[type.unit]);
  if (DataType.isInterval(type) || DataType.isDuration(type)) return intervalReader(data);
  return undefined;
}

function dateReader({ values }: Data, unit: DateUnit): TextReader {
  const dayOf = lastDay();
  return (row) => {
    const value = unit === DateUnit.DAY ? Number(values[row]) : Number(values[row]) / (DAY_SECONDS * 1_000);
    if (unit === DateUnit.DAY && Math.abs(value) === MAX_INT32) return value < 0 ? "-infinity" : "infinity";
    return dayOf(Math.floor(value));
  };
}

/** Many rows in a row are of one day. */
function lastDay(): (day: number) => string {
  let known = Number.NaN;
  let text = "";
  return (day) => {
    if (day !== known) {
      known = day;
      text = calendarDay(day);
    }
    return text;
  };
}

/** ISO 8601 of days since 1970; years beyond four digits have a sign. */
export function calendarDay(days: number): string {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra -
    (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthIndex = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthIndex + 2) / 5) + 1;
  const month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const sign = year < 0 ? "-" : year > 9999 ? "+" : "";
  return `${sign}${String(Math.abs(year)).padStart(4, "0")}-${pair(month)}-${pair(day)}`;
}

function timestampReader(values: BigInt64Array, unitsASecond: number): TextReader {
  const digits = String(unitsASecond).length - 1;
  const unitsADay = unitsASecond * DAY_SECONDS;
  const dayOf = lastDay();
  return (row) => {
    const value = values[row] ?? 0n;
    if (value === MAX_INT64 || value === -MAX_INT64) return value < 0n ? "-infinity" : "infinity";
    const [day, ofDay] = splitDay(value, unitsADay);
    const seconds = Math.floor(ofDay / unitsASecond);
    const fraction = ofDay - seconds * unitsASecond;
    const clock = `${dayOf(day)} ${pair(Math.floor(seconds / 3600))}:${pair(Math.floor(seconds / 60) % 60)}:${
      pair(seconds % 60)
    }`;
    if (fraction === 0) return clock;
    return `${clock}.${String(fraction).padStart(digits, "0").replace(/0+$/, "")}`;
  };
}

/** The day since 1970 and what is left of it. */
function splitDay(value: bigint, unitsADay: number): readonly [day: number, ofDay: number] {
  const whole = Number(value);
  if (!Number.isSafeInteger(whole)) {
    const units = BigInt(unitsADay);
    const day = value >= 0n ? value / units : -((units - 1n - value) / units);
    return [Number(day), Number(value - day * units)];
  }
  let day = Math.floor(whole / unitsADay);
  // The quotient is rounded, and may have reached the next whole number.
  if (day * unitsADay > whole) day--;
  return [day, whole - day * unitsADay];
}

const PAIRS = Array.from({ length: 100 }, (_, value) => String(value).padStart(2, "0"));
const pair = (value: number): string => PAIRS[value] ?? String(value);

/** ISO 8601: months, days and seconds apart, as a month is no count of days. */
function intervalReader(data: Data): TextReader {
  const { type } = data;
  const { values } = data;
  if (DataType.isDuration(type)) {
    const nanos = 1_000_000_000n / BigInt(UNITS_A_SECOND[type.unit]);
    return (row) => isoDuration(0, 0, BigInt(values[row]) * nanos);
  }
  return (row) => {
    const words: ArrayLike<number> = values.subarray(row * data.stride, (row + 1) * data.stride);
    const [first = 0, second = 0, low = 0, high = 0] = Array.from(words);
    if (data.stride === 1) return isoDuration(first, 0, 0n);
    if (data.stride === 2) return isoDuration(0, first, BigInt(second) * 1_000_000n);
    return isoDuration(first, second, BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low >>> 0)));
  };
}

function isoDuration(months: number, days: number, nanos: bigint): string {
  const absolute = nanos < 0n ? -nanos : nanos;
  const fraction = String(absolute % 1_000_000_000n).padStart(9, "0").replace(/0+$/, "");
  const seconds = `${nanos < 0n ? "-" : ""}${absolute / 1_000_000_000n}`;
  return `P${months}M${days}DT${seconds}${fraction === "" ? "" : `.${fraction}`}S`;
}
