import { DataType, type DataType as ArrowType, type Field, type TimeUnit } from "apache-arrow";
import {
  EXTENSION_METADATA_KEY,
  EXTENSION_NAME_KEY,
  JSON_EXTENSION,
  OPAQUE_EXTENSION,
  UUID_EXTENSION,
} from "../../../contract/arrow.ts";
import { AppError } from "../../../contract/errors.ts";
import { FIELD } from "../../../kernels/copy_fields.ts";
import type { ColumnEncoder } from "./encode/column_encoder.ts";
import { FixedEncoder } from "./encode/fixed_encoder.ts";
import { NumericEncoder } from "./encode/numeric_encoder.ts";
import {
  putDate,
  putDuration,
  putInteger,
  putInterval,
  putTime,
  putTimestamp,
} from "./encode/scalar_values.ts";
import {
  ArrayEncoder,
  BoundedTextEncoder,
  BytesEncoder,
  dictionaryLabels,
  jsonBytes,
  MadeBytesEncoder,
} from "./encode/variable_encoders.ts";
import { numericModifier } from "../read/types.ts";

/**
 * The PostgreSQL type that holds an Arrow type whole: what new columns get.
 *
 * | Arrow | PostgreSQL |
 * | --- | --- |
 * | Bool | boolean |
 * | Int8, Int16, Uint8; Int32, Uint16; Int64, Uint32 | smallint; integer; bigint |
 * | Uint64; 128-bit integers | numeric(20,0); numeric(39,0) |
 * | Float32, Float64, Decimal(p,s) | real, double precision, numeric(p,s) |
 * | Utf8, Dictionary | text |
 * | Utf8 `arrow.json` | json, which keeps the text as it is |
 * | Struct, Map, lists of nested values | jsonb |
 * | Binary, FixedSizeBinary, `arrow.uuid` | bytea, bytea, uuid |
 * | Date, Time, Timestamp, Timestamp with a zone, Interval, Duration | date, time, timestamp, timestamptz, interval, interval |
 * | List, FixedSizeList of scalars | an array |
 */
export interface WriteType {
  /** As in a column definition, in the words of `format_type`. */
  readonly sql: string;
  readonly oid: number;
  readonly family: Family;
  /** Digits after the point, of a numeric. */
  readonly scale?: number;
  createEncoder(): ColumnEncoder;
  readonly element?: WriteType;
}

type Family =
  | "bool"
  | "integer"
  | "float4"
  | "float8"
  | "numeric"
  | "text"
  | "json"
  | "nested"
  | "bytea"
  | "uuid"
  | "date"
  | "time"
  | "timestamp"
  | "timestamptz"
  | "interval"
  | "array";

/** A column of a table that is there. */
export interface TargetType {
  /** As `numeric(10,2)`, with its schema where it needs one. */
  readonly sql: string;
  /** The base type of a domain, with the domain's own modifier. */
  readonly oid: number;
  readonly modifier: number;
  readonly isEnum: boolean;
  /** The base type's element, of an array. */
  readonly elementOid: number;
  /** Texts of any kind, as varchar(n), name and citext. */
  readonly isText: boolean;
}

export const OID = {
  bool: 16,
  bytea: 17,
  char: 18,
  name: 19,
  int8: 20,
  int2: 21,
  int4: 23,
  text: 25,
  oid: 26,
  json: 114,
  float4: 700,
  float8: 701,
  money: 790,
  bpchar: 1042,
  varchar: 1043,
  date: 1082,
  time: 1083,
  timestamp: 1114,
  timestamptz: 1184,
  interval: 1186,
  timetz: 1266,
  bit: 1560,
  varbit: 1562,
  numeric: 1700,
  uuid: 2950,
  jsonb: 3802,
} as const;

const UINT64_DIGITS = 20;
const INT128_DIGITS = 39;
/** Beyond this PostgreSQL would round a time. */
export const MICROSECOND_DIGITS = 6;

/** Throws `invalid` where there is no way to write such a column. */
export function writeType(field: Field): WriteType {
  const { type } = field;
  const extension = field.metadata.get(EXTENSION_NAME_KEY);
  const found = integerType(type) ?? floatOrDecimalType(type) ?? textType(type, extension) ??
    binaryType(field, extension) ?? temporalType(type) ?? nestedType(type);
  if (found === undefined) {
    throw new AppError(
      "invalid",
      `Column ${JSON.stringify(field.name)} is Arrow ${type}, which has no PostgreSQL type`,
    );
  }
  return found;
}

