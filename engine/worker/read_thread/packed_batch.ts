import { Data, type DataType, type Field, RecordBatch, type Schema, Struct } from "apache-arrow";

/** A record batch as threads hand it over: its memory moves, nothing is copied. */
export interface PackedBatch {
  readonly rows: number;
  readonly columns: readonly PackedArray[];
}

interface ArrayBuffers {
  readonly 0: Data["valueOffsets"];
  readonly 1: Data["values"];
  readonly 2: Data["nullBitmap"];
  readonly 3: Data["typeIds"];
}

interface PackedArray {
  readonly length: number;
  readonly offset: number;
  readonly nullCount: number;
  /** By their place in Arrow's list: offsets, values, validity, type ids. */
  readonly buffers: Partial<ArrayBuffers>;
  readonly children: readonly PackedArray[];
}

/**
 * The batch's parts, and the memory that `postMessage` may move: the batch is of no use afterwards.
 * Undefined where it cannot be packed: dictionaries and views belong to more than one batch.
 */
export function packBatch(
  batch: RecordBatch,
): { readonly packed: PackedBatch; readonly memory: ArrayBuffer[] } | undefined {
  const memory = new Set<ArrayBuffer>();
  const columns: PackedArray[] = [];
  for (const data of batch.data.children) {
    const column = packArray(data, memory);
    if (column === undefined) return undefined;
    columns.push(column);
  }
  return { packed: { rows: batch.numRows, columns }, memory: [...memory] };
}

function packArray(data: Data, memory: Set<ArrayBuffer>): PackedArray | undefined {
  if (data.dictionary !== undefined || data.variadicBuffers.length > 0) return undefined;
  const buffers: Partial<ArrayBuffers> = {
    0: data.valueOffsets,
    1: data.values,
    2: data.nullBitmap,
    3: data.typeIds,
  };
  for (const view of Object.values(buffers)) {
    if (!ArrayBuffer.isView(view)) continue;
    if (!(view.buffer instanceof ArrayBuffer)) return undefined;
    memory.add(view.buffer);
  }
  const children: PackedArray[] = [];
  for (const child of data.children) {
    const packed = packArray(child, memory);
    if (packed === undefined) return undefined;
    children.push(packed);
  }
  const { length, offset, nullCount } = data;
  return { length, offset, nullCount, buffers, children };
}

/** The batch on the other side; `schema` is that of the packed one. */
export function unpackBatch(schema: Schema, { rows, columns }: PackedBatch): RecordBatch {
  const type = new Struct(schema.fields);
  const children = columns.map((column, i) => unpackArray(typeOf(schema.fields[i]), column));
  return new RecordBatch(schema, new Data(type, 0, rows, 0, {}, children));
}

function unpackArray(type: DataType, packed: PackedArray): Data {
  const { length, offset, nullCount, buffers } = packed;
  const children = packed.children.map((child, i) => unpackArray(typeOf(type.children?.[i]), child));
  return new Data(type, offset, length, nullCount, buffers, children);
}

function typeOf(field: Field | undefined): DataType {
  if (field === undefined) throw new RangeError("A packed batch has more columns than its schema");
  return field.type;
}
