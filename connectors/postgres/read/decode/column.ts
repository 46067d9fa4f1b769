import { Data, DataType } from "apache-arrow";
import { isUtf8 } from "node:buffer";
import { COLUMN, type CopyRows, KIND } from "../../../../kernels/copy_rows.ts";
import type { DecodeKind } from "../types.ts";

/** Bytes of room that a column of texts begins with. */
const FIRST_ROOM = 16_384;
/** The most that is reserved beyond what is needed. */
const MOST_AHEAD = 2 ** 22;

/** What the kernel is told of each kind, and how many bytes its values have; 0 where they have no fixed number. */
const LAYOUT: Readonly<Record<DecodeKind["kind"], { readonly kind: number; readonly bytes: number }>> = {
  bool: { kind: KIND.bool, bytes: 0 },
  int2: { kind: KIND.word16, bytes: 2 },
  int4: { kind: KIND.word32, bytes: 4 },
  oid: { kind: KIND.word32, bytes: 4 },
  float4: { kind: KIND.word32, bytes: 4 },
  date: { kind: KIND.date, bytes: 4 },
  int8: { kind: KIND.word64, bytes: 8 },
  float8: { kind: KIND.word64, bytes: 8 },
  time: { kind: KIND.word64, bytes: 8 },
  timestamp: { kind: KIND.timestamp, bytes: 8 },
  timestamptz: { kind: KIND.timestamp, bytes: 8 },
  interval: { kind: KIND.interval, bytes: 16 },
  uuid: { kind: KIND.uuid, bytes: 16 },
  numeric: { kind: KIND.numeric, bytes: 16 },
  text: { kind: KIND.bytes, bytes: 0 },
  json: { kind: KIND.bytes, bytes: 0 },
  jsonb: { kind: KIND.bytes, bytes: 0 },
  bytea: { kind: KIND.bytes, bytes: 0 },
  list: { kind: KIND.list, bytes: 0 },
};

/** Bytes of a value of the kind; 0 where they have no fixed number, or are a bit. */
export const bytesOf = ({ kind }: DecodeKind): number => LAYOUT[kind].bytes;

const bitBytes = (rows: number): number => (rows + 7) >> 3;
const sizeOf = (bytes: number, rows: number): number => bytes === 0 ? bitBytes(rows) : bytes * rows;

/** One column in the memory of the kernel that fills it; a list's elements are a column of their own. */
export class Column {
  readonly kind: DecodeKind;
  readonly #kernel: CopyRows;
  readonly #description: number;
  readonly #bytes: number;
  /** Whether the kernel keeps the end of each value. */
  readonly #hasEnds: boolean;
  /** Rows that there is room for. */
  #capacity = 0;
  #elements: Column | undefined;

  /** `description` is where the kernel finds the column's, all zero. `rows` will be in a batch at most. */
  constructor(kernel: CopyRows, kind: DecodeKind, description: number, rows: number) {
    const layout = LAYOUT[kind.kind];
    this.kind = kind;
    this.#kernel = kernel;
    this.#description = description;
    this.#bytes = layout.bytes;
    this.#hasEnds = layout.kind === KIND.bytes || layout.kind === KIND.list;
    this.#set(COLUMN.kind, layout.kind);
    if (kind.kind === "numeric") {
      const groups = Math.ceil(kind.scale / 4);
      this.#set(COLUMN.parameter, groups);
      this.#set(COLUMN.divisor, 10 ** (groups * 4 - kind.scale));
    }
    // jsonb has a version there.
    if (kind.kind === "jsonb") this.#set(COLUMN.parameter, 1);
    this.#reserveRows(rows);
    if (layout.kind === KIND.bytes) this.makeRoom(FIRST_ROOM);
  }

  get elements(): Column | undefined {
    return this.#elements;
  }

  setElements(elements: Column): void {
    this.#elements = elements;
    this.#set(COLUMN.elements, elements.#description);
  }

