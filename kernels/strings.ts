import { STRINGS_WASM } from "./compiled/strings.ts";
import { startKernel } from "./instance.ts";
import { KernelMemory, KernelPiece } from "./memory.ts";

/** What may be read and written behind strings. */
const SLACK_BYTES = 16;
const SPAN_BYTES = 24;

/** kernels/assembly/strings.as says what these do. */
interface StringFunctions {
  weigh(cells: number, validity: number, row: number, end: number): number;
  findSpans(cells: number, validity: number, row: number, end: number, gap: number, spans: number): number;
  gather(
    cells: number,
    validity: number,
    row: number,
    end: number,
    runs: number,
    runCount: number,
    target: number,
    ends: number,
    base: number,
  ): number;
}

/** A stretch of foreign memory by its addresses. */
export interface Span {
  start: number;
  end: number;
  /** A row whose cell points to `start`. */
  row: number;
}

export interface Gathered {
  /** The strings one behind the other. */
  readonly bytes: Uint8Array;
  /** Where each ends, 32-bit integers. */
  readonly ends: Uint8Array;
}

/**
 * Brings DuckDB's strings together. Each function is given the cells from row 0 on, and the bits of the rows that
 * have a value, where not all have one. What it returns is its own memory, and holds until the next call.
 */
export class StringKernel {
  readonly #functions: StringFunctions;
  readonly #memory: KernelMemory;
  readonly #cells: KernelPiece;
  readonly #validity: KernelPiece;
  readonly #spans: KernelPiece;
  readonly #source: KernelPiece;
  readonly #target: KernelPiece;
  readonly #ends: KernelPiece;
  /** Where the bits are; 0 where all rows have a value. */
  #bits = 0;

  constructor() {
    // The compiler checked them: a test compiles the kernel again and compares.
    const exports = startKernel(STRINGS_WASM) as unknown as StringFunctions & {
      readonly memory: WebAssembly.Memory;
    };
    this.#functions = exports;
    this.#memory = new KernelMemory(exports.memory);
    this.#cells = new KernelPiece(this.#memory);
    this.#validity = new KernelPiece(this.#memory);
    this.#spans = new KernelPiece(this.#memory);
    this.#source = new KernelPiece(this.#memory);
    this.#target = new KernelPiece(this.#memory);
    this.#ends = new KernelPiece(this.#memory);
  }

  /** Takes the cells in that the other functions are about. */
  take(cells: Uint8Array, validity: Uint8Array | undefined): void {
    this.#cells.put(cells);
    this.#bits = validity === undefined ? 0 : this.#validity.put(validity);
  }

  /** Bytes of the strings of some rows. */
  weigh(start: number, count: number): number {
    return this.#functions.weigh(this.#cells.at, this.#bits, start, start + count);
  }

  /** Where strings that are longer than a cell lie; one less than `gap` bytes behind the last belongs to it. */
  spans(start: number, count: number, gap: number): Span[] {
    const at = this.#spans.reserve(count * SPAN_BYTES);
    const found = this.#functions.findSpans(this.#cells.at, this.#bits, start, start + count, gap, at);
    const { view } = this.#memory;
    return Array.from({ length: found }, (_, i) => {
      const place = at + i * SPAN_BYTES;
      return {
        start: view.getFloat64(place, true),
        end: view.getFloat64(place + 8, true),
        row: view.getFloat64(place + 16, true),
      };
    });
  }

  /**
   * The strings of some rows, which take `sizeBytes`; ends count from `base` on. `runs` are where the long ones lie,
   * in order and apart, each with its bytes. Undefined where one lies outside of them.
   */
  gather(
    start: number,
    count: number,
    runs: readonly { readonly start: number; readonly bytes: Uint8Array }[],
    sizeBytes: number,
    base: number,
  ): Gathered | undefined {
    const table = this.#spans.reserve(Math.max(runs.length, 1) * SPAN_BYTES);
    const source = this.#source.reserve(runs.reduce((sum, { bytes }) => sum + bytes.length, SLACK_BYTES));
    const target = this.#target.reserve(sizeBytes + SLACK_BYTES);
    const ends = this.#ends.reserve(count * 4);
    const { bytes: memory, view } = this.#memory;
    view.setFloat64(table, 1, true);
    view.setFloat64(table + 8, 0, true);
    let at = source;
    for (const [i, { start: address, bytes }] of runs.entries()) {
      const place = table + i * SPAN_BYTES;
      view.setFloat64(place, address, true);
      view.setFloat64(place + 8, address + bytes.length, true);
      view.setFloat64(place + 16, at, true);
      memory.set(bytes, at);
      at += bytes.length;
    }
    const rows = this.#functions.gather(
      this.#cells.at,
      this.#bits,
      start,
      start + count,
      table,
      Math.max(runs.length, 1),
      target,
      ends,
      base,
    );
    if (rows < count) return undefined;
    return {
      bytes: memory.subarray(target, target + sizeBytes),
      ends: memory.subarray(ends, ends + count * 4),
    };
  }
}
