import { BufferType, Data, type DataType, type Field, type RecordBatch } from "apache-arrow";
import { VECTOR_ROWS } from "../../../contract/arrow.ts";
import { AppError } from "../../../contract/errors.ts";
import type { FunctionType } from "../../../contract/pipeline/function_type.ts";
import { extensionOf, jsonText } from "../../destination/json_text.ts";
import { type ArgumentColumn, packArguments, resultKind } from "../sandbox/call_layout.ts";
import { RowsDecoder } from "../sandbox/decode_rows.ts";
import { FrameFault } from "../sandbox/frame_fault.ts";
import type { ArgumentKind } from "../sandbox/frames.ts";

/** Arguments of a function's calls as they go to its sandbox, and results as they come from there. */

const KINDS: Readonly<Record<FunctionType["name"], ArgumentKind>> = {
  BOOLEAN: "boolean",
  INTEGER: "int32",
  BIGINT: "int64",
  HUGEINT: "integer",
  DOUBLE: "double",
  DECIMAL: "text",
  VARCHAR: "text",
  JSON: "json",
  BLOB: "bytes",
  DATE: "text",
  TIMESTAMP: "text",
  TIMESTAMPTZ: "text",
};

export const argumentKind = ({ name }: FunctionType): ArgumentKind => KINDS[name];

const NO_BYTES = new Uint8Array();

/** The payload of so many calls; `fields` are those of the arguments, which hold as many rows. */
export function encodeArguments(
  types: readonly FunctionType[],
  fields: readonly Field[],
  given: readonly Data[],
  rows: number,
): Uint8Array<ArrayBuffer> {
  const columns = given.map((data, index): ArgumentColumn => {
    const [type, field] = [types[index], fields[index]];
    if (type === undefined || field === undefined) {
      throw new AppError("internal", "A function is called with more arguments than it has");
    }
    const validity = data.nullCount > 0 ? data.nullBitmap : NO_BYTES;
    // What the script gets as a text that DuckDB has not as one.
    const isWritten = KINDS[type.name] === "integer" ||
      KINDS[type.name] === "text" && type.name !== "VARCHAR";
    if (isWritten) return { validity, ...texts(data, field, rows) };
    return { validity, offsets: bytesOf(data.valueOffsets), values: bytesOf(data.values) };
  });
  return packArguments({ rows, columns });
}

const bytesOf = (view: ArrayBufferView | undefined): Uint8Array =>
  view === undefined ? NO_BYTES : new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

function texts(data: Data, field: Field, rows: number): { offsets: Uint8Array; values: Uint8Array } {
  const extension = extensionOf(field);
  const cells = Array.from({ length: rows }, (_, row) => {
    const text = jsonText(data, row, extension);
    // Numbers are as they are, moments in quotes.
    return text === "null" ? "" : text.startsWith('"') ? text.slice(1, -1) : text;
  });
  const offsets = new Int32Array(rows + 1);
  // Digits and ISO 8601: a byte a character.
  for (const [row, { length }] of cells.entries()) offsets[row + 1] = (offsets[row] ?? 0) + length;
  return { offsets: bytesOf(offsets), values: new TextEncoder().encode(cells.join("")) };
}

/** Makes arrays of the declared type, `arrow`, of what the sandbox of the script at `path` sends. */
export class ResultDecoder {
  readonly #decoder = new RowsDecoder();
  readonly #type: FunctionType;
  readonly #arrow: DataType;
  readonly #path: string;

  constructor(type: FunctionType, arrow: DataType, path: string) {
    this.#type = type;
    this.#arrow = arrow;
    this.#path = path;
  }

  /** The results of so many calls. Throws `invalid` for what are none: nothing of it is believed. */
  decode(payload: Uint8Array, rows: number): Data {
    try {
      return this.#decode(payload, rows);
    } catch (error) {
      if (!(error instanceof FrameFault)) throw error;
      throw new AppError("invalid", `the process of ${this.#path} sent ${error.message}`, { cause: error });
    }
  }

  #decode(payload: Uint8Array, rows: number): Data {
    const batch = this.#decoder.decode(payload);
    const [data] = batch.data.children;
    if (data === undefined || batch.numRows !== rows || rows > VECTOR_ROWS) {
      throw new FrameFault("another number of results than of calls");
    }
    if (!isOfKind(batch, this.#type)) throw new FrameFault("results of another type");
    const { name, width = 0 } = this.#type;
    if (name === "DECIMAL") checkDigits(data, rows, width);
    const { nullCount, nullBitmap, valueOffsets } = data;
    return new Data(this.#arrow, 0, rows, nullCount, {
      ...(valueOffsets === undefined ? {} : { [BufferType.OFFSET]: valueOffsets }),
      [BufferType.DATA]: valuesOf(data, name),
      ...(nullCount === 0 ? {} : { [BufferType.VALIDITY]: nullBitmap }),
    });
  }
}

/** What a decoder makes of each kind. */
const DECODED: Readonly<Record<ReturnType<typeof resultKind>, string>> = {
  boolean: "Bool",
  int64: "Int64",
  int128: "FixedSizeBinary[16]",
  double: "Float64",
  text: "Utf8",
  json: "Utf8",
  blob: "Binary",
  timestamp: "Timestamp<MICROSECOND, UTC>",
};

function isOfKind({ schema: { fields: [field] } }: RecordBatch, type: FunctionType): boolean {
  if (field === undefined || String(field.type) !== DECODED[resultKind(type)]) return false;
  return (type.name === "JSON") === (extensionOf(field) === "arrow.json");
}

function valuesOf({ values }: Data, name: FunctionType["name"]): DataType["TArray"] {
  switch (name) {
    case "INTEGER":
    case "DATE":
      return narrowed(values);
    case "DECIMAL":
      return new Uint32Array(values.buffer, values.byteOffset, values.byteLength / 4);
    default:
      return values;
  }
}

function narrowed(longs: BigInt64Array): Int32Array {
  const words = new Int32Array(longs.buffer, longs.byteOffset, 2 * longs.length);
  const narrow = new Int32Array(longs.length);
  for (let i = 0; i < longs.length; i++) {
    const low = words[2 * i] ?? 0;
    if (words[2 * i + 1] !== low >> 31) throw new FrameFault("a number that is too large for its type");
    narrow[i] = low;
  }
  return narrow;
}

function checkDigits({ values: { buffer, byteOffset } }: Data, rows: number, width: number): void {
  const longs = new BigInt64Array(buffer, byteOffset, 2 * rows);
  const most = 10n ** BigInt(width);
  for (let i = 0; i < rows; i++) {
    const value = (longs[2 * i + 1] ?? 0n) << 64n | BigInt.asUintN(64, longs[2 * i] ?? 0n);
    if (value >= most || value <= -most) throw new FrameFault("a decimal with more digits than its type");
  }
}
