import type { ColumnLayout, ColumnType } from "../sandbox/batch_layout.ts";
import type { Arena } from "./arena.ts";
import { frozen, JsonText, RowError } from "./cell.ts";
import { CellError } from "./cell_error.ts";
import { ENCODERS } from "./encoders.ts";

/** What kinds of values a column has had: a bit each. */
const BOOLEAN = 1;
/** A whole number of at most 2^53, or a bigint that 64 bits hold. */
const INTEGER = 2;
/** An integer that a double may not hold. */
const LONG = 4;
/** One that needs 128 bits, and one that needs more. */
const HUGE = 8;
const ENDLESS = 16;
const REAL = 32;
const TEXT = 64;
const INSTANT = 128;
const BYTES = 256;
const NESTED = 512;

const NUMBERS = INTEGER | LONG | HUGE | ENDLESS | REAL;

const isInBits = (value: bigint, bits: number): boolean => BigInt.asIntN(bits, value) === value;

/** One column of the rows: its values until the batch is full, and its type by all values that it has had. */
export class Column {
  readonly name: string;
  /** Of the rows of this batch so far, null where there is none; behind them is what batches before it have left. */
  readonly values: unknown[] = [];
  #length = 0;
  #there = 0;
  #kinds = 0;
  type: ColumnType | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** Keeps a value; returns about how much room it takes, beyond a few bytes. Throws RowError. */
  put(at: number, given: unknown): number {
    if (given === null || given === undefined) return 0;
    if (this.#length < at) this.#pad(at);
    if (typeof given !== "object") {
      this.values[at] = given;
      this.#length = at + 1;
      this.#there++;
      return typeof given === "string" ? given.length : 0;
    }
    const value = frozen(given);
    if (value === null || value === undefined) return 0;
    this.values[at] = value;
    this.#length = at + 1;
    this.#there++;
    return value instanceof JsonText ? value.text.length : value instanceof Uint8Array ? value.length : 0;
  }

  /** Whether this batch has a value, or any before it. */
  get isKnown(): boolean {
    return this.type !== undefined || this.#there > 0;
  }

  /** Writes the first `rows` values into the frame. `fallback` is the type where there has been no value. Throws RowError with `firstRow` + n. */
  encode(arena: Arena, rows: number, firstRow: number, fallback: ColumnType): ColumnLayout {
    this.#pad(rows);
    const nulls = rows - this.#there;
    const mark = arena.used;
    for (;;) {
      const type = this.type ?? this.#typeBy(rows, firstRow) ?? fallback;
      arena.rewind(mark);
      this.#writeBitmap(arena, rows, nulls);
      try {
        const bytes = ENCODERS[type](this.values, rows, arena);
        if (bytes !== undefined) return { name: this.name, type, nulls, bytes };
      } catch (error) {
        throw this.#placed(error, rows, firstRow);
      }
      // A value of another kind: the type is the one that holds this batch's too.
      this.type = undefined;
      this.type = this.#typeBy(rows, firstRow);
    }
  }

  /** Forgets the values of the batch. */
  clear(): void {
    this.#length = 0;
    this.#there = 0;
  }

  /** Rows up to there that have not had a value have none. */
  #pad(end: number): void {
    for (let i = this.#length; i < end; i++) this.values[i] = null;
    this.#length = Math.max(this.#length, end);
  }

  #typeBy(rows: number, firstRow: number): ColumnType | undefined {
    for (let i = 0; i < rows; i++) {
      const value = this.values[i];
      if (value === null) continue;
      const kind = kindOf(value);
      if (kind === 0) {
        throw new RowError(`row ${firstRow + i}, column "${this.name}": a ${typeof value} cannot be stored`);
      }
      this.#kinds |= kind;
    }
    if ((this.#kinds & BYTES) !== 0 && this.#kinds !== BYTES) {
      throw new RowError(`column "${this.name}" has bytes in some rows and other values in others`);
    }
    return this.type = typeOf(this.#kinds);
  }

  #writeBitmap(arena: Arena, rows: number, nulls: number): void {
    if (nulls === 0) return;
    const at = arena.zeros(Math.ceil(rows / 8));
    const { bytes } = arena;
    const { values } = this;
    for (let i = 0; i < rows; i++) {
      if (values[i] !== null) bytes[at + (i >> 3)] = (bytes[at + (i >> 3)] ?? 0) | 1 << (i & 7);
    }
  }

  /** An encoder knows the place of a value in the batch only. */
  #placed(error: unknown, rows: number, firstRow: number): unknown {
    if (!(error instanceof CellError)) return error;
    return new RowError(
      `row ${firstRow + Math.min(error.row, rows)}, column "${this.name}": ${error.message}`,
    );
  }
}

function kindOf(value: unknown): number {
  switch (typeof value) {
    case "boolean":
      return BOOLEAN;
    case "number":
      return Number.isSafeInteger(value) ? INTEGER : REAL;
    case "bigint":
      if (isInBits(value, 54)) return INTEGER;
      return isInBits(value, 64) ? INTEGER | LONG : isInBits(value, 128) ? HUGE : ENDLESS;
    case "string":
      return TEXT;
    case "object":
      return value instanceof JsonText ? NESTED : value instanceof Date ? INSTANT : BYTES;
    default:
      return 0;
  }
}

/** The type that holds values of all the kinds exactly; undefined for none. */
function typeOf(kinds: number): ColumnType | undefined {
  if (kinds === 0) return undefined;
  if ((kinds & ~NUMBERS) === 0) {
    if ((kinds & REAL) !== 0) return (kinds & (LONG | HUGE | ENDLESS)) !== 0 ? "text" : "double";
    return (kinds & ENDLESS) !== 0 ? "text" : (kinds & HUGE) !== 0 ? "int128" : "int64";
  }
  switch (kinds) {
    case BOOLEAN:
      return "boolean";
    case TEXT:
      return "text";
    case INSTANT:
      return "timestamp";
    case BYTES:
      return "blob";
    default:
      return "json";
  }
}
