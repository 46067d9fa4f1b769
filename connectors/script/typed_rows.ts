import { BufferType, Data, DataType, type Field, makeData, RecordBatch, Schema, Struct } from "apache-arrow";
import { JSON_EXTENSION } from "../../contract/arrow.ts";
import { AppError } from "../../contract/errors.ts";
import { isSameName, nameKey } from "../../contract/sql.ts";
import { extensionOf, jsonText } from "../destination/json_text.ts";
import { type ColumnType, fieldOf, isOfType } from "./column_type.ts";
import { type ValueWriter, valueWriter } from "./value_writer.ts";

/** Types of columns that a stream says beforehand, whatever its script makes of them. */
export interface DeclaredTypes {
  /** Columns of the stream, which it has whether or not the script yields them. */
  readonly columns: readonly TypedColumn[];
  /** Columns that have a type where the script yields them. */
  readonly others: readonly InputColumn[];
}

/** A column of a script's inputs; its type is null where they have several. */
export interface InputColumn {
  readonly name: string;
  readonly type: ColumnType | null;
}

interface TypedColumn {
  readonly name: string;
  readonly type: ColumnType;
}

const MAX_SHOWN = 100;

/** One column's way from the batches of a schema into the ones that are given on. */
interface Plan {
  readonly field: Field;
  readonly convert: (batch: RecordBatch) => Data;
}

/** Gives the columns of batches the types that their stream says, exactly or not at all. */
export class TypedRows {
  readonly #path: string;
  readonly #declared: DeclaredTypes;
  readonly #types: ReadonlyMap<string, ColumnType | null>;
  #rows = 0;
  #given: Schema | undefined;
  #plans: readonly Plan[] = [];
  #schema = new Schema();

  /** `path` is the script's. */
  constructor(path: string, declared: DeclaredTypes) {
    this.#path = path;
    this.#declared = declared;
    const all = [...declared.others, ...declared.columns];
    this.#types = new Map(all.map(({ name, type }) => [nameKey(name), type]));
  }

  /** The columns that are known without a row, if any; see ReadMessage. */
  get known(): { readonly schema?: Schema } {
    const { columns, others } = this.#declared;
    const further = others.filter(({ name }) => !columns.some((column) => isSameName(column.name, name)));
    const fields = [...columns, ...further].flatMap(({ name, type }) =>
      type === null ? [] : [fieldOf(name, type)]
    );
    return fields.length === 0 ? {} : { schema: new Schema(fields) };
  }

  /** Throws `invalid` for a value that is none of its column's type, with its row and column. */
  take(batch: RecordBatch): RecordBatch {
    if (this.#types.size === 0) return batch;
    if (batch.schema !== this.#given) {
      this.#given = batch.schema;
      this.#plans = this.#planned(batch.schema);
      this.#schema = new Schema(this.#plans.map(({ field }) => field));
    }
    const children = this.#plans.map(({ convert }) => convert(batch));
    this.#rows += batch.numRows;
    const type = new Struct(this.#schema.fields);
    return new RecordBatch(this.#schema, makeData({ type, length: batch.numRows, nullCount: 0, children }));
  }

  #planned({ fields }: Schema): Plan[] {
    const missing = this.#declared.columns.filter(({ name }) =>
      !fields.some((field) => isSameName(field.name, name))
    );
    return [
      ...fields.map((field, index) => this.#planOf(field, index)),
      ...missing.map(({ name, type }) => ({
        field: fieldOf(name, type),
        convert: ({ numRows }: RecordBatch) => noValues(type, numRows),
      })),
    ];
  }

  #planOf(field: Field, index: number): Plan {
    const as = (batch: RecordBatch) => {
      const data = batch.data.children[index];
      if (data === undefined) throw new AppError("internal", "A batch lacks a column of its schema");
      return data;
    };
    const type = this.#types.get(nameKey(field.name));
    if (type === null) {
      const what = `column "${field.name}" has several types in the script's inputs`;
      throw new AppError("invalid", `${this.#path}: ${what}: name the one that it is to have by types`);
    }
    if (type === undefined || isOfType(field, type)) return { field, convert: as };
    return { field: fieldOf(field.name, type), convert: (batch) => this.#converted(field, as(batch), type) };
  }

  #converted(field: Field, given: Data, type: ColumnType): Data {
    const data = inWords(given);
    const writer = valueWriter(type, data.length);
    const read = textReader(field, type);
    const validity = new Uint8Array(Math.ceil(data.length / 8));
    let nulls = 0;
    for (let row = 0; row < data.length; row++) {
      if (DataType.isNull(field.type) || !data.getValid(row)) {
        nulls++;
        writer.skip(row);
        continue;
      }
      const text = read(data, row);
      if (text === undefined || !writer.put(row, text)) throw this.#unfit(field, data, row, type);
      validity[row >> 3] = (validity[row >> 3] ?? 0) | 1 << (row & 7);
    }
    return dataOf(type, data.length, nulls, validity, writer);
  }

  #unfit(field: Field, data: Data, row: number, { name }: ColumnType): AppError {
    const isBytes = DataType.isBinary(field.type) || DataType.isLargeBinary(field.type);
    const shown = isBytes ? "bytes" : jsonText(data, row, extensionOf(field)).slice(0, MAX_SHOWN);
    const what = `row ${this.#rows + row + 1}: column "${field.name}" is ${shown}, expected ${name}`;
    return new AppError("invalid", `${this.#path}: ${what}`);
  }
}

