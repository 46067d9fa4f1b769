import duckdb from "@duckdb/node-bindings";
import {
  Binary,
  Bool,
  DataType,
  DateDay,
  Decimal,
  Dictionary,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float32,
  Float64,
  Int16,
  Int32,
  Int64,
  Int8,
  IntervalMonthDayNano,
  List,
  Map_,
  Precision,
  Schema,
  Struct,
  TimeMicrosecond,
  TimeNanosecond,
  TimestampMicrosecond,
  TimestampMillisecond,
  TimestampNanosecond,
  TimestampSecond,
  TimeUnit,
  Uint16,
  Uint32,
  Uint64,
  Uint8,
  Utf8,
} from "apache-arrow";
import {
  EXTENSION_METADATA_KEY,
  EXTENSION_NAME_KEY,
  JSON_EXTENSION,
  OPAQUE_EXTENSION,
  UUID_EXTENSION,
} from "../../contract/arrow.ts";
import { AppError } from "../../contract/errors.ts";
import type { Column } from "../../contract/sql.ts";
import { type DuckType, scalarType, typeText } from "./duck_type.ts";

const { Type } = duckdb;
const VARCHAR = scalarType(Type.VARCHAR);
const MAX_DECIMAL_DIGITS = 38;

/** DuckDB column definitions of an Arrow schema. Throws invalid for a type that DuckDB cannot hold. */
export function columnsOfSchema(schema: Schema, keywords: ReadonlySet<string>): Column[] {
  return schema.fields.map((field) => ({ name: field.name, type: typeText(duckTypeOf(field), keywords) }));
}

/** The DuckDB type that holds the field's values, by the table of contract/arrow.ts. */
export function duckTypeOf(field: Field): DuckType {
  const type: DataType = field.type;
  if (DataType.isNull(type)) return VARCHAR;
  if (DataType.isBool(type)) return scalarType(Type.BOOLEAN);
  if (DataType.isInt(type)) return integerType(type.bitWidth, type.isSigned);
  if (DataType.isFloat(type)) {
    return scalarType(type.precision === Precision.DOUBLE ? Type.DOUBLE : Type.FLOAT);
  }
  if (DataType.isDecimal(type)) return decimalType(field, type.precision, type.scale);
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type) || DataType.isUtf8View(type)) {
    return scalarType(Type.VARCHAR, field.metadata.get(EXTENSION_NAME_KEY) === JSON_EXTENSION);
  }
  if (DataType.isBinary(type) || DataType.isLargeBinary(type) || DataType.isBinaryView(type)) {
    return scalarType(Type.BLOB);
  }
  if (DataType.isFixedSizeBinary(type)) return fixedSizeBinaryType(field, type.byteWidth);
  if (DataType.isDictionary(type)) {
    return duckTypeOf(fieldLike(field, type.dictionary));
  }
  return timeTypeOf(type) ?? nestedTypeOf(field, type);
}

/** The Arrow field of a column, by the table of contract/arrow.ts; types without one are text. */
export function arrowFieldOf(name: string, type: DuckType): Field {
  return new Field(name, arrowTypeOf(type), true, extensionOf(type));
}

/** The type as `arrowFieldOf` can give it: what Arrow has no type for is VARCHAR, also inside others. */
export function exportableType(type: DuckType): DuckType {
  switch (type.kind) {
    case "scalar":
      return SCALARS.has(type.id) ? type : VARCHAR;
    case "list":
    case "array":
      return { ...type, child: exportableType(type.child) };
    case "map":
      return { ...type, key: exportableType(type.key), value: exportableType(type.value) };
    case "struct":
      if (type.id === Type.UNION) return VARCHAR;
      return { ...type, fields: type.fields.map((f) => ({ name: f.name, type: exportableType(f.type) })) };
    case "decimal":
    case "enum":
      return type;
  }
}

