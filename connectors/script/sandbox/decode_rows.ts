import { isUtf8 } from "node:buffer";
import {
  Binary,
  Bool,
  BufferType,
  Data,
  type DataType,
  DateDay,
  Decimal,
  Field,
  FixedSizeBinary,
  Float64,
  Int64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  TimeMicrosecond,
  TimestampMicrosecond,
  Utf8,
} from "apache-arrow";
import * as v from "valibot";
import {
  EXTENSION_METADATA_KEY,
  EXTENSION_NAME_KEY,
  JSON_EXTENSION,
  MAX_BATCH_ROWS,
  OPAQUE_EXTENSION,
} from "../../../contract/arrow.ts";
import {
  aligned,
  COLUMN_TYPES,
  type ColumnLayout,
  LAYOUT_HEAD_BYTES,
  type LayoutType,
  PYTHON_TYPES,
  type RowsLayout,
  VALUE_BYTES,
} from "./batch_layout.ts";
import { FrameFault } from "./frame_fault.ts";

/** Of a DECIMAL. */
const MAX_DIGITS = 38;
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const layoutSchema = v.strictObject({
  rows: v.pipe(count, v.maxValue(MAX_BATCH_ROWS)),
  columns: v.pipe(
    v.array(v.strictObject({
      name: v.pipe(v.string(), v.nonEmpty(), v.maxLength(1000)),
      type: v.picklist(Object.keys({ ...COLUMN_TYPES, ...PYTHON_TYPES }) as LayoutType[]),
      nulls: count,
      bytes: count,
      precision: v.optional(v.pipe(count, v.minValue(1), v.maxValue(MAX_DIGITS))),
      scale: v.optional(v.pipe(count, v.maxValue(MAX_DIGITS))),
    })),
    v.minLength(1),
    v.maxLength(10_000),
  ),
});

const JSON_METADATA = new Map([[EXTENSION_NAME_KEY, JSON_EXTENSION]]);
const HUGEINT_METADATA = new Map([
  [EXTENSION_NAME_KEY, OPAQUE_EXTENSION],
  [EXTENSION_METADATA_KEY, JSON.stringify({ type_name: "hugeint", vendor_name: "DuckDB" })],
]);

/**
 * Makes Arrow batches of the frames of a sandbox, over their own bytes. Nothing of a frame is believed: what native code
 * reads later lies within it, and texts are UTF-8.
 */
export class RowsDecoder {
  /** Of the last batch: most have the same. */
  #known: { readonly key: string; readonly schema: Schema; readonly type: Struct } | undefined;

  /** The bytes begin at a multiple of eight of their buffer. Throws FrameFault. */
  decode(bytes: Uint8Array): RecordBatch {
    const layout = layoutOf(bytes);
    const { schema, type } = this.#schemaOf(layout.columns);
    const reader = new ColumnReader(bytes, layout.rows);
    const children = schema.fields.map((field, i) => reader.column(field.type, layout.columns[i]));
    reader.end();
    const data = makeData({ type, length: layout.rows, nullCount: 0, children });
    return new RecordBatch(schema, data);
  }

  #schemaOf(columns: readonly ColumnLayout[]): { readonly schema: Schema; readonly type: Struct } {
    const key = JSON.stringify(
      columns.map(({ name, type, precision, scale }) => [name, type, precision, scale]),
    );
    if (this.#known?.key === key) return this.#known;
    if (new Set(columns.map(({ name }) => name.toLowerCase())).size < columns.length) {
      throw new FrameFault("two columns have one name");
    }
    const fields = columns.map((column) =>
      new Field(column.name, arrowType(column), true, metadataOf(column.type))
    );
    this.#known = { key, schema: new Schema(fields), type: new Struct(fields) };
    return this.#known;
  }
}

function layoutOf(bytes: Uint8Array): RowsLayout {
  const parsed = v.safeParse(layoutSchema, descriptionOf(bytes));
  if (!parsed.success) throw new FrameFault("the description of a frame of rows has another form");
  return parsed.output;
}

/** What stands at the end of a frame of rows, in whatever form. Throws FrameFault. */
export function descriptionOf(bytes: Uint8Array): unknown {
  if (bytes.length < LAYOUT_HEAD_BYTES) throw new FrameFault("a frame of rows is cut");
  const at = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true);
  if (at < LAYOUT_HEAD_BYTES || at > bytes.length) throw new FrameFault("a frame of rows has no description");
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(at)));
  } catch {
    throw new FrameFault("the description of a frame of rows is no JSON");
  }
}

const arrowType = ({ type, precision = 0, scale = 0 }: ColumnLayout): DataType => {
  switch (type) {
    case "boolean":
      return new Bool();
    case "int64":
      return new Int64();
    case "int128":
      return new FixedSizeBinary(16);
    case "double":
      return new Float64();
    case "timestamp":
      return new TimestampMicrosecond("UTC");
    case "datetime":
      return new TimestampMicrosecond();
    case "date":
      return new DateDay();
    case "time":
      return new TimeMicrosecond();
    case "decimal":
      if (precision === 0 || scale > precision) throw new FrameFault("a decimal has no digits");
      return new Decimal(scale, precision, 128);
    case "text":
    case "json":
      return new Utf8();
    case "blob":
      return new Binary();
  }
};

