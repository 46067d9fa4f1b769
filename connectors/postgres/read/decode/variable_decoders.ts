import { Binary, type Data, type Field, List, makeData, Utf8 } from "apache-arrow";
import { ColumnDecoder, DecodeError, type FieldIndex, type Nulls } from "./column_decoder.ts";

/** Up to this many bytes a loop is faster than a call that copies. */
const SHORT_BYTES = 32;
const ARRAY_HEADER_BYTES = 12;
const DIMENSION_BYTES = 8;

/** Values of any length: text, json, jsonb, bytea. */
export class BytesDecoder extends ColumnDecoder {
  readonly #type: Utf8 | Binary;
  /** Bytes at the front of each value that are not part of it: jsonb has a version there. */
  readonly #prefixBytes: number;
  readonly #strictDecoder: TextDecoder | undefined;
  #offsets = new Int32Array(1);
  #values = new Uint8Array(0);
  #used = 0;
  #lastUsed = 0;

  /** `validate` checks for UTF-8, for a server that does not. */
  constructor(kind: "text" | "json" | "jsonb" | "bytea", validate: boolean) {
    super();
    this.#type = kind === "bytea" ? new Binary() : new Utf8();
    this.#prefixBytes = kind === "jsonb" ? 1 : 0;
    this.#strictDecoder = validate && kind !== "bytea"
      ? new TextDecoder("utf-8", { fatal: true })
      : undefined;
  }

  override get variableBytes(): number {
    return this.#used;
  }

  protected override grow(capacity: number): void {
    const offsets = new Int32Array(capacity + 1);
    offsets.set(this.#offsets.subarray(0, this.rows + 1));
    this.#offsets = offsets;
  }

  protected override decode({ bytes, offsets, lengths }: FieldIndex, start: number, end: number): void {
    const prefix = this.#prefixBytes;
    this.#reserve(lengths, start, end);
    const ends = this.#offsets;
    const values = this.#values;
    let used = this.#used;
    for (let i = start, row = this.rows; i < end; i++, row++) {
      const length = (lengths[i] ?? -1) - prefix;
      if (length < 0) {
        this.markNull(row);
      } else {
        const from = (offsets[i] ?? 0) + prefix;
        if (length > SHORT_BYTES) values.set(bytes.subarray(from, from + length), used);
        else for (let b = 0; b < length; b++) values[used + b] = bytes[from + b] ?? 0;
        if (this.#strictDecoder !== undefined) checkUtf8(this.#strictDecoder, values, used, length, row);
        used += length;
      }
      ends[row + 1] = used;
    }
    this.#used = used;
  }

  protected override build(length: number, nulls: Nulls): Data {
    const valueOffsets = this.#offsets.subarray(0, length + 1);
    const data = this.#values.subarray(0, this.#used);
    this.#offsets = new Int32Array(1);
    this.#values = new Uint8Array(0);
    this.#lastUsed = this.#used;
    this.#used = 0;
    return this.#type instanceof Utf8
      ? makeData({ type: this.#type, length, ...nulls, valueOffsets, data })
      : makeData({ type: this.#type, length, ...nulls, valueOffsets, data });
  }

  #reserve(lengths: Int32Array, start: number, end: number): void {
    let needed = this.#used;
    for (let i = start; i < end; i++) needed += Math.max(lengths[i] ?? 0, 0);
    if (needed <= this.#values.length) return;
    const likely = this.#lastUsed + (this.#lastUsed >> 4);
    const values = new Uint8Array(Math.max(needed, this.#values.length * 2, likely));
    values.set(this.#values.subarray(0, this.#used));
    this.#values = values;
  }
}

function checkUtf8(
  decoder: TextDecoder,
  values: Uint8Array,
  from: number,
  length: number,
  row: number,
): void {
  try {
    decoder.decode(values.subarray(from, from + length));
  } catch {
    throw new DecodeError(row, "is not UTF-8 (the database's encoding is SQL_ASCII, so nobody checked it)");
  }
}

/** One-dimensional arrays. Source: array_send in PostgreSQL's src/backend/utils/adt/arrayfuncs.c */
export class ListDecoder extends ColumnDecoder {
  readonly #item: Field;
  readonly #element: ColumnDecoder;
  #offsets = new Int32Array(1);
  #elements = 0;

  constructor(item: Field, element: ColumnDecoder) {
    super();
    this.#item = item;
    this.#element = element;
  }

  override get variableBytes(): number {
    return this.#element.variableBytes + this.#elements * 16;
  }

  protected override grow(capacity: number): void {
    const offsets = new Int32Array(capacity + 1);
    offsets.set(this.#offsets.subarray(0, this.rows + 1));
    this.#offsets = offsets;
  }

  protected override decode(index: FieldIndex, start: number, end: number): void {
    const { bytes, view } = index;
    const starts: number[] = [];
    const lengths: number[] = [];
    for (let i = start, row = this.rows; i < end; i++, row++) {
      if ((index.lengths[i] ?? -1) < 0) this.markNull(row);
      else locateElements(view, index.offsets[i] ?? 0, row, starts, lengths);
      this.#offsets[row + 1] = this.#elements + starts.length;
    }
    const elements = { bytes, view, offsets: Int32Array.from(starts), lengths: Int32Array.from(lengths) };
    try {
      this.#element.append(elements, 0, starts.length);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      throw new DecodeError(
        this.#rowOf(error.row, this.rows + end - start),
        `has an element that ${error.message}`,
      );
    }
    this.#elements += starts.length;
  }

  protected override build(length: number, nulls: Nulls): Data {
    const valueOffsets = this.#offsets.subarray(0, length + 1);
    this.#offsets = new Int32Array(1);
    this.#elements = 0;
    return makeData({
      type: new List(this.#item),
      length,
      ...nulls,
      valueOffsets,
      child: this.#element.finish(),
    });
  }

  #rowOf(element: number, rows: number): number {
    let row = this.rows;
    while (row + 1 < rows && (this.#offsets[row + 1] ?? 0) <= element) row++;
    return row;
  }
}

function locateElements(view: DataView, at: number, row: number, starts: number[], lengths: number[]): void {
  const dimensions = view.getInt32(at);
  if (dimensions === 0) return;
  if (dimensions > 1) {
    throw new DecodeError(
      row,
      `is an array of ${dimensions} dimensions; read it as text with the stream's option text_columns`,
    );
  }
  const count = view.getInt32(at + ARRAY_HEADER_BYTES);
  const lowerBound = view.getInt32(at + ARRAY_HEADER_BYTES + 4);
  if (lowerBound !== 1) {
    throw new DecodeError(
      row,
      `is an array that begins at ${lowerBound}, which a list does not keep; ` +
        `read it as text with the stream's option text_columns`,
    );
  }
  let place = at + ARRAY_HEADER_BYTES + DIMENSION_BYTES;
  for (let e = 0; e < count; e++) {
    const length = view.getInt32(place);
    starts.push(place + 4);
    lengths.push(length);
    place += 4 + Math.max(length, 0);
  }
}
