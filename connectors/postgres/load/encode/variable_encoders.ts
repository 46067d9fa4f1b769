import type { Data, Vector } from "apache-arrow";
import {
  type ColumnEncoder,
  EncodeError,
  LENGTH_BYTES,
  nullTest,
  type Output,
  valuesOf,
} from "./column_encoder.ts";
import { jsonText } from "../../../destination/json_text.ts";

/** Up to this many bytes a loop is faster than a call that copies. */
const SHORT_BYTES = 32;
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
    const bound = boundsOf(data);
    const extra = LENGTH_BYTES + this.#prefixBytes;
    for (let row = from, i = 0; row < to; row++, i++) {
      const sizeBytes = isNull?.(row) ? LENGTH_BYTES : extra + bound(row + 1) - bound(row);
      sizes[i] = (sizes[i] ?? 0) + sizeBytes;
    }
  }

  write(data: Data, from: number, to: number, { bytes, view }: Output, places: Int32Array): void {
    const isNull = nullTest(data);
    const bound = boundsOf(data);
    const values = valuesOf(data, Uint8Array);
    const prefix = this.#prefixBytes;
    for (let row = from, i = 0; row < to; row++, i++) {
      let at = places[i] ?? 0;
      if (isNull?.(row)) {
        view.setInt32(at, -1);
        places[i] = at + LENGTH_BYTES;
        continue;
      }
      const start = bound(row);
      const length = bound(row + 1) - start;
      view.setInt32(at, length + prefix);
      at += LENGTH_BYTES;
      if (prefix !== 0) bytes[at++] = JSONB_VERSION;
      if (length > SHORT_BYTES) bytes.set(values.subarray(start, start + length), at);
      else for (let b = 0; b < length; b++) bytes[at + b] = values[start + b] ?? 0;
      places[i] = at + length;
    }
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

  write(_data: Data, _from: number, _to: number, { bytes, view }: Output, places: Int32Array): void {
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

  measure(data: Data, from: number, to: number, sizes: Int32Array): void {
    const isNull = nullTest(data);
    const bound = boundsOf(data);
    const first = bound(from);
    this.#elementSizes = new Int32Array(bound(to) - first);
    this.#element.measure(childOf(data), first, bound(to), this.#elementSizes);
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
        output.view.setInt32(at, -1);
        places[i] = at + LENGTH_BYTES;
        continue;
      }
      const body = at + LENGTH_BYTES;
      let place = body + this.#writeHeader(output.view, body, end - start);
      for (let e = start; e < end; e++) {
        elementPlaces[e] = place;
        place += this.#elementSizes[e] ?? 0;
      }
      output.view.setInt32(at, place - body);
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
      this.#element.measure(child, start, end, new Int32Array(end - start));
      this.#element.write(child, start, end, output, places.subarray(start - first, end - first));
    }
  }
}

function childOf(data: Data): Data {
  const child = data.children[0];
  if (child === undefined) throw new TypeError("Arrow List came without its values");
  return child;
}
