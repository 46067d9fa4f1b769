import {
  Binary,
  Bool,
  BufferType,
  Data,
  type DataType,
  Date_,
  Decimal,
  Dictionary,
  Duration,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float,
  Int,
  type Int32,
  Interval,
  List,
  makeData,
  Map_,
  Null,
  RecordBatch,
  Schema,
  Struct,
  Time,
  Timestamp,
  Utf8,
  Vector,
} from "apache-arrow";
import * as v from "valibot";
import { MAX_BATCH_ROWS } from "../../../contract/arrow.ts";
import { nameKey } from "../../../contract/sql.ts";
import { emptyBatch } from "../../empty_batch.ts";
import {
  ARROW,
  type ArrowField,
  type ArrowLayout,
  type ArrowNode,
  type ArrowType,
  arrowWidth,
} from "./arrow_layout.ts";
import { checkPlaces, checkTexts, descriptionOf, FrameBuffers } from "./decode_rows.ts";
import { FrameFault } from "./frame_fault.ts";

/** The most elements that an array within a frame may say that it has. */
const MAX_LENGTH = 2 ** 30;
/** Values that take no byte. */
const MAX_NULLS = 1_000_000;
const MAX_DEPTH = 32;

const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_LENGTH));
const oneOf = (...values: readonly number[]) => v.optional(v.picklist(values));
const typeSchema: v.GenericSchema<unknown, ArrowType> = v.object({
  id: v.picklist(Object.values(ARROW)),
  bitWidth: oneOf(8, 16, 32, 64, 128, 256),
  isSigned: v.optional(v.boolean()),
  precision: v.optional(count),
  scale: v.optional(v.pipe(v.number(), v.integer())),
  unit: oneOf(0, 1, 2, 3),
  timezone: v.optional(v.pipe(v.string(), v.maxLength(100))),
  byteWidth: v.optional(count),
  listSize: v.optional(count),
  children: v.optional(v.array(v.lazy(() => fieldSchema))),
  dictionary: v.optional(v.lazy(() => typeSchema)),
  indices: v.optional(v.lazy(() => typeSchema)),
});
const fieldSchema: v.GenericSchema<unknown, ArrowField> = v.object({
  name: v.pipe(v.string(), v.maxLength(1000)),
  metadata: v.array(v.tuple([v.string(), v.string()])),
  type: typeSchema,
});
const nodeSchema: v.GenericSchema<unknown, ArrowNode> = v.object({
  length: count,
  offset: v.pipe(count, v.maxValue(7)),
  bitmap: count,
  offsets: count,
  values: count,
  children: v.array(v.lazy(() => nodeSchema)),
  dictionary: v.array(v.lazy(() => nodeSchema)),
});
const layoutSchema: v.GenericSchema<unknown, ArrowLayout> = v.object({
  rows: v.pipe(count, v.maxValue(MAX_BATCH_ROWS)),
  fields: v.pipe(v.array(fieldSchema), v.minLength(1), v.maxLength(10_000)),
  columns: v.array(nodeSchema),
});

/**
 * Makes an Arrow batch of a frame of Arrow, over its own bytes. Nothing of it is believed: each array lies within the frame
 * and has as many values as it says, and texts are UTF-8. Throws FrameFault.
 */
export function decodeArrow(bytes: Uint8Array): RecordBatch {
  const { rows, fields, columns } = layoutOf(bytes);
  const names = new Set(fields.map(({ name }) => nameKey(name)));
  if (names.has("")) throw new FrameFault("a column of Arrow without a name");
  if (names.size < fields.length) throw new FrameFault("two columns of Arrow of one name");
  const schema = new Schema(fields.map((field) => fieldOf(field, 0)));
  if (rows === 0) return emptyBatch(schema);
  const buffers = new FrameBuffers(bytes);
  const children = fields.map(({ type }, i) => {
    const node = columns[i];
    if (node?.length !== rows) {
      throw new FrameFault("a column of Arrow has not as many values as there are rows");
    }
    return arrayOf(type, node, buffers, 0);
  });
  buffers.end();
  return new RecordBatch(
    schema,
    makeData({ type: new Struct(schema.fields), length: rows, nullCount: 0, children }),
  );
}

function layoutOf(bytes: Uint8Array): ArrowLayout {
  const written = descriptionOf(bytes);
  try {
    return v.parse(layoutSchema, written);
  } catch {
    // Also where it is too deep to be looked at.
    throw new FrameFault("the description of a frame of Arrow has another form");
  }
}

function fieldOf({ name, metadata, type }: ArrowField, depth: number): Field {
  return new Field(name, typeOf(type, depth), true, new Map(metadata));
}

const FLOATS = [0, 1, 2] as const;

