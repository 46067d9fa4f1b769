import { DataType, type Field, TimeUnit } from "apache-arrow";
import {
  EXTENSION_NAME_KEY,
  JSON_EXTENSION,
  OPAQUE_EXTENSION,
  UUID_EXTENSION,
} from "../../../contract/arrow.ts";

/** A double holds a decimal number of so many digits exactly. */
const DOUBLE_DIGITS = 15;

/**
 * The declared type for a column: one whose affinity leaves the values as they are, and from which
 * column_type.ts reads the same type again.
 *
 * | Arrow | declared | stored as |
 * | --- | --- | --- |
 * | Bool | BOOLEAN | 0 or 1 |
 * | Int8 … Int64, Uint8 … Uint32 | INTEGER | integer |
 * | Uint64 | DECIMAL_TEXT(20,0) | text |
 * | hugeint | HUGE_TEXT | text |
 * | Float32, Float64 | REAL | real; NaN as the text NaN |
 * | Decimal128 of at most 15 digits | DECIMAL(p,s) | number, exact |
 * | Decimal128 of more | DECIMAL_TEXT(p,s) | text, exact, but sorted as text |
 * | Utf8 | TEXT | text |
 * | JSON | JSON_TEXT | text |
 * | Binary | BLOB | blob |
 * | UUID, Date, Time, Timestamp with and without zone | UUID, DATE, TIME, TIMESTAMP, TIMESTAMPTZ | text, ISO 8601 |
 * | List, Struct, Map | JSON_TEXT | text |
 * | Interval and others | TEXT | text |
 */
export function declaredTypeOf(field: Field): string {
  const type: DataType = field.type;
  const extension = field.metadata.get(EXTENSION_NAME_KEY);
  if (DataType.isBool(type)) return "BOOLEAN";
  if (DataType.isInt(type)) return type.bitWidth === 64 && !type.isSigned ? "DECIMAL_TEXT(20,0)" : "INTEGER";
  if (DataType.isFloat(type)) return "REAL";
  if (DataType.isDecimal(type)) {
    const name = type.precision <= DOUBLE_DIGITS ? "DECIMAL" : "DECIMAL_TEXT";
    return `${name}(${type.precision},${type.scale})`;
  }
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) {
    return extension === JSON_EXTENSION ? "JSON_TEXT" : "TEXT";
  }
  if (DataType.isBinary(type) || DataType.isLargeBinary(type)) return "BLOB";
  if (DataType.isFixedSizeBinary(type)) {
    return extension === UUID_EXTENSION ? "UUID" : extension === OPAQUE_EXTENSION ? "HUGE_TEXT" : "BLOB";
  }
  if (DataType.isDate(type)) return "DATE";
  if (DataType.isTime(type)) return type.unit === TimeUnit.NANOSECOND ? "TEXT" : "TIME";
  if (DataType.isTimestamp(type)) {
    if (type.unit === TimeUnit.NANOSECOND) return "TEXT";
    return type.timezone === null || type.timezone === undefined ? "TIMESTAMP" : "TIMESTAMPTZ";
  }
  const isNested = DataType.isList(type) || DataType.isFixedSizeList(type) || DataType.isStruct(type) ||
    DataType.isMap(type);
  return isNested ? "JSON_TEXT" : "TEXT";
}