/** What a decimal's digits are read from, whichever view of them a decoder has made. */
function inWords(data: Data): Data {
  const { type, length, nullCount, nullBitmap, values } = data;
  if (!DataType.isDecimal(type) || values instanceof Uint32Array) return data;
  const { buffer, byteOffset, byteLength } = values;
  return new Data(type, 0, length, nullCount, {
    [BufferType.DATA]: new Uint32Array(buffer, byteOffset, byteLength / 4),
    ...(nullCount === 0 ? {} : { [BufferType.VALIDITY]: nullBitmap }),
  });
}

function noValues(type: ColumnType, rows: number): Data {
  const writer = valueWriter(type, rows);
  for (let row = 0; row < rows; row++) writer.skip(row);
  return dataOf(type, rows, rows, new Uint8Array(Math.ceil(rows / 8)), writer);
}

function dataOf(
  { type }: ColumnType,
  rows: number,
  nulls: number,
  validity: Uint8Array,
  writer: ValueWriter,
): Data {
  const { offsets, values } = writer.end();
  return new Data(type, 0, rows, nulls, {
    ...(offsets === undefined ? {} : { [BufferType.OFFSET]: offsets }),
    [BufferType.DATA]: values,
    ...(nulls === 0 ? {} : { [BufferType.VALIDITY]: validity }),
  });
}

/** A value's text for a column of the type; undefined for one that has none, as bytes and what is nested. */
function textReader(field: Field, type: ColumnType): (data: Data, row: number) => string | undefined {
  const extension = extensionOf(field);
  const given = field.type;
  if (DataType.isBinary(given) || DataType.isLargeBinary(given)) return () => undefined;
  const isToJson = type.metadata !== undefined && extensionOf({ metadata: type.metadata }) === JSON_EXTENSION;
  if (isToJson) return (data, row) => jsonText(data, row, extension);
  if (DataType.isUtf8(given) && extension === undefined) {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    return ({ values, valueOffsets }, row) =>
      decoder.decode(values.subarray(valueOffsets[row], valueOffsets[row + 1]));
  }
  if (DataType.isFloat(given)) {
    return ({ values }, row) => {
      const value = Number(values[row]);
      if (Object.is(value, -0)) return "-0";
      // Whole numbers are written without an exponent.
      const isWhole = Number.isInteger(value) && !DataType.isFloat(type.type);
      return isWhole ? String(BigInt(value)) : String(value);
    };
  }
  return (data, row) => {
    const text = jsonText(data, row, extension);
    // Where a column holds values of several kinds, each of them is JSON.
    if (text.startsWith('"')) return String(JSON.parse(text));
    return /^[{[]/.test(text) ? undefined : text;
  };
}