const SCALARS: ReadonlyMap<duckdb.Type, () => DataType> = new Map<duckdb.Type, () => DataType>([
  [Type.BOOLEAN, () => new Bool()],
  [Type.TINYINT, () => new Int8()],
  [Type.SMALLINT, () => new Int16()],
  [Type.INTEGER, () => new Int32()],
  [Type.BIGINT, () => new Int64()],
  [Type.UTINYINT, () => new Uint8()],
  [Type.USMALLINT, () => new Uint16()],
  [Type.UINTEGER, () => new Uint32()],
  [Type.UBIGINT, () => new Uint64()],
  [Type.HUGEINT, () => new FixedSizeBinary(16)],
  [Type.UHUGEINT, () => new FixedSizeBinary(16)],
  [Type.UUID, () => new FixedSizeBinary(16)],
  [Type.FLOAT, () => new Float32()],
  [Type.DOUBLE, () => new Float64()],
  [Type.VARCHAR, () => new Utf8()],
  [Type.BLOB, () => new Binary()],
  [Type.DATE, () => new DateDay()],
  [Type.TIME, () => new TimeMicrosecond()],
  [Type.TIME_NS, () => new TimeNanosecond()],
  [Type.TIMESTAMP_S, () => new TimestampSecond()],
  [Type.TIMESTAMP_MS, () => new TimestampMillisecond()],
  [Type.TIMESTAMP, () => new TimestampMicrosecond()],
  [Type.TIMESTAMP_NS, () => new TimestampNanosecond()],
  [Type.TIMESTAMP_TZ, () => new TimestampMicrosecond("UTC")],
  [Type.INTERVAL, () => new IntervalMonthDayNano()],
]);

function arrowTypeOf(type: DuckType): DataType {
  switch (type.kind) {
    case "scalar":
      return SCALARS.get(type.id)?.() ?? new Utf8();
    case "decimal":
      return new Decimal(type.scale, type.width, 128);
    case "enum":
      return new Dictionary(new Utf8(), enumIndexType(type.values.length));
    case "list":
      return new List(arrowFieldOf("item", type.child));
    case "array":
      return new FixedSizeList(type.size, arrowFieldOf("item", type.child));
    case "map": {
      const key = arrowFieldOf("key", type.key);
      const entries = new Struct([
        new Field(key.name, key.type, false, key.metadata),
        arrowFieldOf("value", type.value),
      ]);
      return new Map_(new Field("entries", entries, false));
    }
    case "struct":
      return new Struct(type.fields.map((field) => arrowFieldOf(field.name, field.type)));
  }
}

function enumIndexType(size: number): Uint8 | Uint16 | Uint32 {
  if (size <= 0xff) return new Uint8();
  return size <= 0xffff ? new Uint16() : new Uint32();
}

function extensionOf(type: DuckType): Map<string, string> {
  if (type.kind !== "scalar") return new Map();
  if (type.isJson) return new Map([[EXTENSION_NAME_KEY, JSON_EXTENSION], [EXTENSION_METADATA_KEY, ""]]);
  if (type.id === Type.UUID) {
    return new Map([[EXTENSION_NAME_KEY, UUID_EXTENSION], [EXTENSION_METADATA_KEY, ""]]);
  }
  if (type.id !== Type.HUGEINT && type.id !== Type.UHUGEINT) return new Map();
  const metadata = { type_name: type.id === Type.HUGEINT ? "hugeint" : "uhugeint", vendor_name: "DuckDB" };
  return new Map([
    [EXTENSION_NAME_KEY, OPAQUE_EXTENSION],
    [EXTENSION_METADATA_KEY, JSON.stringify(metadata)],
  ]);
}

/** Whether the field's 16 bytes are a UUID. */
export const isUuid = (field: Field): boolean => duckTypeOf(field).id === Type.UUID;

/** Whether the field's 16 bytes are a HUGEINT or UHUGEINT. */
export const isBinary128 = (field: Field): boolean => {
  const { id } = duckTypeOf(field);
  return id === Type.HUGEINT || id === Type.UHUGEINT;
};

/** The dictionary's values as a field of their own. */
export const fieldLike = (field: Field, type: DataType): Field =>
  new Field(field.name, type, true, field.metadata);

