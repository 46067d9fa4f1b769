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
  TimestampMillisecond,
  TimestampNanosecond,
  TimestampSecond,
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
import { extensionOf } from "../destination/json_text.ts";

/** Types that a stream may give the columns of its script. */

interface KnownType {
  readonly type: DataType;
  readonly metadata?: Map<string, string>;
}

const opaque = (name: string): KnownType => ({
  type: new FixedSizeBinary(16),
  metadata: new Map([
    [EXTENSION_NAME_KEY, OPAQUE_EXTENSION],
    [EXTENSION_METADATA_KEY, JSON.stringify({ type_name: name, vendor_name: "DuckDB" })],
  ]),
});
const extended = (type: DataType, extension: string): KnownType => ({
  type,
  metadata: new Map([[EXTENSION_NAME_KEY, extension], [EXTENSION_METADATA_KEY, ""]]),
});

const KNOWN: Readonly<Record<string, KnownType>> = {
  BOOLEAN: { type: new Bool() },
  TINYINT: { type: new Int8() },
  SMALLINT: { type: new Int16() },
  INTEGER: { type: new Int32() },
  BIGINT: { type: new Int64() },
  HUGEINT: opaque("hugeint"),
  UTINYINT: { type: new Uint8() },
  USMALLINT: { type: new Uint16() },
  UINTEGER: { type: new Uint32() },
  UBIGINT: { type: new Uint64() },
  UHUGEINT: opaque("uhugeint"),
  FLOAT: { type: new Float32() },
  DOUBLE: { type: new Float64() },
  VARCHAR: { type: new Utf8() },
  JSON: extended(new Utf8(), JSON_EXTENSION),
  BLOB: { type: new Binary() },
  UUID: extended(new FixedSizeBinary(16), UUID_EXTENSION),
  DATE: { type: new DateDay() },
  TIME: { type: new TimeMicrosecond() },
  TIMESTAMP_S: { type: new TimestampSecond() },
  TIMESTAMP_MS: { type: new TimestampMillisecond() },
  TIMESTAMP: { type: new TimestampMicrosecond() },
  TIMESTAMP_NS: { type: new TimestampNanosecond() },
  TIMESTAMPTZ: { type: new TimestampMicrosecond("UTC") },
};
const OTHER_NAMES: Readonly<Record<string, string>> = {
  BOOL: "BOOLEAN",
  INT: "INTEGER",
  REAL: "FLOAT",
  TEXT: "VARCHAR",
  STRING: "VARCHAR",
  DATETIME: "TIMESTAMP",
  "TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ",
};
const DECIMAL = /^(?:DECIMAL|NUMERIC)\s*\(\s*(\d{1,2})\s*(?:,\s*(\d{1,2})\s*)?\)$/;
const MAX_DIGITS = 38;

/** A column's type by DuckDB's name of it, and as Arrow has it. */
export interface ColumnType {
  readonly name: string;
  readonly type: DataType;
  readonly metadata?: Map<string, string>;
}

/** The type that is written so; undefined where there is none such. */
export function parseColumnType(written: string): ColumnType | undefined {
  const text = written.trim().toUpperCase();
  const [, width, scale = "0"] = DECIMAL.exec(text) ?? [];
  if (width !== undefined) {
    const [digits, places] = [Number(width), Number(scale)];
    if (digits < 1 || digits > MAX_DIGITS || places > digits) return undefined;
    return { name: `DECIMAL(${digits},${places})`, type: new Decimal(places, digits, 128) };
  }
  const name = OTHER_NAMES[text] ?? text;
  const known = Object.hasOwn(KNOWN, name) ? KNOWN[name] : undefined;
  return known === undefined ? undefined : { name, ...known };
}

/** The type of a column that there is; undefined for one that no script can be held to, as a list or an INTERVAL. */
export function columnTypeOf(field: Field): ColumnType | undefined {
  const decimal: unknown = field.type;
  if (decimal instanceof Decimal) {
    const { precision, scale, bitWidth } = decimal;
    return bitWidth === 128 ? { name: `DECIMAL(${precision},${scale})`, type: decimal } : undefined;
  }
  for (const [name, known] of Object.entries(KNOWN)) {
    if (isOfType(field, { name, ...known })) return { name, ...known };
  }
  return undefined;
}

/** Whether the field's values are of the type already. */
export const isOfType = (field: Field, { type, metadata }: ColumnType): boolean =>
  String(field.type) === String(type) &&
  extensionOf(field) === (metadata === undefined ? undefined : extensionOf({ metadata }));

/** A column of the type. */
export const fieldOf = (name: string, { type, metadata }: ColumnType): Field =>
  new Field(name, type, true, metadata);