function integerType(type: ArrowType): WriteType | undefined {
  if (DataType.isBool(type)) {
    return {
      sql: "boolean",
      oid: OID.bool,
      family: "bool",
      createEncoder: () => new FixedEncoder(1, () => FIELD.bool),
    };
  }
  if (!DataType.isInt(type)) return undefined;
  if (!type.isSigned && type.bitWidth === 64) return wideIntegerType(UINT64_DIGITS, false);
  const bits = type.isSigned ? type.bitWidth : type.bitWidth * 2;
  const [sql, oid] = bits <= 16
    ? ["smallint", OID.int2] as const
    : bits === 32
    ? ["integer", OID.int4] as const
    : ["bigint", OID.int8] as const;
  return { sql, oid, family: "integer", createEncoder: () => integerEncoder(oid) };
}

function integerEncoder(oid: number): ColumnEncoder {
  if (oid === OID.int2) return new FixedEncoder(2, (data) => putInteger(data, "int2"));
  if (oid === OID.int4) return new FixedEncoder(4, (data) => putInteger(data, "int4"));
  return new FixedEncoder(8, (data) => putInteger(data, "int8"));
}

function wideIntegerType(digits: number, isSigned: boolean): WriteType {
  const createEncoder = () => new NumericEncoder(0, isSigned);
  return { sql: `numeric(${digits},0)`, oid: OID.numeric, family: "numeric", scale: 0, createEncoder };
}

function floatOrDecimalType(type: ArrowType): WriteType | undefined {
  if (DataType.isFloat(type)) {
    if (type.precision === 2) {
      return fixed("double precision", OID.float8, "float8", 8, () => FIELD.word64);
    }
    return type.precision === 1 ? fixed("real", OID.float4, "float4", 4, () => FIELD.word32) : undefined;
  }
  if (!DataType.isDecimal(type) || type.bitWidth > 128) return undefined;
  const { precision, scale } = type;
  const createEncoder = () => new NumericEncoder(scale, true);
  return { sql: `numeric(${precision},${scale})`, oid: OID.numeric, family: "numeric", scale, createEncoder };
}

function textType(type: ArrowType, extension: string | undefined): WriteType | undefined {
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) {
    return extension === JSON_EXTENSION
      ? { sql: "json", oid: OID.json, family: "json", createEncoder: () => new BytesEncoder("plain") }
      : { sql: "text", oid: OID.text, family: "text", createEncoder: () => new BytesEncoder("plain") };
  }
  if (DataType.isNull(type)) {
    const createEncoder = () => new MadeBytesEncoder("plain", () => () => new Uint8Array(0));
    return { sql: "text", oid: OID.text, family: "text", createEncoder };
  }
  if (DataType.isDictionary(type) && DataType.isUtf8(type.dictionary)) {
    const createEncoder = () => new MadeBytesEncoder("plain", dictionaryLabels());
    return { sql: "text", oid: OID.text, family: "text", createEncoder };
  }
  return undefined;
}

function binaryType(field: Field, extension: string | undefined): WriteType | undefined {
  const { type } = field;
  if (DataType.isFixedSizeBinary(type) && type.byteWidth === 16) {
    if (extension === UUID_EXTENSION) return fixed("uuid", OID.uuid, "uuid", 16, () => FIELD.bytes16);
    if (extension === OPAQUE_EXTENSION) {
      const isUnsigned = field.metadata.get(EXTENSION_METADATA_KEY)?.includes("uhugeint") ?? false;
      return wideIntegerType(INT128_DIGITS, !isUnsigned);
    }
  }
  if (DataType.isBinary(type) || DataType.isLargeBinary(type) || DataType.isFixedSizeBinary(type)) {
    return { sql: "bytea", oid: OID.bytea, family: "bytea", createEncoder: () => new BytesEncoder("plain") };
  }
  return undefined;
}

