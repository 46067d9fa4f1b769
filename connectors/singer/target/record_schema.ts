import { DataType, type Field, type Schema } from "apache-arrow";
import { JSON_EXTENSION, UUID_EXTENSION } from "../../../contract/arrow.ts";
import { extensionOf } from "../../destination/json_text.ts";

type JsonSchema = Readonly<Record<string, unknown>>;

/** A target may make doubles of numbers, which hold so many digits. */
const DOUBLE_DIGITS = 15;

/** The JSON Schema of rows as `recordText` writes them. */
export const recordSchema = ({ fields }: Schema): JsonSchema => ({
  type: "object",
  properties: Object.fromEntries(fields.map((field) => [field.name, valueSchema(field)])),
});

/** A decimal with more digits than a double holds is sent as a text. */
export const isDecimalText = ({ type }: Field): boolean =>
  DataType.isDecimal(type) && type.precision > DOUBLE_DIGITS;

function valueSchema(field: Field): JsonSchema {
  const { type } = field;
  const extension = extensionOf(field);
  const or = (name: string, more: JsonSchema = {}): JsonSchema => ({ type: [name, "null"], ...more });
  if (extension === JSON_EXTENSION) return {};
  if (extension === UUID_EXTENSION) return or("string", { format: "uuid" });
  if (DataType.isBool(type)) return or("boolean");
  if (DataType.isInt(type)) return or("integer");
  if (DataType.isFloat(type)) return or("number");
  if (DataType.isDecimal(type)) {
    const { precision, scale } = type;
    if (isDecimalText(field)) return or("string", { format: "singer.decimal", precision, scale });
    return scale === 0 ? or("integer") : or("number", { multipleOf: Number(`1e-${scale}`) });
  }
  if (DataType.isDate(type)) return or("string", { format: "date" });
  if (DataType.isTimestamp(type)) return or("string", { format: "date-time" });
  if (DataType.isTime(type)) return or("string", { format: "time" });
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type) || DataType.isDictionary(type)) return or("string");
  if (extension === undefined && (DataType.isBinary(type) || DataType.isLargeBinary(type))) {
    return or("string", { contentEncoding: "base64" });
  }
  return nestedSchema(field);
}

function nestedSchema({ type }: Field): JsonSchema {
  if (DataType.isList(type) || DataType.isFixedSizeList(type)) {
    const [item] = type.children;
    return { type: ["array", "null"], items: item === undefined ? {} : innerSchema(item) };
  }
  if (DataType.isStruct(type)) {
    const properties = Object.fromEntries(
      type.children.map((field: Field) => [field.name, innerSchema(field)]),
    );
    return { type: ["object", "null"], properties };
  }
  // Among them integers of 128 bits, maps and intervals.
  return {};
}

/** Decimals inside of others are numbers, whatever their digits. */
const innerSchema = (field: Field): JsonSchema =>
  isDecimalText(field) ? { type: ["number", "null"] } : valueSchema(field);
