import { calendarDay } from "../../load/encode/source_values.ts";
import { fractionBytes } from "../log/table_map.ts";

/**
 * Dates and times of the log as the servers write them, those too that no calendar has.
 * Source: my_datetime_packed_to_binary and its like in sql-common/my_time.c.
 */

const DAY_SECONDS = 86_400;
const two = (value: number): string => value < 10 ? `0${value}` : String(value);

function bigEndian(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let i = start; i < end; i++) value = value * 256 + (bytes[i] ?? 0);
  return value;
}

/** `.123` of a precision of 3; nothing of 0. Fractions are kept in pairs of digits. */
function fractionText(value: number, precision: number): string {
  if (precision === 0) return "";
  const digits = String(value).padStart(fractionBytes(precision) * 2, "0");
  return `.${digits.slice(0, precision)}`;
}

/** Three bytes: five bits of the day, four of the month, the year. */
export function dateText(bytes: Uint8Array): string {
  const value = (bytes[0] ?? 0) | (bytes[1] ?? 0) << 8 | (bytes[2] ?? 0) << 16;
  return `${String(value >> 9).padStart(4, "0")}-${two(value >> 5 & 15)}-${two(value & 31)}`;
}

/** Five bytes: a sign, the months since year 0, day, hour, minute, second; and the fraction. */
export function datetimeText(bytes: Uint8Array, precision: number): string {
  const high = bigEndian(bytes, 0, 3) & 0x7f_ffff;
  const low = bigEndian(bytes, 3, 5);
  // 17 bits of months, 5 of days; the hour begins in the last bit of the first three bytes.
  const months = high >> 6;
  const day = high >> 1 & 31;
  const hour = (high & 1) << 4 | low >> 12;
  const year = String(Math.floor(months / 13)).padStart(4, "0");
  const date = `${year}-${two(months % 13)}-${two(day)}`;
  const time = `${two(hour)}:${two(low >> 6 & 63)}:${two(low & 63)}`;
  return `${date} ${time}${fractionText(bigEndian(bytes, 5, bytes.length), precision)}`;
}

/** Eight bytes, whose decimal digits are YYYYMMDDhhmmss: of tables from before MySQL 5.6. */
export function oldDatetimeText(value: bigint): string {
  const digits = String(value).padStart(14, "0");
  const [, year, month, day, hour, minute, second] = /^(\d+)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(digits) ??
    [];
  return `${year}-${month}-${day} ${hour}:${minute}:${second}`;
}

/** Seconds since 1970 and a fraction, in UTC; 0 is the date that is none. */
export function timestampText(bytes: Uint8Array, precision: number): string {
  return epochText(bigEndian(bytes, 0, 4), fractionText(bigEndian(bytes, 4, bytes.length), precision));
}

export function epochText(seconds: number, fraction = ""): string {
  if (seconds === 0) return `0000-00-00 00:00:00${fraction}`;
  const days = Math.floor(seconds / DAY_SECONDS);
  const rest = seconds % DAY_SECONDS;
  const [hour, minute] = [Math.floor(rest / 3600), Math.floor(rest / 60) % 60];
  return `${calendarDay(days)} ${two(hour)}:${two(minute)}:${two(rest % 60)}${fraction}`;
}

/** Three bytes, of which 0x800000 is 0: hours, minutes, seconds; with the fraction one number that may be negative. */
export function timeText(bytes: Uint8Array, precision: number): string {
  const fractionBits = 8 * (bytes.length - 3);
  const zero = 0x80_0000 * 2 ** fractionBits;
  const packed = bigEndian(bytes, 0, bytes.length) - zero;
  const value = Math.abs(packed);
  const whole = Math.floor(value / 2 ** fractionBits);
  const fraction = value % 2 ** fractionBits;
  const [hours, minutes, seconds] = [whole >> 12 & 0x3ff, whole >> 6 & 63, whole & 63];
  return `${packed < 0 ? "-" : ""}${two(hours)}:${two(minutes)}:${two(seconds)}${
    fractionText(fraction, precision)
  }`;
}

/** Decimal digits hhmmss, as a number with a sign. */
export function oldTimeText(value: number): string {
  const digits = String(Math.abs(value)).padStart(6, "0");
  return `${value < 0 ? "-" : ""}${digits.slice(0, -4)}:${digits.slice(-4, -2)}:${digits.slice(-2)}`;
}