function typeOf(given: ArrowType, depth: number): DataType {
  if (depth > MAX_DEPTH) throw new FrameFault("a type of Arrow that is too deep");
  const { id, bitWidth = 0, precision = 0, scale = 0, unit = 0, byteWidth = 0, listSize = 0 } = given;
  const children = (given.children ?? []).map((field) => fieldOf(field, depth + 1));
  switch (id) {
    case ARROW.null:
      return new Null();
    case ARROW.bool:
      return new Bool();
    case ARROW.int:
      if (bitWidth === 8 || bitWidth === 16 || bitWidth === 32 || bitWidth === 64) {
        return new Int(given.isSigned === true, bitWidth);
      }
      break;
    case ARROW.float: {
      const known = FLOATS.find((one) => one === precision);
      if (known !== undefined) return new Float(known);
      break;
    }
    case ARROW.decimal:
      if (bitWidth >= 128) return new Decimal(scale, precision, bitWidth);
      break;
    case ARROW.date:
      if (unit <= 1) return new Date_(unit);
      break;
    case ARROW.time:
      if (bitWidth === (unit <= 1 ? 32 : 64)) return new Time(unit, bitWidth);
      break;
    case ARROW.timestamp:
      return new Timestamp(unit, given.timezone);
    case ARROW.duration:
      return new Duration(unit);
    case ARROW.interval:
      if (unit <= 2) return new Interval(unit);
      break;
    case ARROW.utf8:
      return new Utf8();
    case ARROW.binary:
      return new Binary();
    case ARROW.fixedSizeBinary:
      if (byteWidth > 0) return new FixedSizeBinary(byteWidth);
      break;
    case ARROW.dictionary: {
      const { dictionary, indices } = given;
      if (dictionary === undefined || indices?.id !== ARROW.int) break;
      // The compiler wants to know which of the integers it is.
      const codes = typeOf(indices, depth + 1) as Int32;
      return new Dictionary(typeOf(dictionary, depth + 1), codes);
    }
    default:
      return nestedType(id, children, listSize);
  }
  throw new FrameFault("a type of Arrow that there is not");
}

function nestedType(id: number, children: Field[], listSize: number): DataType {
  const [child] = children;
  if (id === ARROW.struct && children.length > 0) return new Struct(children);
  if (child !== undefined && children.length === 1) {
    if (id === ARROW.list) return new List(child);
    if (id === ARROW.fixedSizeList && listSize > 0) return new FixedSizeList(listSize, child);
    const entries: DataType = child.type;
    if (id === ARROW.map && entries instanceof Struct && entries.children.length === 2) {
      return new Map_(child);
    }
  }
  throw new FrameFault("a nested type of Arrow that there is not");
}

function arrayOf(given: ArrowType, node: ArrowNode, buffers: FrameBuffers, depth: number): Data {
  const type = typeOf(given, depth);
  const { length, offset } = node;
  const takeBits = (size: number) => {
    if (size < Math.ceil((offset + length) / 8)) throw new FrameFault("an array of Arrow with too few bits");
    return buffers.take(size);
  };
  const bitmap = node.bitmap === 0 ? undefined : takeBits(node.bitmap);
  const data = (
    parts: { readonly offsets?: Int32Array; readonly values?: DataType["TArray"] },
    children: Data[] = [],
    dictionary?: Vector,
  ) =>
    new Data(
      type,
      offset,
      length,
      given.id === ARROW.null ? length : bitmap === undefined ? 0 : -1,
      {
        ...(parts.offsets === undefined ? {} : { [BufferType.OFFSET]: parts.offsets }),
        ...(parts.values === undefined ? {} : { [BufferType.DATA]: parts.values }),
        ...(bitmap === undefined ? {} : { [BufferType.VALIDITY]: bitmap }),
      },
      children,
      dictionary,
    );
  const childrenOf = (wanted: number) => {
    const fields = given.children ?? [];
    if (fields.length !== node.children.length) {
      throw new FrameFault("an array of Arrow without its elements");
    }
    return fields.map((field, i) => {
      const child = node.children[i];
      if (child === undefined || child.length < wanted) {
        throw new FrameFault("an array of Arrow with too few elements");
      }
      return arrayOf(field.type, child, buffers, depth + 1);
    });
  };
  switch (given.id) {
    case ARROW.null:
      if (length > MAX_NULLS) throw new FrameFault("an array of Arrow that is endless");
      return data({});
    case ARROW.bool:
      return data({ values: takeBits(node.values) });
    case ARROW.utf8:
    case ARROW.binary: {
      const offsets = placesOf(node, buffers);
      const values = buffers.take(node.values);
      if (given.id === ARROW.utf8) checkTexts(offsets, values);
      else checkPlaces(offsets, values);
      return data({ offsets, values });
    }
    case ARROW.list:
    case ARROW.map: {
      const offsets = placesOf(node, buffers);
      const children = childrenOf(0);
      checkPlaces(offsets, children[0] ?? { length: 0 });
      return data({ offsets }, children);
    }
    case ARROW.struct:
      return data({}, childrenOf(length));
    case ARROW.fixedSizeList:
      return data({}, childrenOf(length * (given.listSize ?? 0)));
    case ARROW.dictionary: {
      const { indices = given, dictionary = given } = given;
      const values = valuesOf(typeOf(indices, depth), arrowWidth(indices), node, buffers);
      const parts = node.dictionary.map((part) => arrayOf(dictionary, part, buffers, depth + 1));
      return data({ values }, [], new Vector(parts.length === 0 ? [emptyOf(dictionary)] : parts));
    }
    default:
      return data({ values: valuesOf(type, arrowWidth(given), node, buffers) });
  }
}

const emptyOf = (type: ArrowType): Data => makeData({ type: typeOf(type, 0), length: 0, nullCount: 0 });

function placesOf({ length, offsets }: ArrowNode, buffers: FrameBuffers): Int32Array {
  if (offsets !== (length + 1) * 4) {
    throw new FrameFault("an array of Arrow with too few places of its values");
  }
  const { buffer, byteOffset } = buffers.take(offsets);
  return new Int32Array(buffer, byteOffset, length + 1);
}

/** A typed array as the type has it. */
function valuesOf(
  type: DataType,
  width: number | undefined,
  { length, values }: ArrowNode,
  buffers: FrameBuffers,
): DataType["TArray"] {
  if (width === undefined || values !== length * width) {
    throw new FrameFault("an array of Arrow with too few values");
  }
  const { buffer, byteOffset } = buffers.take(values);
  const View = type.ArrayType;
  return new View(buffer, byteOffset, values / View.BYTES_PER_ELEMENT);
}
