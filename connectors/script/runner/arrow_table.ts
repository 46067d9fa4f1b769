import type { Data, DataType, Field, RecordBatch, Table } from "apache-arrow";
import { MAX_BATCH_ROWS } from "../../../contract/arrow.ts";
import {
  ARROW,
  type ArrowField,
  type ArrowLayout,
  type ArrowNode,
  type ArrowType,
  arrowWidth,
} from "../sandbox/arrow_layout.ts";
import { HEAD_BYTES as HEAD } from "../sandbox/frames.ts";
import type { Arena } from "./arena.ts";
import { RowError } from "./cell.ts";

/** Of the script's own copy of the package apache-arrow: what it is shows by its form. */
export type ArrowRows = Table | RecordBatch;

const MAX_BYTES = 100 * 1024 * 1024;
/** Types with offsets of 64 bits, as the same with 32. */
const SHORT: Readonly<Record<number, number>> = { 19: ARROW.binary, 20: ARROW.utf8, 21: ARROW.list };
const SUPPORTED: ReadonlySet<number> = new Set(Object.values(ARROW));

export interface ArrowBatch extends Pick<RecordBatch, "schema" | "numRows"> {
  /** Missing where there is no row. */
  readonly data?: RecordBatch["data"];
}

export const isArrow = (given: unknown): given is ArrowRows =>
  typeof given === "object" && given !== null && "schema" in given && "numRows" in given &&
  "getChild" in given && typeof given.getChild === "function";

/** Batches of no more rows than a frame may have; one without rows where there are none. */
export function* batchesOf(given: ArrowRows): Generator<ArrowBatch> {
  const batches: readonly RecordBatch[] = "batches" in given ? given.batches : [given];
  if (batches.length === 0) yield { schema: given.schema, numRows: 0 };
  for (const batch of batches) {
    const { numRows } = batch;
    if (numRows <= MAX_BATCH_ROWS) yield batch;
    else {
      for (let start = 0; start < numRows; start += MAX_BATCH_ROWS) {
        yield batch.slice(start, Math.min(numRows, start + MAX_BATCH_ROWS));
      }
    }
  }
}

/** Writes the batch into a frame. Throws RowError for a type that no column can hold. */
export function encodeArrow({ schema, data, numRows }: ArrowBatch, arena: Arena): void {
  arena.clear();
  const fields = schema.fields.map((field) => fieldOf(field, field.name));
  const columns = numRows === 0
    ? []
    : fields.map((field, i) => writeNode(nodeData(data?.children[i], numRows), field.type, arena));
  if (arena.used > MAX_BYTES) {
    throw new RowError(
      `a batch of Arrow has ${arena.used} bytes, more than 100 MB: yield fewer rows at a time`,
    );
  }
  const end = arena.used;
  const layout: ArrowLayout = { rows: numRows, fields, columns };
  arena.append(new TextEncoder().encode(JSON.stringify(layout)));
  new DataView(arena.bytes.buffer, HEAD, 8).setUint32(0, end - HEAD, true);
}

function nodeData(data: Data | undefined, rows: number): Data {
  if (data !== undefined && data.length === rows) return data;
  throw new RowError("a batch of Arrow has a column that is shorter than its rows");
}

function fieldOf({ name, type, metadata }: Field, column: string): ArrowField {
  return { name, metadata: [...metadata ?? []], type: typeOf(type, column) };
}

function typeOf(type: DataType, column: string): ArrowType {
  const { typeId } = type;
  const id = SHORT[typeId] ?? typeId;
  if (!SUPPORTED.has(id)) {
    throw new RowError(`column "${column}" has Arrow's type ${type}, which cannot be stored: cast it before`);
  }
  // Each type has some of these.
  const given: Readonly<Record<string, unknown>> = { ...type };
  const number = (key: string) => typeof given[key] === "number" ? given[key] : undefined;
  const word = (key: string) => typeof given[key] === "string" ? given[key] : undefined;
  const dictionary = "dictionary" in type ? typeOf(type.dictionary as DataType, column) : undefined;
  const indices = "indices" in type ? typeOf(type.indices as DataType, column) : undefined;
  return {
    id,
    bitWidth: number("bitWidth"),
    isSigned: given["isSigned"] === true,
    precision: number("precision"),
    scale: number("scale"),
    unit: number("unit"),
    timezone: word("timezone"),
    byteWidth: number("byteWidth"),
    listSize: number("listSize"),
    children: (type.children as readonly Field[] | null)?.map((field) => fieldOf(field, column)),
    dictionary,
    indices,
  };
}