  /** Bytes of the first `rows` values that can grow without a bound by the number of rows. */
  variableBytes(rows: number): number {
    if (!this.#hasEnds) return 0;
    const used = this.#endOf(rows);
    return this.#elements === undefined ? used : used * 16 + this.#elements.variableBytes(used);
  }

  /** Whether a text, or all texts in a list, are UTF-8; true for anything else. */
  isUtf8At(row: number): boolean {
    if (!this.#hasEnds || this.kind.kind === "bytea") return true;
    const [start, end] = [row === 0 ? 0 : this.#endOf(row), this.#endOf(row + 1)];
    if (this.#elements !== undefined) {
      for (let element = start; element < end; element++) {
        if (!this.#elements.isUtf8At(element)) return false;
      }
      return true;
    }
    const at = this.#get(COLUMN.values);
    return isUtf8(this.#kernel.memory.bytes.subarray(at + start, at + end));
  }

  /** Makes room for `needed` bytes, or elements of a list, in all. */
  makeRoom(needed: number): void {
    const room = this.#get(COLUMN.room);
    // A single large value takes what it needs; many small ones do not come back for each.
    const size = Math.max(needed, Math.min(room * 2, room + MOST_AHEAD));
    if (this.#elements === undefined) this.#move(COLUMN.values, room, size);
    else this.#elements.#reserveRows(size);
    this.#set(COLUMN.room, size);
  }

  /** Gives the first `rows` rows, in memory of their own, and begins again without any. */
  finish(rows: number, type: DataType): Data {
    const nullCount = this.#get(COLUMN.hasNulls) === 0
      ? 0
      : this.#kernel.countNulls(this.#get(COLUMN.validity), rows);
    const parts = {
      ...(this.#hasEnds ? { 0: new Int32Array(this.#take(COLUMN.ends, (rows + 1) * 4).buffer) } : {}),
      ...(this.#elements === undefined ? { 1: this.#takeValues(rows, type) } : {}),
      ...(nullCount === 0 ? {} : { 2: this.#take(COLUMN.validity, bitBytes(rows)) }),
    };
    const elements = this.#elements?.finish(this.#endOf(rows), elementType(type));
    if (nullCount > 0) this.#setValid(0);
    this.#set(COLUMN.hasNulls, 0);
    return new Data(type, 0, rows, nullCount, parts, elements === undefined ? [] : [elements]);
  }

  #takeValues(rows: number, { ArrayType }: DataType): DataType["TArray"] {
    const size = this.#hasEnds ? this.#endOf(rows) : sizeOf(this.#bytes, rows);
    return new ArrayType(this.#take(COLUMN.values, size).buffer);
  }

  /** A copy of the begin of a part. */
  #take(part: number, sizeBytes: number): Uint8Array<ArrayBuffer> {
    const at = this.#get(part);
    return this.#kernel.memory.bytes.slice(at, at + sizeBytes);
  }

  /** Where row `row - 1` ends: in the column's bytes, or among its elements. */
  #endOf(row: number): number {
    return this.#kernel.memory.view.getUint32(this.#get(COLUMN.ends) + row * 4, true);
  }

  #reserveRows(rows: number): void {
    const held = this.#capacity;
    this.#capacity = rows;
    if (this.#hasEnds) {
      this.#move(COLUMN.ends, held === 0 ? 0 : (held + 1) * 4, (rows + 1) * 4);
      if (held === 0) this.#kernel.memory.view.setUint32(this.#get(COLUMN.ends), 0, true);
    } else {
      this.#move(COLUMN.values, sizeOf(this.#bytes, held), sizeOf(this.#bytes, rows));
    }
    this.#move(COLUMN.validity, bitBytes(held), bitBytes(rows));
    this.#setValid(held);
  }

  /** Moves a part of the column to where there is room for more. */
  #move(part: number, held: number, sizeBytes: number): void {
    const { memory } = this.#kernel;
    const from = this.#get(part);
    const to = memory.allocate(sizeBytes);
    memory.bytes.copyWithin(to, from, from + held);
    memory.release(from, held);
    this.#set(part, to);
  }

  /** Marks the rows from `row` on as valid. The bits of a byte that is there already are left. */
  #setValid(row: number): void {
    const at = this.#get(COLUMN.validity);
    this.#kernel.memory.bytes.fill(0xff, at + bitBytes(row), at + bitBytes(this.#capacity));
  }

  #get(part: number): number {
    return this.#kernel.memory.view.getUint32(this.#description + part, true);
  }

  #set(part: number, value: number): void {
    this.#kernel.memory.view.setUint32(this.#description + part, value, true);
  }
}

function elementType(type: DataType): DataType {
  if (DataType.isList(type)) return type.valueType;
  throw new TypeError(`${type} has no elements`);
}
