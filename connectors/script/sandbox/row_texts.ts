import { type Data, DataType, type Field, type RecordBatch, type Schema } from "apache-arrow";
import { JSON_EXTENSION, OPAQUE_EXTENSION, UUID_EXTENSION } from "../../../contract/arrow.ts";
import { extensionOf, jsonText } from "../../destination/json_text.ts";

/**
 * How rows travel to a script that is given them: JSON, in which no value loses a digit. A column says by its kind what its
 * cells are in the script:
 *
 * | kind | cell | value |
 * | --- | --- | --- |
 * | plain | as it is | boolean, number, string, null |
 * | integer | text | number, bigint beyond 2^53 |
 * | decimal | text | string |
 * | float | number, or text of what JSON has no word for | number |
 * | bytes | base64 | Uint8Array |
 * | json | text | what it means, in which whole numbers beyond 2^53 are bigint |
 * | date, time, timestamp, timestamptz | text in ISO 8601 | string |
 *
 * In Python a decimal is a Decimal, and dates and times are what datetime has for them.
 */
export type CellKind =
  | "plain"
  | "integer"
  | "decimal"
  | "float"
  | "bytes"
  | "json"
  | "date"
  | "time"
  | "timestamp"
  | "timestamptz";

export type Cell = boolean | number | string | null;

/** The payload of a batch as it is parsed. */
export interface RowTexts {
  /** The batch's idempotency key; of a script's input, the stream. */
  readonly key: string;
  readonly columns: readonly { readonly name: string; readonly kind: CellKind }[];
  readonly rows: readonly (readonly Cell[])[];
}

/** Kinds whose cells are texts of what stands in JSON without quotes. */
const IN_TEXTS: ReadonlySet<CellKind> = new Set(["integer", "decimal", "json"]);

const base64 = (bytes: Uint8Array): string => bytes.toBase64();

/** The payload for the rows, which have one schema; `key` as in RowTexts. */
export function rowTexts(batches: readonly RecordBatch[], key: string): Uint8Array {
  const [first] = batches;
  const columns = first === undefined ? [] : columnsOf(first.schema);
  const rows = batches.flatMap((batch) =>
    Array.from({ length: batch.numRows }, (_, row) => {
      const cells = columns.map(({ kind, extension }, at) =>
        cellText(batch.data.children[at], row, kind, extension)
      );
      return `[${cells.join()}]`;
    })
  );
  const head = JSON.stringify({ key, columns: columns.map(({ name, kind }) => ({ name, kind })) });
  return new TextEncoder().encode(`${head.slice(0, -1)},"rows":[${rows.join()}]}`);
}

const columnsOf = ({ fields }: Schema) =>
  fields.map((field) => ({ name: field.name, kind: kindOf(field), extension: extensionOf(field) }));

function cellText(
  data: Data | undefined,
  row: number,
  kind: CellKind,
  extension: string | undefined,
): string {
  const text = data === undefined ? "null" : jsonText(data, row, extension, base64);
  // JSON's own null is a value of a column of JSON, and nothing tells it from NULL there.
  return text !== "null" && IN_TEXTS.has(kind) ? JSON.stringify(text) : text;
}

function kindOf(field: Field): CellKind {
  const { type } = field;
  const extension = extensionOf(field) ?? "";
  if (extension === JSON_EXTENSION) return "json";
  if (extension === UUID_EXTENSION) return "plain";
  if (extension.startsWith(OPAQUE_EXTENSION)) return "integer";
  if (DataType.isInt(type)) return type.bitWidth === 64 ? "integer" : "plain";
  if (DataType.isDecimal(type)) return "decimal";
  if (DataType.isFloat(type)) return "float";
  if (DataType.isBinary(type) || DataType.isLargeBinary(type) || DataType.isFixedSizeBinary(type)) {
    return "bytes";
  }
  if (DataType.isDate(type)) return "date";
  if (DataType.isTime(type)) return "time";
  if (DataType.isTimestamp(type)) return type.timezone ? "timestamptz" : "timestamp";
  const isNested = DataType.isStruct(type) || DataType.isList(type) || DataType.isFixedSizeList(type) ||
    DataType.isMap(type) || DataType.isInterval(type);
  return isNested ? "json" : "plain";
}
