import type { Data, Vector } from "apache-arrow";
import {
  type ColumnEncoder,
  EncodeError,
  LENGTH_BYTES,
  nullTest,
  type Output,
  validityOf,
  valueBytes,
  valuesOf,
} from "./column_encoder.ts";
import { jsonText } from "../../../destination/json_text.ts";

const JSONB_VERSION = 1;
const ARRAY_HEADER_BYTES = 20;
/** An array without elements has no dimensions. */
const EMPTY_ARRAY_BYTES = 12;

const SPACE = 0x20;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Where the bytes of each row begin and end in the data's buffer. */
type Bounds = (row: number) => number;

/** Text and binaries of any length, and jsonb, which has a version byte before its text. */
export class BytesEncoder implements ColumnEncoder {
  readonly #prefixBytes: number;

  constructor(target: "plain" | "jsonb") {
    this.#prefixBytes = target === "jsonb" ? 1 : 0;
  }

  measure(data: Data, from: number, to: number, sizes: Int32Array): void {
    const isNull = nullTest(data);
    const { offsets } = stringsOf(data, from, to);
    const extra = LENGTH_BYTES + this.#prefixBytes;
    for (let i = 0; i < to - from; i++) {
      const length = (offsets[i + 1] ?? 0) - (offsets[i] ?? 0);
      if (length < 0) throw new TypeError(`Arrow ${data.type} came with offsets that go back`);
      sizes[i] = (sizes[i] ?? 0) + (isNull?.(from + i) ? LENGTH_BYTES : extra + length);
    }
  }

  write(data: Data, from: number, to: number, { fields }: Output, places: Int32Array): void {
    const { bytes, offsets } = stringsOf(data, from, to);
    const own = places.subarray(0, to - from);
    fields.putBytes(bytes, offsets, this.#prefixBytes > 0, validityOf(data, from, to), own);
  }
}

/** Text for a varchar(n): of what is longer, PostgreSQL cuts off spaces at the end without a word. */
export class BoundedTextEncoder extends BytesEncoder {
  readonly #maxCharacters: number;

  constructor(maxCharacters: number) {
    super("plain");
    this.#maxCharacters = maxCharacters;
  }

