import {
  BOOLEAN_TEXT,
  DATE_TEXT,
  INTEGER_TEXT,
  NUMBER_TEXT,
  timestampText,
  timestampWithZoneText,
  timeText,
} from "../../../destination/text_forms.ts";
import type { ColumnType } from "../column_type.ts";
import { fitsCharset } from "./charset.ts";
import { type Digits, digitsOf, isSameDigits, shortestSingle } from "./digits.ts";
import { isJsonKept } from "./kept_json.ts";
import type { SourceKind } from "./source_values.ts";

/**
 * LOAD DATA LOCAL makes a value fit where it does not: it cuts, rounds, and takes the nearest number or a zero
 * date, with a warning at most. So what goes into a column is made here: a text that stands for just the
 * value that the row has, or nothing.
 */

/** A value that the column cannot hold as it is. */
export class UnfitValueError extends Error {
  override readonly name = "UnfitValueError";
}

/** What the column is given for a value, written as source_values.ts says. Throws UnfitValueError. */
export type Fit = (text: string) => string;

/** Undefined where no value of the kind can go into such a column. Bytes are no text: see column_encoder.ts. */
export function fitOf(kind: SourceKind, column: ColumnType): Fit | undefined {
  if (kind === "bytes") return undefined;
  if (kind === "null") return (text) => text;
  switch (column.kind) {
    case "integer":
      return isNumeric(kind) ? (text) => fitInteger(kind, text, column) : undefined;
    case "decimal":
      return isNumeric(kind) ? (text) => fitDecimal(kind, text, column) : undefined;
    case "float":
    case "double":
      return isNumeric(kind) ? (text) => fitFloat(kind, text, column) : undefined;
    case "bit":
      return isNumeric(kind) ? (text) => fitBits(kind, text, column.bits) : undefined;
    case "year":
      return isNumeric(kind) && kind !== "bool" ? (text) => fitYear(kind, text) : undefined;
    case "text":
      return (text) => fitText(kind, writtenOut(kind, text), column);
    case "enum":
    case "set":
      return kind === "text" ? (text) => fitMembers(text, column) : undefined;
    case "date":
    case "datetime":
    case "timestamp":
      return isDay(kind) ? (text) => fitMoment(kind, text, column) : undefined;
    case "time":
      return kind === "time" || kind === "text" ? (text) => fitTime(kind, text, column.digits) : undefined;
    case "json":
      return isNumeric(kind) || kind === "json" ? (text) => fitJson(text) : undefined;
    case "uuid":
      return kind === "uuid" || kind === "text" ? fitUuid : undefined;
    case "inet":
      return kind === "text" ? fitAddress : undefined;
    default:
      return undefined;
  }
}

const NUMERIC: ReadonlySet<SourceKind> = new Set(["bool", "integer", "float4", "float8", "decimal", "text"]);
const isNumeric = (kind: SourceKind): boolean => NUMERIC.has(kind);
const DAYS: ReadonlySet<SourceKind> = new Set(["date", "timestamp", "timestamptz", "text"]);
const isDay = (kind: SourceKind): boolean => DAYS.has(kind);

const patternOf = (form: string) => new RegExp(`^(?:${form})$`, "i");
const INTEGER = patternOf(INTEGER_TEXT);
const NUMBER = patternOf(NUMBER_TEXT);
const BOOLEAN = patternOf(BOOLEAN_TEXT);
const DATE = patternOf(DATE_TEXT);
const TIME = patternOf(timeText(6));
const TIMESTAMP = patternOf(timestampText(6));
const TIMESTAMP_WITH_ZONE = patternOf(timestampWithZoneText(6));

function unfit(): never {
  throw new UnfitValueError();
}

/** The number of a bool is 1 or 0; a text has to be in `form`. */
function numberOf(kind: SourceKind, text: string, form: RegExp): Digits {
  if (kind === "bool") return digitsOf(text === "true" ? "1" : "0") ?? unfit();
  if (kind === "text" && !form.test(text)) return unfit();
  return digitsOf(text) ?? unfit();
}

const MAX_INTEGER_DIGITS = 20;

