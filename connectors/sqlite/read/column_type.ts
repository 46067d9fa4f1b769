import {
  Binary,
  Bool,
  type DataType,
  DateDay,
  Decimal,
  Field,
  FixedSizeBinary,
  Float64,
  Int64,
  TimeMicrosecond,
  TimestampMicrosecond,
  Utf8,
} from "apache-arrow";
import {
  EXTENSION_METADATA_KEY,
  EXTENSION_NAME_KEY,
  JSON_EXTENSION,
  OPAQUE_EXTENSION,
  UUID_EXTENSION,
} from "../../../contract/arrow.ts";

/**
 * SQLite's columns take values of any type, so that a column's type is what the table declares:
 *
 * | declared | Arrow |
 * | --- | --- |
 * | INT, INTEGER, BIGINT, … | Int64 |
 * | REAL, DOUBLE, FLOAT | Float64 |
 * | TEXT, VARCHAR(n), CHAR, CLOB | Utf8 |
 * | BLOB, BINARY, VARBINARY | Binary |
 * | BOOL, BOOLEAN | Bool: 0, 1, 'true', 'false' |
 * | DATE, TIME, DATETIME and TIMESTAMP, TIMESTAMPTZ | Date32, Time64, Timestamp: ISO 8601 texts |
 * | DECIMAL(p,s), NUMERIC(p,s), DECIMAL_TEXT(p,s) | Decimal128(p,s) |
 * | JSON, UUID | the same |
 * | none, ANY, DECIMAL without a precision, others | what all its values are |
 *
 * A value that does not fit is an error, never changed.
 */

export type ColumnKind =
  | "integer"
  | "real"
  | "text"
  | "json"
  | "blob"
  | "boolean"
  | "date"
  | "time"
  | "timestamp"
  | "timestamptz"
  | "decimal"
  | "hugeint"
  | "uuid";

export interface ColumnType {
  readonly kind: ColumnKind;
  /** For messages: as declared. */
  readonly text: string;
  /** Of decimals. */
  readonly precision: number;
  readonly scale: number;
}

const KINDS: readonly (readonly [RegExp, ColumnKind])[] = [
  [/^HUGE_TEXT$/, "hugeint"],
  [
    /^(?:U?(?:TINY|SMALL|MEDIUM|BIG|HUGE)?INT(?:EGER|[248])?|UNSIGNED BIG INT|INT(?:EGER)? UNSIGNED)$/,
    "integer",
  ],
  [/^(?:REAL|DOUBLE(?: PRECISION)?|FLOAT[48]?)$/, "real"],
  [/^(?:TEXT|STRING|CLOB|N?(?:VAR)?CHAR|(?:VARYING |NATIVE )?CHARACTER|NVARCHAR2?)$/, "text"],
  [/^(?:BLOB|BYTEA|(?:VAR)?BINARY)$/, "blob"],
  [/^BOOL(?:EAN)?$/, "boolean"],
  [/^DATE$/, "date"],
  [/^TIME$/, "time"],
  [/^(?:TIMESTAMPTZ|TIMESTAMP WITH TIME ZONE)$/, "timestamptz"],
  [/^(?:TIMESTAMP|DATETIME)(?:_S|_MS|_US)?$/, "timestamp"],
  [/^JSON(?:B|_TEXT)?$/, "json"],
  [/^UUID$/, "uuid"],
];
const DECIMAL = /^(?:DECIMAL|NUMERIC|DECIMAL_TEXT) ?\( ?(\d+) ?(?:, ?(\d+) ?)?\)$/;
const MAX_DECIMAL_DIGITS = 38;

/** Undefined where the type says nothing about the values. */
export function typeOfDeclared(declared: string | null): ColumnType | undefined {
  const text = (declared ?? "").trim().replace(/\s+/g, " ");
  const upper = text.toUpperCase();
  const none = { text, precision: 0, scale: 0 };
  const [, precision, scale = "0"] = DECIMAL.exec(upper) ?? [];
  if (precision !== undefined) {
    const isHeld = Number(precision) <= MAX_DECIMAL_DIGITS && Number(precision) > 0 &&
      Number(scale) <= Number(precision);
    return isHeld
      ? { kind: "decimal", text, precision: Number(precision), scale: Number(scale) }
      : { ...none, kind: "text" };
  }
  const bare = upper.replace(/ ?\([\d ,]*\)/, "");
  const kind = KINDS.find(([pattern]) => pattern.test(bare))?.[1];
  return kind === undefined ? undefined : { ...none, kind };
}

/** For a column without a declared type, from the storage classes (typeof()) of its values. */
export function typeOfClasses(classes: ReadonlySet<string>): ColumnType | undefined {
  const found = [...classes].filter((name) => name !== "null").sort().join("+");
  const kind = ({
    "": "text",
    "integer": "integer",
    "integer+real": "real",
    "real": "real",
    "text": "text",
    "blob": "blob",
  } satisfies Record<string, ColumnKind> as Readonly<Record<string, ColumnKind>>)[found];
  return kind === undefined ? undefined : { kind, text: kind.toUpperCase(), precision: 0, scale: 0 };
}

export function fieldOf(name: string, type: ColumnType): Field {
  const extension = (extensionName: string, metadata?: string) =>
    new Map([
      [EXTENSION_NAME_KEY, extensionName],
      ...(metadata === undefined ? [] : [[EXTENSION_METADATA_KEY, metadata] as const]),
    ]);
  switch (type.kind) {
    case "json":
      return new Field(name, new Utf8(), true, extension(JSON_EXTENSION));
    case "uuid":
      return new Field(name, new FixedSizeBinary(16), true, extension(UUID_EXTENSION));
    case "hugeint":
      return new Field(
        name,
        new FixedSizeBinary(16),
        true,
        extension(OPAQUE_EXTENSION, JSON.stringify({ type_name: "hugeint", vendor_name: "duckdb" })),
      );
    default:
      return new Field(name, arrowTypeOf(type), true);
  }
}

function arrowTypeOf(type: ColumnType): DataType {
  switch (type.kind) {
    case "integer":
      return new Int64();
    case "real":
      return new Float64();
    case "blob":
      return new Binary();
    case "boolean":
      return new Bool();
    case "date":
      return new DateDay();
    case "time":
      return new TimeMicrosecond();
    case "timestamp":
      return new TimestampMicrosecond();
    case "timestamptz":
      return new TimestampMicrosecond("UTC");
    case "decimal":
      return new Decimal(type.scale, type.precision, 128);
    case "text":
    case "json":
      return new Utf8();
    case "uuid":
    case "hugeint":
      return new FixedSizeBinary(16);
  }
}