  override measure(data: Data, from: number, to: number, sizes: Int32Array): void {
    super.measure(data, from, to, sizes);
    const isNull = nullTest(data);
    const bound = boundsOf(data);
    const values = valuesOf(data, Uint8Array);
    for (let row = from; row < to; row++) {
      const [start, end] = [bound(row), bound(row + 1)];
      if (end - start <= this.#maxCharacters || isNull?.(row) || values[end - 1] !== SPACE) continue;
      const characters = [...decoder.decode(values.subarray(start, end))].length;
      if (characters <= this.#maxCharacters) continue;
      throw new EncodeError(
        row,
        `has ${characters} characters, the last ones spaces, and the column holds ${this.#maxCharacters}`,
      );
    }
  }
}

/** The bytes of rows [from, to), and the place of each in them, from that of the first on. */
function stringsOf(data: Data, from: number, to: number): { bytes: Uint8Array; offsets: Int32Array } {
  const bound = boundsOf(data);
  const [first, last] = [bound(from), bound(to)];
  const all: unknown = data.valueOffsets;
  const offsets = all instanceof Int32Array
    ? all.subarray(from, to + 1)
    : Int32Array.from({ length: to - from + 1 }, (_, i) => bound(from + i) - first);
  return { bytes: valueBytes(data, first, last), offsets };
}

function boundsOf(data: Data): Bounds {
  const offsets: unknown = data.valueOffsets;
  if (offsets instanceof Int32Array) return (row) => offsets[row] ?? 0;
  if (offsets instanceof BigInt64Array) return (row) => Number(offsets[row] ?? 0n);
  const { stride } = data;
  return (row) => row * stride;
}

/** Values that are made one by one: labels of a dictionary, JSON of nested values. */
export class MadeBytesEncoder implements ColumnEncoder {
  readonly #make: (data: Data) => (row: number) => Uint8Array;
  readonly #prefixBytes: number;
  #made: (Uint8Array | null)[] = [];

  constructor(target: "plain" | "jsonb", make: (data: Data) => (row: number) => Uint8Array) {
    this.#make = make;
    this.#prefixBytes = target === "jsonb" ? 1 : 0;
  }

  measure(data: Data, from: number, to: number, sizes: Int32Array): void {
    const isNull = nullTest(data);
    const make = this.#make(data);
    this.#made = [];
    for (let row = from, i = 0; row < to; row++, i++) {
      const value = isNull?.(row) ? null : make(row);
      this.#made.push(value);
      sizes[i] = (sizes[i] ?? 0) + LENGTH_BYTES + (value === null ? 0 : value.length + this.#prefixBytes);
    }
  }

  write(_data: Data, _from: number, _to: number, { fields }: Output, places: Int32Array): void {
    const { bytes, view } = fields;
    for (const [i, value] of this.#made.entries()) {
      let at = places[i] ?? 0;
      view.setInt32(at, value === null ? -1 : value.length + this.#prefixBytes);
      at += LENGTH_BYTES;
      if (value !== null) {
        if (this.#prefixBytes !== 0) bytes[at++] = JSONB_VERSION;
        bytes.set(value, at);
        at += value.length;
      }
      places[i] = at;
    }
  }
}

/** The label of each row of a Dictionary of text; each label is encoded once. */
export function dictionaryLabels(): (data: Data) => (row: number) => Uint8Array {
  const known = new WeakMap<Vector, Uint8Array[]>();
  return (data) => {
    const { dictionary } = data;
    if (dictionary === undefined) throw new TypeError("Arrow Dictionary came without its values");
    let labels = known.get(dictionary);
    if (labels === undefined) {
      labels = Array.from(dictionary, (label: unknown) => encoder.encode(String(label)));
      known.set(dictionary, labels);
    }
    const found = labels;
    const indices: unknown = data.values;
    if (!isIntegers(indices)) throw new TypeError("Arrow Dictionary came without its indices");
    return (row) => found[Number(indices[row] ?? 0)] ?? new Uint8Array(0);
  };
}

function isIntegers(values: unknown): values is ArrayLike<number | bigint> {
  return ArrayBuffer.isView(values) && !(values instanceof DataView);
}

export const jsonBytes = (data: Data) => (row: number): Uint8Array => encoder.encode(jsonText(data, row));

/** Lists of scalars → one-dimensional arrays. */
export class ArrayEncoder implements ColumnEncoder {
  readonly #element: ColumnEncoder;
  readonly #elementOid: number;
  #elementSizes = new Int32Array(0);

  constructor(element: ColumnEncoder, elementOid: number) {
    this.#element = element;
    this.#elementOid = elementOid;
  }

  measure(data: Data, from: number, to: number, sizes: Int32Array, output: Output): void {
    const isNull = nullTest(data);
    const bound = boundsOf(data);
    const first = bound(from);
    this.#elementSizes = new Int32Array(bound(to) - first);
    this.#element.measure(childOf(data), first, bound(to), this.#elementSizes, output);
    for (let row = from, i = 0; row < to; row++, i++) {
      let sizeBytes = LENGTH_BYTES;
      if (!isNull?.(row)) {
        const start = bound(row) - first;
        const end = bound(row + 1) - first;
        sizeBytes += start === end ? EMPTY_ARRAY_BYTES : ARRAY_HEADER_BYTES;
        for (let e = start; e < end; e++) sizeBytes += this.#elementSizes[e] ?? 0;
      }
      sizes[i] = (sizes[i] ?? 0) + sizeBytes;
    }
  }

  write(data: Data, from: number, to: number, output: Output, places: Int32Array): void {
    const isNull = nullTest(data);
    const bound = boundsOf(data);
    const first = bound(from);
    const child = childOf(data);
    const elementPlaces = new Int32Array(this.#elementSizes.length);
    for (let row = from, i = 0; row < to; row++, i++) {
      const at = places[i] ?? 0;
      const start = bound(row) - first;
      const end = bound(row + 1) - first;
      if (isNull?.(row)) {
        output.fields.view.setInt32(at, -1);
        places[i] = at + LENGTH_BYTES;
        continue;
      }
      const body = at + LENGTH_BYTES;
      let place = body + this.#writeHeader(output.fields.view, body, end - start);
      for (let e = start; e < end; e++) {
        elementPlaces[e] = place;
        place += this.#elementSizes[e] ?? 0;
      }
      output.fields.view.setInt32(at, place - body);
      places[i] = place;
    }
    try {
      this.#writeElements(data, child, from, to, output, elementPlaces);
    } catch (error) {
      if (!(error instanceof EncodeError)) throw error;
      let row = from;
      while (row + 1 < to && bound(row + 1) <= error.row) row++;
      throw new EncodeError(row, `has an element that ${error.message}`);
    }
  }

  #writeHeader(view: DataView, at: number, count: number): number {
    const hasNulls = 1;
    view.setInt32(at, count === 0 ? 0 : 1);
    view.setInt32(at + 4, hasNulls);
    view.setInt32(at + 8, this.#elementOid);
    if (count === 0) return EMPTY_ARRAY_BYTES;
    view.setInt32(at + 12, count);
    view.setInt32(at + 16, 1);
    return ARRAY_HEADER_BYTES;
  }

  /** Elements below a NULL list have no place: the runs between such lists are written. */
  #writeElements(
    data: Data,
    child: Data,
    from: number,
    to: number,
    output: Output,
    places: Int32Array,
  ): void {
    const isNull = nullTest(data);
    const bound = boundsOf(data);
    const first = bound(from);
    const hasHidden = isNull !== undefined &&
      Array.from({ length: to - from }, (_, i) => from + i).some((row) =>
        isNull(row) && bound(row + 1) > bound(row)
      );
    if (!hasHidden) {
      this.#element.write(child, first, bound(to), output, places);
      return;
    }
    for (let row = from; row < to; row++) {
      if (isNull(row)) continue;
      const start = bound(row);
      const end = bound(row + 1);
      // Measured again, for an encoder writes what it measured last.
      this.#element.measure(child, start, end, new Int32Array(end - start), output);
      this.#element.write(child, start, end, output, places.subarray(start - first, end - first));
    }
  }
}

function childOf(data: Data): Data {
  const child = data.children[0];
  if (child === undefined) throw new TypeError("Arrow List came without its values");
  return child;
}