/** Buffers of an array, then those of what it is made of. */
function writeNode(data: Data, type: ArrowType, arena: Arena): ArrowNode {
  const { length, offset } = data;
  const bits = { from: offset >> 3, end: Math.ceil((offset + length) / 8) };
  const ofBits = (bytes: Uint8Array) => write(bytes.subarray(bits.from, bits.end), arena);
  const bitmap = type.id === ARROW.null || data.nullCount === 0 ? 0 : ofBits(data.nullBitmap);
  const node = { length, offset: offset & 7, bitmap, offsets: 0, values: 0, children: [], dictionary: [] };
  const children = type.children ?? [];
  switch (type.id) {
    case ARROW.null:
      return node;
    case ARROW.bool:
      return { ...node, values: ofBits(asBytes(data.values)) };
    case ARROW.utf8:
    case ARROW.binary: {
      const { places, first, last } = placesOf(data);
      return {
        ...node,
        offsets: write(places, arena),
        values: write(asBytes(data.values).subarray(first, last), arena),
      };
    }
    case ARROW.list:
    case ARROW.map: {
      const { places, first, last } = placesOf(data);
      const offsets = write(places, arena);
      return {
        ...node,
        offsets,
        children: writeChildren([childOf(data, 0).slice(first, last - first)], children, arena),
      };
    }
    case ARROW.fixedSizeList:
    case ARROW.struct:
      return { ...node, children: writeChildren(children.map((_, i) => childOf(data, i)), children, arena) };
    case ARROW.dictionary: {
      const width = arrowWidth(type.indices ?? type) ?? 0;
      const values = write(asBytes(data.values).subarray(0, length * width), arena);
      const parts: readonly Data[] = data.dictionary?.data ?? [];
      const ofValues = type.dictionary ?? type;
      return { ...node, values, dictionary: parts.map((part) => writeNode(part, ofValues, arena)) };
    }
    default:
      return {
        ...node,
        values: write(asBytes(data.values).subarray(0, length * (arrowWidth(type) ?? 0)), arena),
      };
  }
}

const writeChildren = (data: readonly Data[], fields: readonly ArrowField[], arena: Arena): ArrowNode[] =>
  data.flatMap((child, i) => {
    const field = fields[i];
    return field === undefined ? [] : [writeNode(child, field.type, arena)];
  });

function childOf(data: Data, place: number): Data {
  const child = data.children[place];
  if (child === undefined) throw new RowError(`an array of Arrow of type ${data.type} has no elements`);
  return child;
}

/** Where each value begins, from 0 on, and where the first begins and the last ends. */
function placesOf(
  { valueOffsets, length }: Data,
): { readonly places: Uint8Array; readonly first: number; readonly last: number } {
  const given: Int32Array | BigInt64Array = valueOffsets;
  const first = Number(given[0] ?? 0);
  const places = new Int32Array(length + 1);
  for (let i = 0; i <= length; i++) places[i] = Number(given[i] ?? 0) - first;
  return { places: asBytes(places), first, last: first + (places[length] ?? 0) };
}

const asBytes = (values: unknown): Uint8Array =>
  ArrayBuffer.isView(values)
    ? new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    : new Uint8Array();

function write(bytes: Uint8Array, arena: Arena): number {
  const at = arena.reserve(bytes.length);
  arena.bytes.set(bytes, at);
  arena.take(bytes.length);
  return bytes.length;
}
