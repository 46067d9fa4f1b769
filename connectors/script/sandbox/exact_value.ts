/**
 * What a value of a script is as one of a type, exactly or not at all. The program inside a sandbox reads this file too: it
 * imports nothing.
 */

/** The digits that a number is made of, and where its point is, however it is written. */
export function digitsOf(text: string): string {
  const [, sign = "", whole = "", part = "", power = "0"] =
    /^([+-]?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = (whole + part).replace(/^0+/, "");
  const end = digits.replace(/0+$/, "");
  if (end === "") return sign === "-" ? "-0" : "0";
  return `${sign.replace("+", "")}${end}e${Number(power) - part.length + digits.length - end.length}`;
}

/** A decimal without its point; undefined for one that does not fit. */
export function unscaled(value: unknown, width: number, scale: number): bigint | undefined {
  if (typeof value !== "string" && typeof value !== "number" && typeof value !== "bigint") return undefined;
  const [, sign, whole, part = ""] = /^([+-]?)(\d+)(?:\.(\d*))?$/.exec(String(value)) ?? [];
  if (whole === undefined || !/^0*$/.test(part.slice(scale))) return undefined;
  const digits = BigInt(whole + part.slice(0, scale).padEnd(scale, "0"));
  if (digits >= 10n ** BigInt(width)) return undefined;
  return sign === "-" ? -digits : digits;
}

const DAY_MS = 86_400_000;
/** A year beyond four digits, or before 0, has a sign. */
const DAY = "(?:\\d{4}|[+-]\\d{4,6})-\\d\\d-\\d\\d";
const WHOLE_DAY = new RegExp(`^(${DAY})(?:[T ]00:00:00(?:\\.0+)?Z?)?$`);

/** Days since 1970; undefined for what is no day. */
export function daysOf(value: unknown): number | undefined {
  const text = value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : value;
  if (typeof text !== "string") return undefined;
  const [, day] = WHOLE_DAY.exec(text) ?? [];
  const ms = day === undefined ? undefined : dayMs(day);
  return ms === undefined ? undefined : ms / DAY_MS;
}

/** The 30th of February is none. */
function dayMs(day: string): number | undefined {
  const [, sign = "", year = "", rest = ""] = /^([+-]?)(\d+)(-.*)$/.exec(day) ?? [];
  const written = sign === "" ? day : `${sign}${year.padStart(6, "0")}${rest}`;
  const ms = Date.parse(`${written}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(isoDay(written)) ? ms : undefined;
}

/** As toISOString() writes a day: `+002024` is 2024. */
const isoDay = (day: string): string => day.replace(/^\+00(\d{4}-)/, "$1");

const MOMENT = new RegExp(
  `^(${DAY})[T ]([01]\\d|2[0-3]):([0-5]\\d)(?::([0-5]\\d)(?:\\.(\\d{1,9})0*)?)?(Z|[+-]\\d\\d(?::?\\d\\d)?)?$`,
);

/** Microseconds since 1970; undefined for what is no such moment. */
export function microsOf(value: unknown, hasZone: boolean): bigint | undefined {
  if (value instanceof Date) {
    const ms = value.getTime();
    return Number.isNaN(ms) ? undefined : BigInt(ms) * 1000n;
  }
  const nanos = typeof value === "string" ? nanosOf(value, hasZone) : undefined;
  return nanos === undefined || nanos % 1000n !== 0n ? undefined : nanos / 1000n;
}

/** The same in nanoseconds, of a text. */
export function nanosOf(text: string, hasZone: boolean): bigint | undefined {
  const [, day, hours, minutes, seconds = "0", fraction = "", zone] = MOMENT.exec(text) ?? [];
  const ms = day === undefined ? undefined : dayMs(day);
  if (ms === undefined || (zone !== undefined) !== hasZone) return undefined;
  const ofDay = (Number(hours) * 60 + Number(minutes) - offsetMinutes(zone)) * 60 + Number(seconds);
  return BigInt(ms + ofDay * 1000) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}

function offsetMinutes(zone: string | undefined): number {
  const [, sign, hours, minutes = "0"] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone ?? "") ?? [];
  return hours === undefined ? 0 : (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

/** Nanoseconds since midnight; undefined for what is no time of a day. */
export function timeNanosOf(text: string): bigint | undefined {
  const [, hours, minutes, seconds = "0", fraction = ""] =
    /^([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,9})0*)?)?$/.exec(text) ?? [];
  if (hours === undefined) return undefined;
  const whole = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
  return BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
}