const metadataOf = (type: LayoutType): Map<string, string> | undefined =>
  type === "json" ? JSON_METADATA : type === "int128" ? HUGEINT_METADATA : undefined;

/** Takes the buffers of a frame whose description is there one after the other. */
export class FrameBuffers {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at = LAYOUT_HEAD_BYTES;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#end = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  }

  /** The next so many bytes, which begin at a multiple of eight. Throws FrameFault. */
  take(size: number): Uint8Array {
    const start = this.#at;
    if (size > this.#end - start) throw new FrameFault("a frame of rows is shorter than its columns");
    this.#at = Math.min(this.#end, aligned(start + size));
    return this.#bytes.subarray(start, start + size);
  }

  /** Throws FrameFault where there are more. */
  end(): void {
    if (this.#at !== this.#end) throw new FrameFault("a frame of rows has more bytes than columns");
  }
}

/** Takes the columns of a frame one after the other. */
class ColumnReader {
  readonly #buffers: FrameBuffers;
  readonly #rows: number;

  constructor(bytes: Uint8Array, rows: number) {
    this.#buffers = new FrameBuffers(bytes);
    this.#rows = rows;
  }

  column(type: DataType, layout: ColumnLayout | undefined): Data {
    if (layout === undefined) throw new FrameFault("a column is missing");
    const { nulls, bytes } = layout;
    const rows = this.#rows;
    if (nulls > rows) throw new FrameFault("more values are missing than there are rows");
    const nullBitmap = nulls === 0 ? undefined : this.#buffers.take(Math.ceil(rows / 8));
    if (nullBitmap !== undefined && missingIn(nullBitmap, rows) !== nulls) {
      throw new FrameFault("the missing values are not as many as was said");
    }
    const data = (offsets: Int32Array | undefined, values: Values) =>
      new Data(type, 0, rows, nulls, {
        ...(offsets === undefined ? {} : { [BufferType.OFFSET]: offsets }),
        [BufferType.DATA]: values,
        ...(nullBitmap === undefined ? {} : { [BufferType.VALIDITY]: nullBitmap }),
      });
    const size = VALUE_BYTES[layout.type];
    if (size > 0) {
      const taken = this.#buffers.take(Math.ceil(rows * size));
      return data(undefined, asValues(layout.type, taken));
    }
    const places = this.#buffers.take((rows + 1) * 4);
    const valueOffsets = new Int32Array(places.buffer, places.byteOffset, rows + 1);
    const values = this.#buffers.take(bytes);
    if (layout.type === "blob") checkPlaces(valueOffsets, values);
    else checkTexts(valueOffsets, values);
    return data(valueOffsets, values);
  }

  end(): void {
    this.#buffers.end();
  }
}

type Values = Uint8Array | Int32Array | BigInt64Array | Float64Array;

function asValues(type: LayoutType, bytes: Uint8Array): Values {
  const { buffer, byteOffset, byteLength } = bytes;
  switch (type) {
    case "int64":
    case "timestamp":
    case "datetime":
    case "time":
    case "decimal":
      return new BigInt64Array(buffer, byteOffset, byteLength / 8);
    case "date":
      return new Int32Array(buffer, byteOffset, byteLength / 4);
    case "double":
      return new Float64Array(buffer, byteOffset, byteLength / 8);
    default:
      return bytes;
  }
}

function missingIn(bitmap: Uint8Array, rows: number): number {
  let there = 0;
  for (let i = 0; i < rows >> 3; i++) {
    let bits = bitmap[i] ?? 0;
    bits -= (bits >> 1) & 0x55;
    bits = (bits & 0x33) + ((bits >> 2) & 0x33);
    there += (bits + (bits >> 4)) & 0x0f;
  }
  for (let i = rows & ~7; i < rows; i++) there += ((bitmap[i >> 3] ?? 0) >> (i & 7)) & 1;
  return rows - there;
}

/** Values of any length lie one behind the other, and there are `values.length` bytes or elements of them. Throws FrameFault. */
export function checkPlaces(places: Int32Array, values: { readonly length: number }): void {
  let before = 0;
  if (places[0] !== 0) throw new FrameFault("values begin in the wrong place");
  for (let i = 1; i < places.length; i++) {
    const place = places[i] ?? -1;
    if (place < before) throw new FrameFault("values overlap");
    before = place;
  }
  if (before !== values.length) throw new FrameFault("values end in the wrong place");
}

/** A text that begins or ends within a character would be none by itself. */
export function checkTexts(places: Int32Array, values: Uint8Array): void {
  checkPlaces(places, values);
  if (!isUtf8(values)) throw new FrameFault("a text is not UTF-8");
  const end = values.length;
  for (let i = 0; i < places.length; i++) {
    const at = places[i] ?? 0;
    if (at < end && ((values[at] ?? 0) & 0xc0) === 0x80) {
      throw new FrameFault("a text begins within a character");
    }
  }
}
