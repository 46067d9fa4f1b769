import { type Data, DataType, type Field } from "apache-arrow";
import type { SqliteValue } from "../database.ts";
import { MisfitError } from "../read/column_builder.ts";
import { type ColumnType, typeOfDeclared } from "../read/column_type.ts";
import { decimalOf, integerOf } from "../read/whole_number.ts";
import { DATE_TEXT, FLOAT_TEXT, INTEGER_TEXT, NUMBER_TEXT } from "../../destination/text_forms.ts";
import { numericReader, readerOf, type ValueReader } from "./arrow_values.ts";
import { declaredTypeOf } from "./types.ts";

/**
 * SQLite takes any value into any column and then makes of it what the column's affinity wants: a text
 * of digits becomes a number, a large integer a rounded double. So what goes into a column of another
 * type than the rows' is checked here: it is stored as the same value, and as one that the column's
 * declared type reads, or refused.
 */

/** A value that the column would change. */
export class UnfitValueError extends Error {
  override readonly name = "UnfitValueError";
}

/** What is stored for each row of the data in a column declared as `declared`. The reader throws UnfitValueError. */
export function fittedReader(field: Field, data: Data, declared: string): ValueReader {
  const read = readerOf(field, data);
  if (isSameType(declaredTypeOf(field), declared)) {
    const isNumeric = DataType.isDecimal(field.type) && affinityOf(declared) === "NUMERIC";
    return isNumeric ? numericReader(field, data) : read;
  }
  const type = typeOfDeclared(declared);
  const affinity = affinityOf(declared);
  const isBool = DataType.isBool(field.type);
  // As a text, an infinite day looks like an infinite number.
  if (type?.kind === "real" && !isNumber(field.type)) return refuseAll(read);
  return (row) => {
    const value = read(row);
    if (value === null) return null;
    try {
      return fit(value, type, affinity, isBool);
    } catch (error) {
      if (!(error instanceof MisfitError)) throw error;
      throw new UnfitValueError(value instanceof Uint8Array ? "a blob" : String(value));
    }
  };
}

/** Types whose texts may be those of numbers. */
function isNumber(type: DataType): boolean {
  return !DataType.isDate(type) && !DataType.isTimestamp(type) && !DataType.isTime(type);
}

function refuseAll(read: ValueReader): ValueReader {
  return (row) => {
    const value = read(row);
    if (value !== null) throw new UnfitValueError(String(value));
    return null;
  };
}

function isSameType(own: string, declared: string): boolean {
  if (own.toUpperCase() === declared.trim().toUpperCase()) return true;
  const [one, other] = [typeOfDeclared(own), typeOfDeclared(declared)];
  const isKeptAsIs = one?.kind === "integer" || one?.kind === "text" || one?.kind === "blob";
  return isKeptAsIs && one?.kind === other?.kind && affinityOf(own) === affinityOf(declared);
}

type Affinity = "INTEGER" | "TEXT" | "BLOB" | "REAL" | "NUMERIC";

/** Section 3.1 of https://www.sqlite.org/datatype3.html. */
function affinityOf(declared: string): Affinity {
  const type = declared.toUpperCase();
  if (type.includes("INT")) return "INTEGER";
  if (/CHAR|CLOB|TEXT/.test(type)) return "TEXT";
  if (type === "" || type.includes("BLOB")) return "BLOB";
  return /REAL|FLOA|DOUB/.test(type) ? "REAL" : "NUMERIC";
}

type Value = Exclude<SqliteValue, null>;

/** The value to bind so that the column holds the same one. Throws MisfitError. */
function fit(value: Value, type: ColumnType | undefined, affinity: Affinity, isBool: boolean): Value {
  const isBlob = value instanceof Uint8Array;
  // A column that says what it holds holds nothing else: SQLite would, and its readers would not expect it.
  if (type !== undefined && isBlob !== (type.kind === "blob")) throw new MisfitError();
  if (type?.kind === "json") checkJson(isBool ? value === 1n : value);
  else if (type !== undefined && type.kind !== "text" && !isBlob) return fitKind(value, type, affinity);
  if (type?.kind === "json" && isBool) return fitText(value, isBool);
  if (affinity === "TEXT") return fitText(value, isBool);
  if (affinity === "BLOB" || value instanceof Uint8Array) return value;
  return fitNumber(value, affinity);
}

function checkJson(value: Value | boolean): void {
  if (typeof value === "number" && !Number.isFinite(value)) throw new MisfitError();
  if (typeof value !== "string") return;
  try {
    JSON.parse(value);
  } catch {
    throw new MisfitError();
  }
}

/** Numbers are written by us: SQLite would keep 15 digits of a double. */
function fitText(value: Value, isBool: boolean): Value {
  if (isBool) return value === 1n ? "true" : "false";
  return typeof value === "bigint" || typeof value === "number" ? String(value) : value;
}