function fitInteger(
  kind: SourceKind,
  text: string,
  { min, max }: { readonly min: bigint; readonly max: bigint },
): string {
  // A column of one digit is what booleans are kept in.
  if (kind === "text" && BOOLEAN.test(text)) return unfit();
  const { sign, digits, power } = numberOf(kind, text, INTEGER);
  if (power < 0 || digits.length + power > MAX_INTEGER_DIGITS) return unfit();
  const value = BigInt(`${sign}${digits === "" ? "0" : digits}${"0".repeat(power)}`);
  return value < min || value > max ? unfit() : String(value);
}

function fitDecimal(
  kind: SourceKind,
  text: string,
  { precision, scale, isUnsigned }: Extract<ColumnType, { kind: "decimal" }>,
): string {
  const { sign, digits, power } = numberOf(kind, text, NUMBER);
  if (digits === "") return "0";
  if (sign === "-" && isUnsigned || power < -scale || digits.length + power > precision - scale) {
    return unfit();
  }
  if (power >= 0) return `${sign}${digits}${"0".repeat(power)}`;
  const padded = digits.padStart(1 - power, "0");
  return `${sign}${padded.slice(0, power)}.${padded.slice(power)}`;
}

/** NaN and the infinities are not among the numbers that MySQL has. */
function fitFloat(
  kind: SourceKind,
  text: string,
  { kind: target, scale, isUnsigned }: Extract<ColumnType, { kind: "float" | "double" }>,
): string {
  const given = numberOf(kind, text, NUMBER);
  const value = Number(kind === "bool" ? given.digits : text);
  if (!Number.isFinite(value) || isUnsigned && value < 0) return unfit();
  if (scale !== undefined && given.power < -scale) return unfit();
  const isNatural = kind === "float4" || (kind === "float8" && target === "double");
  if (isNatural) {
    // With all digits: the shortest ones of the greatest float are beyond it for the server, which reads doubles.
    const exact = target === "float" ? Math.fround(value) : value;
    return Object.is(exact, -0) ? "-0" : String(exact);
  }
  const stored = target === "float" ? Math.fround(value) : value;
  const shown = target === "float" ? shortestSingle(stored) : String(stored);
  const isSame = Number.isFinite(stored) && (isSameDigits(given, shown) || isSameWhole(given, stored));
  return isSame ? String(stored) : unfit();
}

/** A large whole number may be exact in more digits than it is shown with. */
function isSameWhole({ sign, digits, power }: Digits, stored: number): boolean {
  if (power < 0 || digits.length + power > 310 || !Number.isInteger(stored)) return false;
  return BigInt(`${sign}${digits}${"0".repeat(power)}`) === BigInt(stored);
}

/** The number whose bits are stored, or, of a text, all bits from the first to the last. */
function fitBits(kind: SourceKind, text: string, bits: number): string {
  if (kind === "text") {
    return new RegExp(`^[01]{${bits}}$`).test(text) ? String(BigInt(`0b${text}`)) : unfit();
  }
  return fitInteger(kind, text, { min: 0n, max: (1n << BigInt(bits)) - 1n });
}

/** With its four digits: one or two of them would be taken for another century. */
function fitYear(kind: SourceKind, text: string): string {
  if (kind === "text" && !/^\d{4}$/.test(text)) return unfit();
  const value = text === "0000" ? 0 : Number(fitInteger("integer", text, { min: 0n, max: 2155n }));
  return value === 0 || value > 1900 ? String(value).padStart(4, "0") : unfit();
}

/** Moments in UTC say so. */
const writtenOut = (kind: SourceKind, text: string): string =>
  kind === "timestamptz" && !text.endsWith("infinity") ? `${text}+00` : text;

function fitText(kind: SourceKind, text: string, column: Extract<ColumnType, { kind: "text" }>): string {
  const { charset, isChar, maxCharacters, maxBytes, isJson } = column;
  if (isJson && kind !== "json" && !isValidJson(text)) return unfit();
  if (isChar && text.endsWith(" ")) return unfit();
  if (maxCharacters !== undefined && text.length > maxCharacters && countCharacters(text) > maxCharacters) {
    return unfit();
  }
  if (maxBytes !== undefined && text.length * 3 > maxBytes && encodedBytes(text) > maxBytes) return unfit();
  return fitsCharset(text, charset) ? text : unfit();
}

function isValidJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function countCharacters(text: string): number {
  let count = 0;
  for (const _character of text) count++;
  return count;
}

