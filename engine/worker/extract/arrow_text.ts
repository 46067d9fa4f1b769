import { type Data, DataType, DateUnit, type Field, TimeUnit } from "apache-arrow";
import { EXTENSION_NAME_KEY, UUID_EXTENSION } from "../../../contract/arrow.ts";
import { AppError } from "../../../contract/errors.ts";

const DAY_SECONDS = 86_400n;

/**
 * Reads values of a column as the text that DuckDB's CAST to VARCHAR gives them. Throws `invalid` for
 * types whose text is not one of a kind (floating point, binary, nested values), with `purpose` as the reason.
 */
export function textReader(
  stream: string,
  field: Field,
  purpose: string,
): (data: Data, row: number) => string {
  const { type } = field;
  if (DataType.isUtf8(type)) return readText;
  if (DataType.isBool(type)) return (data, row) => String(isSet(data, row));
  if (DataType.isInt(type)) return (data, row) => String(element(data, row));
  if (DataType.isDecimal(type) && type.bitWidth === 128) {
    return (data, row) => decimalText(data, row, type.scale);
  }
  if (DataType.isDate(type) && type.unit === DateUnit.DAY) {
    return (data, row) => dateText(BigInt(element(data, row)) * DAY_SECONDS);
  }
  if (DataType.isTimestamp(type)) {
    const zone = type.timezone ? "+00" : "";
    return (data, row) => timestampText(BigInt(element(data, row)), type.unit) + zone;
  }
  if (DataType.isFixedSizeBinary(type) && field.metadata.get(EXTENSION_NAME_KEY) === UUID_EXTENSION) {
    return uuidText;
  }
  throw new AppError(
    "invalid",
    `Stream "${stream}": column "${field.name}" is ${type}, whose values have no text for mask: ${purpose}; use redact or null`,
  );
}

function isSet(data: Data, row: number): boolean {
  const at = data.offset + row;
  return (((data.values?.[at >> 3] ?? 0) >> (at & 7)) & 1) === 1;
}

/** Values of fixed width are already shifted by a slice's offset. */
const element = (data: Data, row: number): number | bigint => data.values[row] ?? 0;

function readText(data: Data, row: number): string {
  const { valueOffsets, values } = data;
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(
    values.subarray(valueOffsets[row], valueOffsets[row + 1]),
  );
}

function decimalText(data: Data, row: number, scale: number): string {
  const words: Uint32Array = data.values.subarray(row * 4, row * 4 + 4);
  const unsigned = words.reduceRight((sum, word) => (sum << 32n) | BigInt(word), 0n);
  const value = BigInt.asIntN(128, unsigned);
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  return `${value < 0n ? "-" : ""}${whole}${scale === 0 ? "" : `.${digits.slice(digits.length - scale)}`}`;
}

/** Of seconds since 1970. Beyond what Date holds, the number itself. */
function dateText(seconds: bigint): string {
  const date = new Date(Number(seconds) * 1_000);
  if (Number.isNaN(date.getTime())) return String(seconds);
  const year = date.getUTCFullYear();
  const rest = `${pad(date.getUTCMonth() + 1, 2)}-${pad(date.getUTCDate(), 2)}`;
  return year > 0 ? `${pad(year, 4)}-${rest}` : `${pad(1 - year, 4)}-${rest} (BC)`;
}

const UNITS_PER_SECOND: Readonly<Record<TimeUnit, bigint>> = {
  [TimeUnit.SECOND]: 1n,
  [TimeUnit.MILLISECOND]: 1_000n,
  [TimeUnit.MICROSECOND]: 1_000_000n,
  [TimeUnit.NANOSECOND]: 1_000_000_000n,
};

function timestampText(value: bigint, unit: TimeUnit): string {
  const perSecond = UNITS_PER_SECOND[unit];
  const fraction = ((value % perSecond) + perSecond) % perSecond;
  const seconds = (value - fraction) / perSecond;
  const ofDay = ((seconds % DAY_SECONDS) + DAY_SECONDS) % DAY_SECONDS;
  const time = [ofDay / 3_600n, ofDay / 60n % 60n, ofDay % 60n].map((part) => pad(Number(part), 2)).join(":");
  const digits = String(perSecond).length - 1;
  const shown = fraction === 0n ? "" : `.${String(fraction).padStart(digits, "0").replace(/0+$/, "")}`;
  return `${dateText(seconds - ofDay)} ${time}${shown}`;
}

function uuidText(data: Data, row: number): string {
  const bytes: Uint8Array = data.values.subarray(row * 16, row * 16 + 16);
  const hex = Array.from(bytes, (byte) => pad(byte, 2, 16)).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

const pad = (value: number, length: number, base = 10): string => value.toString(base).padStart(length, "0");