/** A value that the declared type reads as the same one again. */
function fitKind(value: Value, type: ColumnType, affinity: Affinity): Value {
  switch (type.kind) {
    case "integer":
      return integer(value);
    case "real":
      return real(value);
    case "boolean":
      if (value !== 0n && value !== 1n) throw new MisfitError();
      return value;
    case "decimal":
      return decimal(value, type, affinity);
    case "hugeint":
      return String(integerOf(inForm(value, INTEGER), type));
    case "date":
      return date(value, type);
    case "timestamp":
      // What is in UTC is a timestamp without a zone too.
      return timed(typeof value === "string" ? value.replace(/\+00:00$/, "") : value, type);
    case "time":
    case "timestamptz":
      return timed(value, type);
    case "uuid":
      if (typeof value !== "string" || !/^[0-9a-f-]{36}$/i.test(value)) throw new MisfitError();
      return value;
    default:
      return value;
  }
}

function timed(value: Value, type: ColumnType): Value {
  integerOf(value, type);
  return value;
}

/** A timestamp at midnight is a date as well. */
function date(value: Value, type: ColumnType): Value {
  if (typeof value !== "string") throw new MisfitError();
  const [day = "", rest] = value.split(/[T ]/);
  if (rest !== undefined && !/^00:00:00(?:\.0+)?$/.test(rest)) throw new MisfitError();
  inForm(day, DATE);
  integerOf(day.includes("infinity") ? day : `${day}T00:00:00`, { ...type, kind: "timestamp" });
  return day;
}

const patternOf = (form: string) => new RegExp(`^(?:${form})$`, "i");
const INTEGER = patternOf(INTEGER_TEXT);
const NUMBER = patternOf(NUMBER_TEXT);
const FLOAT = patternOf(FLOAT_TEXT);
const DATE = patternOf(DATE_TEXT);

/** A text has to be written in the form; other values pass. */
function inForm(value: Value, form: RegExp): Value {
  if (typeof value === "string" && !form.test(value)) throw new MisfitError();
  return value;
}

const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;

function integer(value: Value): bigint {
  const found = typeof value === "bigint"
    ? value
    : typeof value === "number" && Number.isSafeInteger(value)
    ? BigInt(value)
    : typeof value === "string" && INTEGER.test(value)
    ? BigInt(value.split(".")[0] ?? "")
    : undefined;
  if (found === undefined || found < MIN_INT64 || found > MAX_INT64) throw new MisfitError();
  return found;
}

function real(value: Value): Value {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") {
    if (BigInt(Number(value)) !== value) throw new MisfitError();
    return value;
  }
  if (typeof value !== "string" || !FLOAT.test(value)) throw new MisfitError();
  if (/^nan$/i.test(value)) return "NaN";
  if (/^-?inf/i.test(value)) return value.startsWith("-") ? -Infinity : Infinity;
  if (!isDouble(value)) throw new MisfitError();
  return Number(value);
}

/** Whether the number is written with the same digits as the double that is nearest to it. */
function isDouble(text: string): boolean {
  const double = Number(text);
  return Number.isFinite(double) && digitsOf(text) === digitsOf(String(double));
}

/** The digits of a number but for its zeros at both ends. */
const digitsOf = (text: string): string =>
  text.replace(/e.*$/i, "").replace(/[^\d]/g, "").replace(/^0+|0+$/g, "");

/** What is stored reads as just this decimal again; a column of numeric affinity keeps integers of 64 bits and else doubles. */
function decimal(value: Value, type: ColumnType, affinity: Affinity): Value {
  const text = String(inForm(value, NUMBER));
  const unscaled = decimalOf(text, type);
  if (affinity === "TEXT") return text;
  if (isDouble(text)) {
    if (decimalOf(Number(text), type) !== unscaled) throw new MisfitError();
    return text;
  }
  return integer(text);
}

/** For a column without a known type: SQLite must not take a text for a number that is written otherwise. */
function fitNumber(value: Exclude<Value, Uint8Array>, affinity: Affinity): Value {
  if (typeof value === "bigint") {
    if (affinity === "REAL" && BigInt(Number(value)) !== value) throw new MisfitError();
    return value;
  }
  if (typeof value === "number" || !LIKE_NUMBER.test(value)) return value;
  if (affinity !== "REAL" && INTEGER.test(value)) {
    const whole = BigInt(value.split(".")[0] ?? "");
    if (BigInt.asIntN(64, whole) === whole) return value;
  }
  if (!NUMBER.test(value) || !isDouble(value)) throw new MisfitError();
  return value;
}

/** What SQLite takes for a number. */
const LIKE_NUMBER = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i;
