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
  IntervalMonthDayNano,
  List,
  TimeMicrosecond,
  TimestampMicrosecond,
  Uint32,
  Utf8,
} from "apache-arrow";
import { EXTENSION_NAME_KEY, JSON_EXTENSION, UUID_EXTENSION } from "../../../contract/arrow.ts";

/**
 * How a value of binary COPY becomes an Arrow value.
 *
 * | PostgreSQL | Arrow |
 * | --- | --- |
 * | boolean, smallint, integer, bigint, oid, real, double precision | Bool, Int16, Int32, Int64, Uint32, Float32, Float64 |
 * | numeric(p,s) up to 38 digits | Decimal128 |
 * | money | Decimal128(19) with the server's digits behind the point |
 * | text, varchar, char(n) (with its padding), name, enums, citext | Utf8 |
 * | json, jsonb | Utf8, `arrow.json` |
 * | bytea, uuid | Binary, FixedSizeBinary(16) `arrow.uuid` |
 * | date, time, timestamp, timestamptz, interval | Date32, Time64(us), Timestamp(us), Timestamp(us, UTC), Interval(MonthDayNano) |
 * | arrays of these | List |
 * | numeric without a precision or beyond 38 digits, and every other type | Utf8 of PostgreSQL's own text |
 */
export type DecodeKind =
  | { readonly kind: "bool" | "int2" | "int4" | "oid" | "float4" | "int8" | "float8" | "time" }
  | { readonly kind: "date" | "timestamp" | "timestamptz" | "interval" | "uuid" | "bytea" }
  | { readonly kind: "text" | "json" | "jsonb" }
  | { readonly kind: "numeric"; readonly precision: number; readonly scale: number }
  | { readonly kind: "list"; readonly element: DecodeKind };

/** How a column is selected and decoded. */
export interface TypePlan {
  readonly decode: DecodeKind;
  /** The types to cast to in the SELECT list, one after the other; none where the column's own binary form is read. */
  readonly casts: readonly ("text" | "text[]" | "numeric" | "numeric[]")[];
}

/** What describes a column's type. */
export interface ColumnType {
  readonly oid: number;
  /** -1 where the type has no modifier. */
  readonly modifier: number;
  /** Of types that are not built in: whether it is an array of something. */
  readonly isArray: boolean;
}

const SCALAR_OIDS: Readonly<Record<number, DecodeKind["kind"]>> = {
  16: "bool",
  17: "bytea",
  19: "text",
  20: "int8",
  21: "int2",
  23: "int4",
  25: "text",
  26: "oid",
  114: "json",
  700: "float4",
  701: "float8",
  1042: "text",
  1043: "text",
  1082: "date",
  1083: "time",
  1114: "timestamp",
  1184: "timestamptz",
  1186: "interval",
  1700: "numeric",
  2950: "uuid",
  3802: "jsonb",
};

/** An array type's OID → its element's. */
const ELEMENT_OIDS: Readonly<Record<number, number>> = {
  199: 114,
  1000: 16,
  1001: 17,
  1003: 19,
  1005: 21,
  1007: 23,
  1009: 25,
  1014: 1042,
  1015: 1043,
  1016: 20,
  1021: 700,
  1022: 701,
  1028: 26,
  1115: 1114,
  1182: 1082,
  1183: 1083,
  1185: 1184,
  1187: 1186,
  1231: 1700,
  2951: 2950,
  3807: 3802,
};

const MAX_DECIMAL_PRECISION = 38;
const TEXT: TypePlan = { decode: { kind: "text" }, casts: ["text"] };
const TEXT_ARRAY: TypePlan = { decode: { kind: "list", element: { kind: "text" } }, casts: ["text[]"] };

const MONEY_OID = 790;
const MONEY_ARRAY_OID = 791;
/** money is a 64-bit count of its smallest unit. */
const MONEY_PRECISION = 19;

export const isMoney = ({ oid }: ColumnType): boolean => oid === MONEY_OID || oid === MONEY_ARRAY_OID;

/** `moneyScale` are the digits behind the point of this server's money. */
export function planType(type: ColumnType, moneyScale: number): TypePlan {
  const { oid, modifier, isArray } = type;
  if (isMoney(type)) {
    const amount = { kind: "numeric", precision: MONEY_PRECISION, scale: moneyScale } as const;
    return oid === MONEY_OID
      ? { decode: amount, casts: ["numeric"] }
      : { decode: { kind: "list", element: amount }, casts: ["numeric[]"] };
  }
  const elementOid = ELEMENT_OIDS[oid];
  if (elementOid !== undefined) {
    const element = scalarKind(elementOid, modifier);
    return element === undefined ? TEXT_ARRAY : { decode: { kind: "list", element }, casts: [] };
  }
  const decode = scalarKind(oid, modifier);
  if (decode !== undefined) return { decode, casts: [] };
  return isArray ? TEXT_ARRAY : TEXT;
}

/** The column as text. That of money has the server's own signs for currency and digits, so a number's is taken. */
export function planText({ oid }: ColumnType): TypePlan {
  if (oid === MONEY_OID) return { ...TEXT, casts: ["numeric", "text"] };
  return oid === MONEY_ARRAY_OID ? { ...TEXT, casts: ["numeric[]", "text"] } : TEXT;
}

export const isBuiltIn = (oid: number): boolean =>
  SCALAR_OIDS[oid] !== undefined || ELEMENT_OIDS[oid] !== undefined;

function scalarKind(oid: number, modifier: number): DecodeKind | undefined {
  const kind = SCALAR_OIDS[oid];
  if (kind === undefined || kind === "list") return undefined;
  if (kind !== "numeric") return { kind };
  const declared = numericModifier(modifier);
  if (declared === undefined) return undefined;
  // A negative scale rounds left of the point, a scale beyond the precision has zeros right of it.
  const scale = Math.max(declared.scale, 0);
  const precision = Math.max(declared.precision + Math.max(-declared.scale, 0), scale);
  return precision > MAX_DECIMAL_PRECISION ? undefined : { kind, precision, scale };
}

/** numeric's type modifier: precision in the high 16 bits, the scale signed in the low 11. */
export function numericModifier(modifier: number): { precision: number; scale: number } | undefined {
  if (modifier < 4) return undefined;
  const packed = modifier - 4;
  return { precision: (packed >> 16) & 0xffff, scale: ((packed & 0x7ff) ^ 1024) - 1024 };
}

export function arrowField(name: string, decode: DecodeKind): Field {
  return new Field(name, arrowType(decode), true, extensionOf(decode));
}

function extensionOf(decode: DecodeKind): Map<string, string> {
  if (decode.kind === "uuid") return new Map([[EXTENSION_NAME_KEY, UUID_EXTENSION]]);
  if (decode.kind === "json" || decode.kind === "jsonb") {
    return new Map([[EXTENSION_NAME_KEY, JSON_EXTENSION]]);
  }
  return new Map();
}

function arrowType(decode: DecodeKind): DataType {
  switch (decode.kind) {
    case "bool":
      return new Bool();
    case "int2":
      return new Int16();
    case "int4":
      return new Int32();
    case "int8":
      return new Int64();
    case "oid":
      return new Uint32();
    case "float4":
      return new Float32();
    case "float8":
      return new Float64();
    case "numeric":
      return new Decimal(decode.scale, decode.precision, 128);
    case "text":
    case "json":
    case "jsonb":
      return new Utf8();
    case "bytea":
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
    case "interval":
      return new IntervalMonthDayNano();
    case "list":
      return new List(arrowField("item", decode.element));
  }
}
