import {
  type Data,
  DataType,
  Decimal,
  Field,
  FixedSizeList,
  List,
  makeData,
  Map_,
  RecordBatch,
  Schema,
  Struct,
} from "apache-arrow";
import { EXTENSION_METADATA_KEY, EXTENSION_NAME_KEY, OPAQUE_EXTENSION } from "../../../contract/arrow.ts";
import { UNHELD_VALUE } from "../../../contract/connector/destination.ts";
import { AppError } from "../../../contract/errors.ts";

/**
 * Integers of 128 bits travel as sixteen bytes that only DuckDB knows. Files have them as DECIMAL(38,0), which
 * every reader of Arrow knows and which has the same bytes.
 */

const WIDTH_BYTES = 16;
const DIGITS = 38;
const LIMIT = 10n ** BigInt(DIGITS);
/** With an upper half between its negation and it, excluded, a value has at most 38 digits. */
const SURE_UPPER_HALF = LIMIT >> 64n;

/** The schema as a file has it; itself where no column holds such integers. */
export function plainSchema(schema: Schema): Schema {
  const fields = schema.fields.map(plainField);
  return fields.every((field, index) => field === schema.fields[index])
    ? schema
    : new Schema(fields, schema.metadata);
}

/** The batch with the columns of `schema`, as plainSchema() gives it. Throws `invalid` for a number of more digits. */
export function plainBatch(batch: RecordBatch, schema: Schema): RecordBatch {
  const children = batch.data.children.map((child, index) => {
    const [from, to] = [batch.schema.fields[index], schema.fields[index]];
    return from === undefined || to === undefined || from === to
      ? child
      : plainData(child, from, to, from.name);
  });
  const { length, nullCount } = batch.data;
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length, nullCount, children }));
}

function isHuge(field: Field): boolean {
  return field.metadata.get(EXTENSION_NAME_KEY) === OPAQUE_EXTENSION &&
    DataType.isFixedSizeBinary(field.type) &&
    field.type.byteWidth === WIDTH_BYTES;
}

/** Itself where nothing in it changes. */
function plainField(field: Field): Field {
  if (isHuge(field)) return new Field(field.name, new Decimal(0, DIGITS, 128), field.nullable);
  const children: readonly Field[] = field.type.children ?? [];
  const plain = children.map(plainField);
  if (plain.every((child, index) => child === children[index])) return field;
  return new Field(field.name, typeOf(field.type, plain), field.nullable, field.metadata);
}

function typeOf(type: DataType, children: Field[]): DataType {
  const [child] = children;
  if (child !== undefined && DataType.isList(type)) return new List(child);
  if (child !== undefined && DataType.isFixedSizeList(type)) return new FixedSizeList(type.listSize, child);
  if (child !== undefined && DataType.isMap(type)) return new Map_(child, type.keysSorted);
  if (DataType.isStruct(type)) return new Struct(children);
  throw new AppError("internal", `Arrow's type ${type} has members that cannot be written`);
}

function plainData(data: Data, from: Field, to: Field, column: string): Data {
  if (isHuge(from)) {
    checkDigits(data, from, column);
    const { offset, length, nullCount, nullBitmap } = data;
    const bytes: Uint8Array = data.values.subarray(0, length * WIDTH_BYTES);
    // Where they begin at any byte, numbers of four cannot be laid over them.
    const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
    const words = new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
    return makeData({
      type: new Decimal(0, DIGITS, 128),
      data: words,
      offset,
      length,
      nullCount,
      nullBitmap,
    });
  }
  const children = data.children.map((child, index) => {
    const [inner, plain]: [Field?, Field?] = [from.type.children[index], to.type.children[index]];
    return inner === undefined || plain === undefined || inner === plain
      ? child
      : plainData(child, inner, plain, column);
  });
  return data.clone(to.type, data.offset, data.length, data.nullCount, data.buffers, children);
}

function checkDigits(data: Data, field: Field, column: string): void {
  const bytes: Uint8Array = data.values;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isSigned = field.metadata.get(EXTENSION_METADATA_KEY)?.includes('"hugeint"') ?? true;
  for (let row = 0; row < data.length; row++) {
    if (!data.getValid(row)) continue;
    const at = row * WIDTH_BYTES;
    const upper = isSigned ? view.getBigInt64(at + 8, true) : view.getBigUint64(at + 8, true);
    if (upper < SURE_UPPER_HALF && upper > -SURE_UPPER_HALF) continue;
    const value = (upper << 64n) | view.getBigUint64(at, true);
    if (value < LIMIT && value > -LIMIT) continue;
    throw new AppError(
      "invalid",
      `${UNHELD_VALUE}column "${column}" has ${value}, which Arrow cannot hold, with ${DIGITS} digits at most: ` +
        "write another value for it, NULL or a text, in the model",
    );
  }
}
