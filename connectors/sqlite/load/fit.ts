import { type Data, DataType, type Field } from "apache-arrow";
import type { SqliteValue } from "../driver.ts";
import { MisfitError } from "../read/column_builder.ts";
import { type ColumnType, typeOfDeclared } from "../read/column_type.ts";
import { integerOf } from "../read/whole_number.ts";
import { readerOf, type ValueReader } from "./arrow_values.ts";
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
  if (isSameType(declaredTypeOf(field), declared)) return read;
  const type = typeOfDeclared(declared);
  const affinity = affinityOf(declared);
  const isBool = DataType.isBool(field.type);
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
  if (type !== undefined && type.kind !== "text" && type.kind !== "json" && type.kind !== "blob") {
    return fitKind(value, type, affinity);
  }
  if (affinity === "TEXT") return fitText(value, isBool);
  if (affinity === "BLOB" || value instanceof Uint8Array) return value;
  return fitNumber(value, affinity);
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
    case "decimal": {
      const unscaled = integerOf(value, type);
      return affinity === "TEXT" ? String(value) : exactDecimal(value, unscaled);
    }
    case "hugeint":
      return String(integerOf(value, type));
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
  integerOf(`${day.includes("infinity") ? "" : day}T00:00:00`, { ...type, kind: "timestamp" });
  return day;
}

const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;
const INTEGER_TEXT = /^-?(?:0|[1-9]\d*)(?:\.0+)?$/;

function integer(value: Value): bigint {
  const found = typeof value === "bigint"
    ? value
    : typeof value === "number" && Number.isSafeInteger(value)
    ? BigInt(value)
    : typeof value === "string" && INTEGER_TEXT.test(value)
    ? BigInt(value.split(".")[0] ?? "")
    : undefined;
  if (found === undefined || found < MIN_INT64 || found > MAX_INT64) throw new MisfitError();
  return found;
}

function real(value: Value): Value {
  if (typeof value === "number" || value === "NaN") return value;
  if (typeof value === "bigint") {
    if (BigInt(Number(value)) !== value) throw new MisfitError();
    return value;
  }
  if (typeof value === "string" && isDouble(value)) return Number(value);
  throw new MisfitError();
}

const NUMBER_TEXT = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i;
/** A double holds a decimal number of so many digits exactly. */
const DOUBLE_DIGITS = 15;

/** Whether the text is a number that a double holds with all its digits. */
function isDouble(text: string): boolean {
  if (!NUMBER_TEXT.test(text)) return false;
  const digits = text.trim().replace(/e.*$/i, "").replace(/[^\d]/g, "").replace(/^0+|0+$/g, "");
  return digits.length <= DOUBLE_DIGITS && Number.isFinite(Number(text));
}

/** A number for a column of numeric affinity, which keeps integers of 64 bits and else doubles. */
function exactDecimal(value: Value, unscaled: bigint): Value {
  const digits = String(unscaled < 0n ? -unscaled : unscaled);
  const text = String(value);
  if (digits.replace(/0+$/, "").length <= DOUBLE_DIGITS) return text;
  return integer(text);
}

/** For a column without a known type: SQLite must not take a text for a number that is written otherwise. */
function fitNumber(value: Exclude<Value, Uint8Array>, affinity: Affinity): Value {
  if (typeof value === "bigint") {
    if (affinity === "REAL" && BigInt(Number(value)) !== value) throw new MisfitError();
    return value;
  }
  if (typeof value === "number" || !NUMBER_TEXT.test(value)) return value;
  if (affinity !== "REAL" && INTEGER_TEXT.test(value)) {
    if (BigInt.asIntN(64, BigInt(value.split(".")[0] ?? "")) === BigInt(value.split(".")[0] ?? "")) {
      return value;
    }
  }
  if (!isDouble(value) || /^\s|\s$|^[+]|^-?0\d/.test(value)) throw new MisfitError();
  return value;
}
