import { Data, DataType } from "apache-arrow";
import { isUtf8 } from "node:buffer";
import type { KernelMemory } from "./memory.ts";

/** Bytes of room that a column of texts begins with. */
const FIRST_ROOM = 16_384;
/** The most that is reserved beyond what is needed. */
const MOST_AHEAD = 2 ** 22;

/** Bytes of a column's description, and the places of its parts, each a 32-bit number. */
export const COLUMN_BYTES = 40;
export const COLUMN = {
  kind: 0,
  values: 4,
  validity: 8,
  ends: 12,
  room: 16,
  parameter: 20,
  limit: 24,
  hasNulls: 28,
  elements: 32,
} as const;

/** What the kernel is told of a column. */
export interface ColumnLayout {
  /** The kernel's own number of it. */
  readonly kind: number;
  /** Bytes of a value; 0 where they have no fixed number, or are a bit. */
  readonly bytes: number;
  /** Whether values have any length: `bytes` and `text` have a room in bytes, a `list` one in elements. */
  readonly ends?: "bytes" | "text" | "list";
  /** What more the kernel wants to know of this kind. */
  readonly parameter?: number;
  readonly limit?: number;
}

/** A kernel that fills columns. */
export interface ColumnKernel {
  readonly memory: KernelMemory;
  countNulls(validity: number, rows: number): number;
}

const bitBytes = (rows: number): number => (rows + 7) >> 3;
const sizeOf = (bytes: number, rows: number): number => bytes === 0 ? bitBytes(rows) : bytes * rows;

/** One column in the memory of the kernel that fills it; a list's elements are a column of their own. */
export class Column {
  readonly #kernel: ColumnKernel;
  readonly #layout: ColumnLayout;
  readonly #description: number;
  /** Rows that there is room for. */
  #capacity = 0;
  #elements: Column | undefined;

  /** `description` is where the kernel finds the column's, all zero. `rows` will be in a batch at most. */
  constructor(kernel: ColumnKernel, layout: ColumnLayout, description: number, rows: number) {
    this.#kernel = kernel;
    this.#layout = layout;
    this.#description = description;
    this.#set(COLUMN.kind, layout.kind);
    this.#set(COLUMN.parameter, layout.parameter ?? 0);
    this.#set(COLUMN.limit, layout.limit ?? 0);
    this.#reserveRows(rows);
    if (layout.ends === "bytes" || layout.ends === "text") this.makeRoom(FIRST_ROOM);
  }

  /** Whether the kernel keeps the end of each value. */
  get #hasEnds(): boolean {
    return this.#layout.ends !== undefined;
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

  /**
   * Where the first of the rows from `first` to before `end` is whose text, or a text in whose list, is not UTF-8;
   * undefined where all are.
   */
  findNotUtf8(first: number, end: number): number | undefined {
    if (!this.#hasEnds || this.#layout.ends === "bytes" || this.#isUtf8(first, end)) return undefined;
    for (let row = first; row < end; row++) if (!this.#isUtf8(row, row + 1)) return row;
    return undefined;
  }

  #isUtf8(first: number, end: number): boolean {
    const [from, to] = [this.#endOf(first), this.#endOf(end)];
    if (this.#elements !== undefined) return this.#elements.findNotUtf8(from, to) === undefined;
    const at = this.#get(COLUMN.values);
    return isUtf8(this.#kernel.memory.bytes.subarray(at + from, at + to));
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
    const size = this.#hasEnds ? this.#endOf(rows) : sizeOf(this.#layout.bytes, rows);
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
      this.#move(COLUMN.values, sizeOf(this.#layout.bytes, held), sizeOf(this.#layout.bytes, rows));
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