const encodedBytes = (text: string): number => new TextEncoder().encode(text).length;

/** Just as the column spells them; a set's in its own order, each once. */
function fitMembers(
  text: string,
  { kind, members }: { readonly kind: "enum" | "set"; readonly members: readonly string[] },
): string {
  if (kind === "enum") return members.includes(text) ? text : unfit();
  if (text === "") return text;
  let place = -1;
  for (const part of text.split(",")) {
    const at = members.indexOf(part);
    if (at <= place) return unfit();
    place = at;
  }
  return text;
}

const CLOCK = /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d*))?)?$/;

/** `10:11` → `10:11:00`; no more digits than the column keeps. */
function fitClock(text: string, digits: number): string {
  const [, hours, minutes, seconds = "00", fraction = ""] = CLOCK.exec(text) ?? [];
  if (hours === undefined || minutes === undefined || Number(minutes) > 59 || Number(seconds) > 59) {
    return unfit();
  }
  const kept = fraction.replace(/0+$/, "");
  if (kept.length > digits) return unfit();
  return `${hours}:${minutes}:${seconds}${kept === "" ? "" : `.${kept}`}`;
}

function fitTime(kind: SourceKind, text: string, digits: number): string {
  if (kind === "text" && !TIME.test(text)) return unfit();
  return fitClock(text, digits);
}

const MOMENT = /^(\d{4}-\d{2}-\d{2})(?:[T ]([\d:.]+?))? ?(Z|[+-]\d{2}(?::?\d{2}){0,2})?$/i;

function fitMoment(
  kind: SourceKind,
  text: string,
  column: Extract<ColumnType, { kind: "date" | "datetime" | "timestamp" }>,
): string {
  if (kind === "text") {
    const form = column.kind === "date" ? DATE : column.kind === "datetime" ? TIMESTAMP : TIMESTAMP_WITH_ZONE;
    if (!form.test(text)) return unfit();
  }
  // Also refuses infinities, and years that have not four digits.
  const [, day, clock = "00:00:00", zone] = MOMENT.exec(text) ?? [];
  if (day === undefined || !isDayOfCalendar(day)) return unfit();
  if (column.kind === "date") return /^00:00(:00)?$/.test(clock) ? day : unfit();
  const fitted = fitClock(clock, column.digits);
  if (Number(fitted.slice(0, 2)) > 23) return unfit();
  const moment = zone === undefined ? `${day} ${fitted}` : inUtc(day, fitted, zone);
  // The server itself knows where its TIMESTAMP ends, and says so; before its beginning is its zero.
  return column.kind === "timestamp" && moment < FIRST_TIMESTAMP ? unfit() : moment;
}

const FIRST_TIMESTAMP = "1970-01-01 00:00:01";

/** Of the years 1 to 9999. */
function isDayOfCalendar(day: string): boolean {
  const [year = 0, month = 0, ofMonth = 0] = day.split("-").map(Number);
  if (year < 1 || month < 1 || month > 12 || ofMonth < 1) return false;
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = month === 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
  return ofMonth <= days;
}

function inUtc(day: string, clock: string, zone: string): string {
  if (/^(Z|[+-]00(:?00)*)$/i.test(zone)) return `${day} ${clock}`;
  const [time = "", fraction] = clock.split(".");
  const [hours = 0, minutes = 0, seconds = 0] = (zone.slice(1).match(/\d\d/g) ?? []).map(Number);
  const offsetMs = ((hours * 60 + minutes) * 60 + seconds) * 1000 * (zone.startsWith("-") ? -1 : 1);
  const moved = new Date(Date.parse(`${day}T${time}Z`) - offsetMs);
  const year = moved.getUTCFullYear();
  if (!(year >= 1 && year <= 9999)) return unfit();
  return moved.toISOString().slice(0, 19).replace("T", " ") + (fraction === undefined ? "" : `.${fraction}`);
}

function fitJson(text: string): string {
  return isJsonKept(text) ? text : unfit();
}

function fitUuid(text: string): string {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text) ? text : unfit();
}

/** As the server writes it, but for what it says itself that it is none. */
function fitAddress(text: string): string {
  return /^[0-9a-f:.]+$/.test(text) ? text : unfit();
}
