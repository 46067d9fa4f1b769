import {
  Binary,
  Bool,
  type DataType,
  DateDay,
  Decimal,
  Field,
  FixedSizeBinary,
  Float32,
  Float64,
  Int16,
  Int32,
  Int64,
  Int8,
  TimeMicrosecond,
  TimestampMicrosecond,
  Uint16,
  Uint32,
  Uint64,
  Uint8,
  Utf8,
} from "apache-arrow";
import { EXTENSION_NAME_KEY, JSON_EXTENSION, UUID_EXTENSION } from "../../../contract/arrow.ts";
import type { ResultColumn } from "../session/payload.ts";
import { quoteName } from "../table_name.ts";

/**
 * How a value of the text protocol becomes an Arrow value.
 *
 * | MySQL, MariaDB | Arrow |
 * | --- | --- |
 * | TINYINT … BIGINT, UNSIGNED too (BOOLEAN is TINYINT(1)), YEAR | Int8 … Int64, Uint8 … Uint64, Int16 |
 * | BIT(1), BIT(n) | Bool, Uint64 |
 * | DECIMAL(p,s) up to 38 digits | Decimal128 |
 * | FLOAT, DOUBLE | Float32, Float64 |
 * | CHAR (without its padding), VARCHAR, TEXT, ENUM, SET | Utf8 |
 * | BINARY (with its padding), VARBINARY, BLOB, VECTOR | Binary |
 * | JSON | Utf8, `arrow.json` |
 * | UUID | FixedSizeBinary(16), `arrow.uuid` |
 * | DATE, TIME, DATETIME, TIMESTAMP | Date32, Time64(us), Timestamp(us), Timestamp(us, UTC) |
 * | spatial types | Utf8 of well-known text, with `SRID=n;` before it where the SRID is not 0 |
 * | DECIMAL beyond 38 digits, INET4, INET6 and every other type | Utf8 of the server's own text |
 */
export type DecodeKind =
  | { readonly kind: "int"; readonly sizeBytes: 1 | 2 | 4; readonly isUnsigned: boolean }
  | { readonly kind: "int8"; readonly isUnsigned: boolean }
  | { readonly kind: "bool" | "bits" | "float4" | "float8" | "uuid" | "time" | "bytes" | "text" | "json" }
  | { readonly kind: "date" | "timestamp" | "timestamptz"; readonly zeroIsNull: boolean }
  | { readonly kind: "decimal"; readonly precision: number; readonly scale: number };

/** How a column is selected and decoded. */
export interface TypePlan {
  readonly decode: DecodeKind;
  /** The expression that is selected, where it is not the column itself. */
  readonly expression: string | undefined;
}

export type ZeroDates = "error" | "null" | "text";

/** Numbers of the wire's types. Source: https://mariadb.com/kb/en/result-set-packets/#field-types */
export const WIRE_TYPE = {
  oldDecimal: 0,
  tiny: 1,
  short: 2,
  long: 3,
  float: 4,
  double: 5,
  timestamp: 7,
  longlong: 8,
  int24: 9,
  date: 10,
  time: 11,
  datetime: 12,
  year: 13,
  newdate: 14,
  varchar: 15,
  bit: 16,
  json: 245,
  decimal: 246,
  enum: 247,
  string: 254,
  geometry: 255,
} as const;

export const UNSIGNED_FLAG = 32;
/** The number of the collation of bytes. */
const BINARY_COLLATION = 63;
const MAX_DECIMAL_PRECISION = 38;
const TEXT: DecodeKind = { kind: "text" };

export const isUnsigned = ({ flags }: ResultColumn): boolean => (flags & UNSIGNED_FLAG) !== 0;

/** Whether its text holds a date: then it may hold one that no calendar has. */
export const isDate = ({ type }: ResultColumn): boolean =>
  type === WIRE_TYPE.date || type === WIRE_TYPE.newdate || type === WIRE_TYPE.datetime ||
  type === WIRE_TYPE.timestamp;

export function planType(column: ResultColumn, zeroDates: ZeroDates): TypePlan {
  if (isDate(column) && zeroDates === "text") return { decode: TEXT, expression: undefined };
  return { decode: decodeKind(column, zeroDates === "null"), expression: expressionOf(column) };
}

/**
 * A text that the server is told to convert: it warns of characters that Unicode does not have then, where the
 * conversion that it does by itself makes question marks of them in silence.
 */
export const planConversion = ({ name }: ResultColumn): TypePlan => ({
  decode: TEXT,
  expression: `CONVERT(${quoteName(name)} USING utf8mb4)`,
});

/** CHAR, VARCHAR, TEXT, ENUM, SET, and results that are such. */
export const isString = ({ type, collation, typeName, format }: ResultColumn): boolean =>
  (type === WIRE_TYPE.varchar || type >= WIRE_TYPE.enum && type <= WIRE_TYPE.string) &&
  collation !== BINARY_COLLATION && typeName === "" && format === "";

