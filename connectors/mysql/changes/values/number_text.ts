/** Numbers of the log as the servers write them. */

/** A digit more or less than these before the point, and an exponent stands behind the digits. */
const MAX_POINT = 15;
const MIN_POINT = -14;

/** A double in the fewest digits that give it again, as `1e20`, `0.00001` or `-0`. */
export function doubleText(value: number): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([-+]\d+))?$/.exec(Object.is(value, -0) ? "-0" : String(value)) ?? [];
  const all = `${whole}${fraction}`;
  const digits = all.replace(/^0+/, "").replace(/0+$/, "");
  if (digits === "") return `${sign}0`;
  const leading = all.length - all.replace(/^0+/, "").length;
  const point = whole.length - leading + Number(exponent);
  if (point > MAX_POINT || point < MIN_POINT) {
    const rest = digits.length > 1 ? `.${digits.slice(1)}` : "";
    return `${sign}${digits[0]}${rest}e${point - 1}`;
  }
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  if (digits.length <= point) return `${sign}${digits.padEnd(point, "0")}`;
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** From where on a double has no digits behind its point that JavaScript would write. */
const WHOLE = 1e21;

/** A double of a column that is declared with so many digits behind the point. */
export function fixedText(value: number, decimals: number): string {
  if (Math.abs(value) < WHOLE) {
    const text = value.toFixed(decimals);
    return Object.is(value, -0) ? `-${text}` : text;
  }
  return `${BigInt(value)}${decimals === 0 ? "" : `.${"0".repeat(decimals)}`}`;
}

const SAFE_HIGH = 2 ** 20;
const GROUP_DIGITS = 9;
const GROUP_BYTES = 4;
const DIGIT_BYTES = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4] as const;

/**
 * A decimal of the log: groups of nine digits in four bytes each, the outer ones in fewer; the first bit is set
 * of what is not negative, whose bits are turned otherwise.
 * Source: decimal2bin in strings/decimal.c of both servers.
 */
export function decimalText(bytes: Uint8Array, precision: number, scale: number, isPadded: boolean): string {
  const isNegative = ((bytes[0] ?? 0) & 0x80) === 0;
  const mask = isNegative ? 0xff : 0;
  let at = 0;
  const group = (digits: number): string => {
    const count = DIGIT_BYTES[digits] ?? 0;
    let value = 0;
    for (let i = 0; i < count; i++) {
      const byte = (bytes[at + i] ?? 0) ^ mask ^ (at + i === 0 ? 0x80 : 0);
      value = value * 256 + byte;
    }
    at += count;
    return digits === 0 ? "" : String(value).padStart(digits, "0");
  };
  const wholeDigits = precision - scale;
  let whole = group(wholeDigits % GROUP_DIGITS);
  for (let left = Math.floor(wholeDigits / GROUP_DIGITS); left > 0; left--) whole += group(GROUP_DIGITS);
  let fraction = "";
  for (let left = Math.floor(scale / GROUP_DIGITS); left > 0; left--) fraction += group(GROUP_DIGITS);
  fraction += group(scale % GROUP_DIGITS);
  const shown = isPadded ? whole || "0" : whole.replace(/^0+(?=\d)/, "") || "0";
  return `${isNegative ? "-" : ""}${shown}${scale === 0 ? "" : `.${fraction}`}`;
}

/** Bytes of so many digits. */
export const decimalBytes = (digits: number): number =>
  Math.floor(digits / GROUP_DIGITS) * GROUP_BYTES + (DIGIT_BYTES[digits % GROUP_DIGITS] ?? 0);

/** The least byte first. */
export function littleEndian(bytes: Uint8Array, isSigned: boolean): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = value << 8n | BigInt(bytes[i] ?? 0);
  return isSigned ? BigInt.asIntN(bytes.length * 8, value) : value;
}

/** Eight bytes as decimal digits. */
export function longText(bytes: Uint8Array, isSigned: boolean): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const high = isSigned ? view.getInt32(4, true) : view.getUint32(4, true);
  // What a double holds exactly needs no big number.
  if (Math.abs(high) < SAFE_HIGH) return String(high * 2 ** 32 + view.getUint32(0, true));
  return String(isSigned ? view.getBigInt64(0, true) : view.getBigUint64(0, true));
}

/** Of up to four bytes. */
export function smallLittleEndian(bytes: Uint8Array, isSigned: boolean): number {
  let value = 0;
  for (let i = bytes.length - 1; i >= 0; i--) value = value * 256 + (bytes[i] ?? 0);
  const limit = 2 ** (bytes.length * 8);
  return isSigned && value >= limit / 2 ? value - limit : value;
}

export function bigEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = value << 8n | BigInt(byte);
  return value;
}