function integerType(bitWidth: number, isSigned: boolean): DuckType {
  switch (bitWidth) {
    case 8:
      return scalarType(isSigned ? Type.TINYINT : Type.UTINYINT);
    case 16:
      return scalarType(isSigned ? Type.SMALLINT : Type.USMALLINT);
    case 32:
      return scalarType(isSigned ? Type.INTEGER : Type.UINTEGER);
    default:
      return scalarType(isSigned ? Type.BIGINT : Type.UBIGINT);
  }
}

function decimalType(field: Field, width: number, scale: number): DuckType {
  if (width < 1 || width > MAX_DECIMAL_DIGITS || scale < 0 || scale > width) {
    throw new AppError(
      "invalid",
      `Column "${field.name}" is DECIMAL(${width},${scale}): DuckDB holds 1 to ${MAX_DECIMAL_DIGITS} digits ` +
        `with a scale from 0 to their number; read it as text or as DOUBLE`,
    );
  }
  return { kind: "decimal", id: Type.DECIMAL, width, scale };
}

function fixedSizeBinaryType(field: Field, byteWidth: number): DuckType {
  const extension = field.metadata.get(EXTENSION_NAME_KEY);
  if (byteWidth !== 16 || extension === undefined) return scalarType(Type.BLOB);
  if (extension === UUID_EXTENSION) return scalarType(Type.UUID);
  if (extension !== OPAQUE_EXTENSION) return scalarType(Type.BLOB);
  switch (opaqueTypeName(field.metadata.get(EXTENSION_METADATA_KEY))) {
    case "hugeint":
      return scalarType(Type.HUGEINT);
    case "uhugeint":
      return scalarType(Type.UHUGEINT);
    default:
      return scalarType(Type.BLOB);
  }
}

function opaqueTypeName(metadata: string | undefined): unknown {
  try {
    const value: unknown = JSON.parse(metadata ?? "");
    return typeof value === "object" && value !== null && "type_name" in value ? value.type_name : undefined;
  } catch {
    return undefined;
  }
}

function timeTypeOf(type: DataType): DuckType | undefined {
  if (DataType.isDate(type)) return scalarType(Type.DATE);
  if (DataType.isTime(type)) return scalarType(type.unit === TimeUnit.NANOSECOND ? Type.TIME_NS : Type.TIME);
  if (DataType.isInterval(type) || DataType.isDuration(type)) return scalarType(Type.INTERVAL);
  if (!DataType.isTimestamp(type)) return undefined;
  if (type.timezone) return scalarType(Type.TIMESTAMP_TZ);
  switch (type.unit) {
    case TimeUnit.SECOND:
      return scalarType(Type.TIMESTAMP_S);
    case TimeUnit.MILLISECOND:
      return scalarType(Type.TIMESTAMP_MS);
    case TimeUnit.MICROSECOND:
      return scalarType(Type.TIMESTAMP);
    case TimeUnit.NANOSECOND:
      return scalarType(Type.TIMESTAMP_NS);
  }
}

function nestedTypeOf(field: Field, type: DataType): DuckType {
  const child = () => duckTypeOf(childField(field, type, 0));
  if (DataType.isList(type) || DataType.isLargeList(type)) {
    return { kind: "list", id: Type.LIST, child: child() };
  }
  if (DataType.isFixedSizeList(type) && type.listSize > 0) {
    return { kind: "array", id: Type.ARRAY, child: child(), size: type.listSize };
  }
  if (DataType.isMap(type)) {
    const entries = childField(field, type, 0);
    return {
      kind: "map",
      id: Type.MAP,
      key: duckTypeOf(childField(entries, entries.type, 0)),
      value: duckTypeOf(childField(entries, entries.type, 1)),
    };
  }
  if (DataType.isStruct(type) && type.children.length > 0) {
    const fields = type.children.map((child) => ({ name: child.name, type: duckTypeOf(child) }));
    return { kind: "struct", id: Type.STRUCT, fields };
  }
  throw new AppError(
    "invalid",
    `Column "${field.name}" has Arrow type ${type}, which DuckDB has no type for`,
  );
}

function childField(field: Field, type: DataType, index: number): Field {
  const child: Field | undefined = type.children?.[index];
  if (child === undefined) {
    throw new AppError("invalid", `Column "${field.name}" has Arrow type ${type} without its child fields`);
  }
  return child;
}
