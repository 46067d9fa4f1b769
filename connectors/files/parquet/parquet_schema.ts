import { AppError } from "../../../contract/errors.ts";
import type { StoredFile } from "../../locations/location.ts";

/**
 * The schema in a Parquet file's footer (github.com/apache/parquet-format, parquet.thrift), which is in
 * Thrift's compact protocol. DuckDB reads the rows; this says what it would change in them.
 */

/** A leaf of the schema: a column, or a part of a nested one. */
export interface ParquetLeaf {
  /** The names from the top on. */
  readonly path: readonly string[];
  /** What DuckDB makes of it; "other" where that does not matter here. */
  readonly type: LeafType;
}

export type LeafType =
  | "BOOLEAN"
  | "INTEGER"
  | "UINTEGER"
  | "BIGINT"
  | "UBIGINT"
  | "FLOAT"
  | "DOUBLE"
  | "VARCHAR"
  | "DATE"
  | "TIME"
  | "TIMESTAMP"
  | "TIMESTAMP_NS"
  | "TIMESTAMPTZ"
  | `DECIMAL(${number},${number})`
  /** Of more than 38 digits. */
  | "wide decimal"
  | "time of nanoseconds"
  /** A timestamp with a zone. */
  | "instant of nanoseconds"
  | "INT96"
  | "other";

export interface ParquetSchema {
  /** Of the top, in their order. */
  readonly columns: readonly string[];
  readonly leaves: readonly ParquetLeaf[];
  /** Spark writes INT96 with microseconds. */
  readonly isOfSpark: boolean;
}

const MAGIC = "PAR1";
const MAX_FOOTER_BYTES = 256 * 1024 * 1024;

/** Throws `invalid` for what is no whole Parquet file. */
export async function readParquetSchema(file: StoredFile): Promise<ParquetSchema> {
  const wrong = (what: string, cause?: unknown) =>
    new AppError("invalid", `Cannot read "${file.shown}": ${what}`, cause === undefined ? {} : { cause });
  const cut = "the Parquet file is cut short; copy the whole file again";
  if (file.sizeBytes === 0) throw wrong("it is empty (0 bytes); expected a Parquet file");
  await using reader = await file.open();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (text(await reader.read(0, 4)) !== MAGIC) throw wrong("it is not a Parquet file; set options.format");
  const tail = file.sizeBytes < 12 ? new Uint8Array(8) : await reader.read(file.sizeBytes - 8, 8);
  const length = new DataView(tail.buffer, tail.byteOffset).getUint32(0, true);
  if (text(tail.subarray(4)) !== MAGIC || length > Math.min(file.sizeBytes - 12, MAX_FOOTER_BYTES)) {
    throw wrong(cut);
  }
  try {
    return schemaOf(new CompactReader(await reader.read(file.sizeBytes - 8 - length, length)).struct());
  } catch (error) {
    throw wrong("the Parquet file is damaged; copy the whole file again", error);
  }
}

type Thrift = number | bigint | boolean | Uint8Array | readonly Thrift[] | ReadonlyMap<number, Thrift>;

function schemaOf(footer: ReadonlyMap<number, Thrift>): ParquetSchema {
  const elements = list(footer.get(2)).map(map);
  const leaves: ParquetLeaf[] = [];
  let next = 0;
  const walk = (path: readonly string[]) => {
    const element = elements[next++];
    if (element === undefined) throw new Error("the schema ends too early");
    const inner = next === 1 ? [] : [...path, name(element)];
    const children = Number(element.get(5) ?? 0);
    for (let i = 0; i < children; i++) walk(inner);
    if (children === 0 && inner.length > 0) leaves.push({ path: inner, type: typeOf(element) });
  };
  walk([]);
  const keys = list(footer.get(5)).map((pair) => bytesText(map(pair).get(1)));
  return {
    columns: [...new Set(leaves.map(({ path: [top = ""] }) => top))],
    leaves,
    isOfSpark: keys.includes("org.apache.spark.version"),
  };
}

/** Physical types. */
const [BOOLEAN, INT32, INT64, INT96, FLOAT, DOUBLE, BYTE_ARRAY] = [0, 1, 2, 3, 4, 5, 6];
/** Logical types, by their fields in the union. */
const [STRING, ENUM, DECIMAL, DATE, TIME, TIMESTAMP, INTEGER] = [1, 4, 5, 6, 7, 8, 10];
const NANOSECONDS = 3;
/** The older names of logical types. */
const CONVERTED: ReadonlyMap<number, LeafType> = new Map([
  [0, "VARCHAR"],
  [4, "VARCHAR"],
  [6, "DATE"],
  [7, "TIME"],
  [8, "TIME"],
  [9, "TIMESTAMPTZ"],
  [10, "TIMESTAMPTZ"],
  [11, "INTEGER"],
  [12, "INTEGER"],
  [13, "UINTEGER"],
  [14, "UBIGINT"],
  [15, "INTEGER"],
  [16, "INTEGER"],
  [17, "INTEGER"],
  [18, "BIGINT"],
]);
const CONVERTED_DECIMAL = 5;
const PHYSICAL: ReadonlyMap<number, LeafType> = new Map([
  [BOOLEAN, "BOOLEAN"],
  [INT32, "INTEGER"],
  [INT64, "BIGINT"],
  [INT96, "INT96"],
  [FLOAT, "FLOAT"],
  [DOUBLE, "DOUBLE"],
]);