function temporalType(type: ArrowType): WriteType | undefined {
  if (DataType.isDate(type)) return fixed("date", OID.date, "date", 4, putDate);
  if (DataType.isTime(type)) return timed("time without time zone", OID.time, "time", 8, putTime, type.unit);
  if (DataType.isTimestamp(type)) {
    return type.timezone === null || type.timezone === undefined
      ? timed("timestamp without time zone", OID.timestamp, "timestamp", 8, putTimestamp, type.unit)
      : timed("timestamp with time zone", OID.timestamptz, "timestamptz", 8, putTimestamp, type.unit);
  }
  if (DataType.isInterval(type)) return fixed("interval", OID.interval, "interval", 16, putInterval);
  if (DataType.isDuration(type)) {
    return timed("interval", OID.interval, "interval", 16, putDuration, type.unit);
  }
  return undefined;
}

function nestedType(type: ArrowType): WriteType | undefined {
  const isList = DataType.isList(type) || DataType.isFixedSizeList(type);
  if (!isList && !DataType.isStruct(type) && !DataType.isMap(type)) return undefined;
  const item = isList ? type.children[0] : undefined;
  const element = item === undefined ? undefined : writeType(item);
  if (element !== undefined && element.family !== "array" && element.family !== "nested") {
    const createEncoder = () => new ArrayEncoder(element.createEncoder(), element.oid);
    return { sql: `${element.sql}[]`, oid: 0, family: "array", element, createEncoder };
  }
  const createEncoder = () => new MadeBytesEncoder("jsonb", jsonBytes);
  return { sql: "jsonb", oid: OID.jsonb, family: "nested", createEncoder };
}

type Bind = ConstructorParameters<typeof FixedEncoder>[1];

function fixed(sql: string, oid: number, family: Family, sizeBytes: number, bind: Bind): WriteType {
  return { sql, oid, family, createEncoder: () => new FixedEncoder(sizeBytes, bind) };
}

function timed(
  sql: string,
  oid: number,
  family: Family,
  sizeBytes: number,
  put: (data: Parameters<Bind>[0], unit: TimeUnit) => ReturnType<Bind>,
  unit: TimeUnit,
): WriteType {
  return fixed(sql, oid, family, sizeBytes, (data) => put(data, unit));
}

/**
 * The encoder that writes the column in the target's own binary form, with nothing lost; undefined
 * where PostgreSQL has to cast. Types that take text in binary COPY (enums, json, varchar) need none.
 */
export function directEncoder(source: WriteType, target: TargetType): ColumnEncoder | undefined {
  const isSame = source.oid === target.oid && source.oid !== 0;
  const keepsMicroseconds = target.modifier < 0 || target.modifier >= MICROSECOND_DIGITS;
  switch (source.family) {
    case "integer": {
      const isInteger = target.oid === OID.int2 || target.oid === OID.int4 || target.oid === OID.int8;
      return isInteger ? integerEncoder(target.oid) : undefined;
    }
    case "numeric": {
      const declared = numericModifier(target.modifier);
      const keepsScale = declared === undefined || declared.scale >= (source.scale ?? 0);
      return isSame && keepsScale ? source.createEncoder() : undefined;
    }
    case "text":
      return isTextual(target) ? textEncoder(source, target) : undefined;
    case "json":
      if (target.oid === OID.jsonb) return new BytesEncoder("jsonb");
      return isTextual(target) && !target.isEnum ? textEncoder(source, target) : undefined;
    case "interval":
      return isSame && target.modifier < 0 ? source.createEncoder() : undefined;
    case "time":
    case "timestamp":
    case "timestamptz":
      return isSame && keepsMicroseconds ? source.createEncoder() : undefined;
    case "array": {
      if (source.element === undefined || target.elementOid === 0) return undefined;
      const element = directEncoder(source.element, { ...target, oid: target.elementOid, elementOid: 0 });
      return element === undefined ? undefined : new ArrayEncoder(element, target.elementOid);
    }
    default:
      return isSame ? source.createEncoder() : undefined;
  }
}

/** A varchar(n) counts characters; its modifier is n and 4 bytes of length. */
function textEncoder(source: WriteType, target: TargetType): ColumnEncoder {
  const encoder = source.createEncoder();
  const isBounded = target.oid === OID.varchar && target.modifier > 4 && encoder instanceof BytesEncoder;
  return isBounded ? new BoundedTextEncoder(target.modifier - 4) : encoder;
}

function isTextual({ oid, isEnum }: TargetType): boolean {
  return isEnum || oid === OID.text || oid === OID.varchar || oid === OID.bpchar || oid === OID.json;
}