/** The column as the server's own text. */
export function planText(column: ResultColumn): TypePlan {
  const name = quoteName(column.name);
  // BIT is sent as bytes, whose number is what the server shows.
  return { decode: TEXT, expression: column.type === WIRE_TYPE.bit ? `${name} + 0` : expressionOf(column) };
}

/** What `text_columns` cannot make a text of. */
export const isBytes = (column: ResultColumn): boolean => decodeKind(column, false).kind === "bytes";

function expressionOf({ name, type }: ResultColumn): string | undefined {
  const quoted = quoteName(name);
  // The text of FLOAT has six digits; as a DOUBLE it has all that it takes to get the same FLOAT back.
  if (type === WIRE_TYPE.float) return `${quoted} * 1e0`;
  if (type !== WIRE_TYPE.geometry) return undefined;
  return `CASE WHEN ST_SRID(${quoted}) = 0 THEN ST_AsText(${quoted}) ` +
    `ELSE CONCAT('SRID=', ST_SRID(${quoted}), ';', ST_AsText(${quoted})) END`;
}

function decodeKind(column: ResultColumn, zeroIsNull: boolean): DecodeKind {
  const { type, collation, length, typeName, format } = column;
  switch (type) {
    case WIRE_TYPE.tiny:
      return { kind: "int", sizeBytes: 1, isUnsigned: isUnsigned(column) };
    case WIRE_TYPE.short:
      return { kind: "int", sizeBytes: 2, isUnsigned: isUnsigned(column) };
    case WIRE_TYPE.int24:
    case WIRE_TYPE.long:
      return { kind: "int", sizeBytes: 4, isUnsigned: isUnsigned(column) };
    case WIRE_TYPE.longlong:
      return { kind: "int8", isUnsigned: isUnsigned(column) };
    case WIRE_TYPE.year:
      return { kind: "int", sizeBytes: 2, isUnsigned: false };
    case WIRE_TYPE.bit:
      return { kind: length === 1 ? "bool" : "bits" };
    case WIRE_TYPE.float:
      return { kind: "float4" };
    case WIRE_TYPE.double:
      return { kind: "float8" };
    case WIRE_TYPE.oldDecimal:
    case WIRE_TYPE.decimal:
      return decimalKind(column);
    case WIRE_TYPE.date:
    case WIRE_TYPE.newdate:
      return { kind: "date", zeroIsNull };
    case WIRE_TYPE.datetime:
      return { kind: "timestamp", zeroIsNull };
    case WIRE_TYPE.timestamp:
      return { kind: "timestamptz", zeroIsNull };
    case WIRE_TYPE.time:
      return { kind: "time" };
    case WIRE_TYPE.json:
      return { kind: "json" };
    case WIRE_TYPE.geometry:
      return TEXT;
  }
  if (format === "json") return { kind: "json" };
  if (typeName === "uuid") return { kind: "uuid" };
  // Bytes of no length at all are NULL without a type.
  return { kind: collation === BINARY_COLLATION && length > 0 ? "bytes" : "text" };
}

/** The length counts a sign and a point with the digits. */
function decimalKind(column: ResultColumn): DecodeKind {
  const { length, decimals: scale } = column;
  const precision = length - (scale > 0 ? 1 : 0) - (isUnsigned(column) ? 0 : 1);
  if (precision > MAX_DECIMAL_PRECISION || precision < 1 || scale > precision) return TEXT;
  return { kind: "decimal", precision, scale };
}

export function arrowField(name: string, decode: DecodeKind): Field {
  return new Field(name, arrowType(decode), true, extensionOf(decode));
}

function extensionOf({ kind }: DecodeKind): Map<string, string> {
  if (kind === "uuid") return new Map([[EXTENSION_NAME_KEY, UUID_EXTENSION]]);
  if (kind === "json") return new Map([[EXTENSION_NAME_KEY, JSON_EXTENSION]]);
  return new Map();
}

export function arrowType(decode: DecodeKind): DataType {
  switch (decode.kind) {
    case "int":
      switch (decode.sizeBytes) {
        case 1:
          return decode.isUnsigned ? new Uint8() : new Int8();
        case 2:
          return decode.isUnsigned ? new Uint16() : new Int16();
        case 4:
          return decode.isUnsigned ? new Uint32() : new Int32();
      }
      break;
    case "int8":
      return decode.isUnsigned ? new Uint64() : new Int64();
    case "bits":
      return new Uint64();
    case "bool":
      return new Bool();
    case "float4":
      return new Float32();
    case "float8":
      return new Float64();
    case "decimal":
      return new Decimal(decode.scale, decode.precision, 128);
    case "text":
    case "json":
      return new Utf8();
    case "bytes":
      return new Binary();
    case "uuid":
      return new FixedSizeBinary(16);
    case "date":
      return new DateDay();
    case "time":
      return new TimeMicrosecond();
    case "timestamp":
      return new TimestampMicrosecond();
    case "timestamptz":
      return new TimestampMicrosecond("UTC");
  }
}
