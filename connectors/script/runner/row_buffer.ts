import type { ColumnType } from "../sandbox/batch_layout.ts";
import { HEAD_BYTES as HEAD } from "../sandbox/frames.ts";
import type { Arena } from "./arena.ts";
import { RowError } from "./cell.ts";
import { Column } from "./column.ts";

/** Rows of a batch. */
const MAX_ROWS = 16_384;
/** Values of a batch, before the row that goes beyond it. */
const MAX_CELLS = 1_000_000;
/** About so many bytes of texts in a batch, before the row that goes beyond it. */
const MAX_WEIGHT = 4 * 1024 * 1024;
const MAX_COLUMNS = 10_000;
const MAX_ROW_BYTES = 100 * 1024 * 1024;
/** What a column is that has had no value at all. */
const UNKNOWN: ColumnType = "text";

/** Takes the rows that a script gives, whatever their form, and makes frames of them. */
export class RowBuffer {
  readonly #columns: Column[] = [];
  readonly #byName = new Map<string, Column>();
  /** Keys of the last row that was an object, and their columns. */
  #keys: readonly string[] = [];
  #keyColumns: readonly Column[] = [];
  #declared: readonly Column[] | undefined;
  /** In the batch. */
  #rows = 0;
  #weight = 0;
  /** In the batches before it. */
  #before = 0;
  #hasBatch = false;

  get isFull(): boolean {
    return this.#rows >= MAX_ROWS || this.#weight >= MAX_WEIGHT ||
      this.#rows * this.#columns.length >= MAX_CELLS;
  }

  get isEmpty(): boolean {
    return this.#rows === 0;
  }

  /** All rows so far. */
  get total(): number {
    return this.#before + this.#rows;
  }

  /** The names of the values of rows that are arrays. Throws RowError. */
  declare(names: readonly unknown[]): void {
    this.#declared = names.map((name) => {
      if (typeof name !== "string") throw new RowError(`ctx.columns: ${String(name)} is no name of a column`);
      return this.#columnOf(name);
    });
    if (new Set(names).size < names.length) throw new RowError("ctx.columns: a name comes twice");
  }

  /** Takes rows from `from` on until the batch is full; returns the place of the first that is left. Throws RowError. */
  takeArrays(rows: readonly unknown[], from: number): number {
    const columns = this.#declared;
    if (columns === undefined) {
      throw new RowError(
        'rows that are arrays need names for their values: call ctx.columns(["id", "name"]) before the first of them',
      );
    }
    let next = from;
    for (; next < rows.length && !this.isFull; next++) {
      const row = rows[next];
      if (!Array.isArray(row) || row.length !== columns.length) throw this.#wrongArray(row, columns.length);
      const at = this.#rows;
      for (let c = 0; c < columns.length; c++) {
        const column = columns[c];
        if (column !== undefined) this.#put(column, at, row[c]);
      }
      this.#rows = at + 1;
    }
    return next;
  }

  takeObjects(rows: readonly unknown[], from: number): number {
    let next = from;
    for (; next < rows.length && !this.isFull; next++) this.takeObject(rows[next]);
    return next;
  }

  takeObject(row: unknown): void {
    if (typeof row !== "object" || row === null || Array.isArray(row)) {
      throw new RowError(`row ${this.total + 1} is ${shown(row)}, expected an object as those before it`);
    }
    const keys = Object.keys(row);
    if (!isSame(keys, this.#keys)) {
      this.#keyColumns = keys.map((key) => this.#columnOf(key));
      this.#keys = keys;
    }
    const columns = this.#keyColumns;
    const at = this.#rows;
    const values: Readonly<Record<string, unknown>> = row as Record<string, unknown>;
    for (let c = 0; c < columns.length; c++) {
      const column = columns[c];
      if (column !== undefined) this.#put(column, at, values[column.name]);
    }
    this.#rows = at + 1;
  }

  /** Takes columns of values from `from` on likewise. */
  takeColumns(columns: ReadonlyMap<string, ArrayLike<unknown>>, rows: number, from: number): number {
    const end = Math.min(rows, from + MAX_ROWS - this.#rows);
    const start = this.#rows;
    for (const [name, values] of columns) {
      const column = this.#columnOf(name);
      for (let i = from; i < end; i++) this.#put(column, start + i - from, values[i]);
    }
    this.#rows += end - from;
    return end;
  }

  /**
   * Writes the rows into a frame and forgets them; false where there is nothing to write. `isLast`: all columns are
   * named now, those that have had no value too. Throws RowError.
   */
  encode(arena: Arena, isLast: boolean): boolean {
    const rows = this.#rows;
    const isAsked = rows > 0 || isLast && this.#columns.length > 0 &&
        (!this.#hasBatch || this.#columns.some(({ type }) => type === undefined));
    if (!isAsked) return false;
    arena.clear();
    const isKnown = this.#columns.filter((column) => column.isKnown);
    // A column without a value yet may become anything: it is left out, but where it is all that there is.
    const written = isLast || isKnown.length === 0 ? this.#columns : isKnown;
    if (written.length === 0) throw new RowError(`row ${this.#before + 1} has no column at all`);
    const columns = written.map((column) => column.encode(arena, rows, this.#before + 1, UNKNOWN));
    if (arena.used > MAX_ROW_BYTES) {
      throw new RowError(`rows ${this.#before + 1} to ${this.total} are too large: one has at most 64 MB`);
    }
    const end = arena.used;
    arena.append(new TextEncoder().encode(JSON.stringify({ rows, columns })));
    new DataView(arena.bytes.buffer, HEAD, 8).setUint32(0, end - HEAD, true);
    for (const column of this.#columns) column.clear();
    this.#before += rows;
    this.#rows = 0;
    this.#weight = 0;
    this.#hasBatch = true;
    return true;
  }

  #put(column: Column, at: number, value: unknown): void {
    try {
      this.#weight += column.put(at, value);
    } catch (error) {
      if (!(error instanceof RowError)) throw error;
      throw new RowError(`row ${this.#before + at + 1}, column "${column.name}": ${error.message}`);
    }
  }

  #columnOf(name: string): Column {
    const key = name.toLowerCase();
    const found = this.#byName.get(key);
    if (found !== undefined) {
      if (found.name === name) return found;
      throw new RowError(`row ${this.total + 1}: "${found.name}" and "${name}" would be the same column`);
    }
    if (name === "" || name.length > 1000) {
      throw new RowError(
        `row ${this.total + 1}: ${JSON.stringify(name.slice(0, 50))} is no name of a column`,
      );
    }
    if (this.#columns.length >= MAX_COLUMNS) {
      throw new RowError(`row ${this.total + 1}: there are more than ${MAX_COLUMNS} columns`);
    }
    const column = new Column(name);
    this.#columns.push(column);
    this.#byName.set(key, column);
    return column;
  }

  #wrongArray(row: unknown, columns: number): RowError {
    const at = `row ${this.total + 1}`;
    if (!Array.isArray(row)) {
      return new RowError(`${at} is ${shown(row)}, expected an array as those before it`);
    }
    return new RowError(`${at} has ${row.length} values, expected the ${columns} of ctx.columns`);
  }
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  if (one.length !== other.length) return false;
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
}

/** A value for an error's message. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
