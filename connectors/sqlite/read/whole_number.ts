import type { SqliteValue } from "../database.ts";
import { MAX_INT64, parseTime, parseTimestamp } from "../iso_time.ts";
import { MisfitError } from "./column_builder.ts";
import type { ColumnType } from "./column_type.ts";

/** The whole number behind a value: microseconds, or a decimal without its point. */

type Value = Exclude<SqliteValue, null>;

/** For a comparison of values of an integer, time, decimal or hugeint column. Throws MisfitError. */
export function integerOf(value: Value, type: ColumnType): bigint {
  switch (type.kind) {
    case "decimal":
      return decimalOf(value, type);
    case "hugeint":
      return hugeintOf(value);
    case "integer":
      return required(typeof value === "bigint" ? value : undefined);
    default:
      return microsOf(value, type);
  }
}

export function required<T>(value: T | undefined): T {
  if (value === undefined) throw new MisfitError();
  return value;
}

/** Of a time of day since midnight, of a timestamp since 1970. Throws MisfitError. */
export function microsOf(value: Value, type: ColumnType): bigint {
  const text = required(typeof value === "string" ? value : undefined);
  if (type.kind === "time") return required(parseTime(text));
  const { micros, hasZone } = required(parseTimestamp(text));
  const isInfinite = micros === MAX_INT64 || micros === -MAX_INT64;
  if (!isInfinite && hasZone !== (type.kind === "timestamptz")) throw new MisfitError();
  return micros;
}

const DECIMAL_TEXT = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

/** The value times 10 to the power of the type's scale. Throws MisfitError where digits would be lost. */
export function decimalOf(value: Value, type: ColumnType): bigint {
  if (typeof value === "object") throw new MisfitError();
  const text = typeof value === "number" ? decimalTextOf(value, type.scale) : String(value);
  const [, sign, whole = "", fraction = "", exponent = "0"] = DECIMAL_TEXT.exec(text) ?? [];
  if (sign === undefined || whole + fraction === "") throw new MisfitError();
  // So that a text as 1e999999999 does not fill the memory.
  if (Math.abs(Number(exponent)) > MAX_EXPONENT) throw new MisfitError();
  const digits = BigInt(whole + fraction);
  const shift = type.scale - fraction.length + Number(exponent);
  const factor = 10n ** BigInt(Math.abs(shift));
  if (shift < 0 && digits % factor !== 0n) throw new MisfitError();
  const unscaled = shift < 0 ? digits / factor : digits * factor;
  if (unscaled >= 10n ** BigInt(type.precision)) throw new MisfitError();
  return sign === "-" ? -unscaled : unscaled;
}

const MAX_EXPONENT = 400;
/** Decimals of up to so many digits are told apart by a double, whatever the sum that it comes from. */
const DOUBLE_DIGITS = 15;

/**
 * SQLite keeps a decimal as the double that is nearest to it. It is the decimal of the type's scale that has
 * this double for its nearest, however many digits that takes; or, for what was computed, the one to
 * which the double is equal in its first 15 digits. Throws MisfitError where there is neither, or more than one:
 * 99999999999999.98 and .99 are one double.
 */
function decimalTextOf(value: number, scale: number): string {
  if (!Number.isFinite(value)) throw new MisfitError();
  const short = value.toPrecision(DOUBLE_DIGITS);
  if (Number(short) === value) return short;
  const fixed = value.toFixed(scale);
  if (Number(fixed) === value && !isAmbiguous(fixed, value) || Number(short) === Number(fixed)) return fixed;
  throw new MisfitError();
}

/** Whether the decimal above or below has the same double for its nearest. */
function isAmbiguous(fixed: string, value: number): boolean {
  const digits = fixed.replace(/[^\d]/g, "");
  if (digits.replace(/^0+/, "").length <= DOUBLE_DIGITS) return false;
  const scale = fixed.length - 1 - fixed.indexOf(".");
  const point = fixed.includes(".") ? digits.length - scale : digits.length;
  const beside = (step: bigint) => {
    const text = String(BigInt(digits) + step).padStart(digits.length, "0");
    return Number(`${text.slice(0, point)}.${text.slice(point)}`);
  };
  return beside(1n) === Math.abs(value) || beside(-1n) === Math.abs(value);
}

export function hugeintOf(value: Value): bigint {
  const text = required(typeof value === "string" || typeof value === "bigint" ? String(value) : undefined);
  if (!/^-?\d{1,39}$/.test(text)) throw new MisfitError();
  const integer = BigInt(text);
  if (BigInt.asIntN(128, integer) !== integer) throw new MisfitError();
  return integer;
}