function typeOf(element: ReadonlyMap<number, Thrift>): LeafType {
  const logical = element.has(10) ? map(element.get(10)) : new Map<number, Thrift>();
  const part = (id: number) => logical.has(id) ? map(logical.get(id)) : undefined;
  const [physical, converted] = [Number(element.get(1)), element.get(6)];
  const decimal = part(DECIMAL);
  if (decimal !== undefined || converted === CONVERTED_DECIMAL) {
    const precision = Number(decimal?.get(2) ?? element.get(8) ?? 0);
    const scale = Number(decimal?.get(1) ?? element.get(7) ?? 0);
    return precision > 38 ? "wide decimal" : `DECIMAL(${precision},${scale})`;
  }
  const time = part(TIME);
  if (time !== undefined) return map(time.get(2)).has(NANOSECONDS) ? "time of nanoseconds" : "TIME";
  const timestamp = part(TIMESTAMP);
  if (timestamp !== undefined) {
    const isNanos = map(timestamp.get(2)).has(NANOSECONDS);
    if (timestamp.get(1) === true) return isNanos ? "instant of nanoseconds" : "TIMESTAMPTZ";
    return isNanos ? "TIMESTAMP_NS" : "TIMESTAMP";
  }
  if (logical.has(STRING) || logical.has(ENUM)) return "VARCHAR";
  if (logical.has(DATE)) return "DATE";
  const integer = part(INTEGER);
  if (integer?.get(2) === false) return physical === INT64 ? "UBIGINT" : "UINTEGER";
  if (integer === undefined && logical.size > 0) return "other";
  if (integer === undefined && converted !== undefined) return CONVERTED.get(Number(converted)) ?? "other";
  return physical === BYTE_ARRAY ? "other" : PHYSICAL.get(physical) ?? "other";
}

function name(element: ReadonlyMap<number, Thrift>): string {
  return bytesText(element.get(4));
}

function bytesText(value: Thrift | undefined): string {
  if (!(value instanceof Uint8Array)) throw new Error("expected text");
  return new TextDecoder().decode(value);
}

function list(value: Thrift | undefined): readonly Thrift[] {
  return Array.isArray(value) ? value : [];
}

function map(value: Thrift | undefined): ReadonlyMap<number, Thrift> {
  if (value instanceof Map) return value;
  throw new Error("expected a struct");
}

/** Thrift's compact protocol (github.com/apache/thrift, doc/specs/thrift-compact-protocol.md). */
class CompactReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Values by their field's number. */
  struct(): ReadonlyMap<number, Thrift> {
    const fields = new Map<number, Thrift>();
    let id = 0;
    for (;;) {
      const header = this.#byte();
      if (header === 0) return fields;
      const delta = header >> 4;
      id = delta === 0 ? Number(this.#zigzag()) : id + delta;
      const type = header & 15;
      fields.set(id, type <= 2 ? type === 1 : this.#value(type));
    }
  }

  #value(type: number): Thrift {
    switch (type) {
      case 1:
      case 2:
        return this.#byte() === 1;
      case 3:
        return this.#byte();
      case 4:
      case 5:
        return Number(this.#zigzag());
      case 6:
        return this.#zigzag();
      case 7:
        return this.#take(8);
      case 8:
        return this.#take(Number(this.#varint()));
      case 9:
      case 10:
        return this.#list();
      case 12:
        return this.struct();
      default:
        throw new Error(`unknown type ${type}`);
    }
  }

  #list(): readonly Thrift[] {
    const header = this.#byte();
    const size = header >> 4 === 15 ? Number(this.#varint()) : header >> 4;
    if (size > this.#bytes.length) throw new Error("a list is too long");
    return Array.from({ length: size }, () => this.#value(header & 15));
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new Error("it ends too early");
    return byte;
  }

  #take(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.length) throw new Error("it ends too early");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #varint(): bigint {
    let [value, shift] = [0n, 0n];
    for (;;) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
      shift += 7n;
    }
  }

  #zigzag(): bigint {
    const value = this.#varint();
    return (value >> 1n) ^ -(value & 1n);
  }
}
