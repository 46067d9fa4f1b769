import { VECTORS_WASM } from "./compiled/vectors.ts";
import { startKernel } from "./instance.ts";
import { KernelMemory, KernelPiece } from "./memory.ts";

/** What `checkStrings` finds. */
export const STRINGS = { whole: 0, goBack: 1, cut: 2 } as const;

/** What `fillCells` may read behind the bytes of strings. */
const SLACK_BYTES = 16;

/** kernels/assembly/vectors.as says what these do. */
interface VectorFunctions {
  checkStrings(bytes: number, size: number, offsets: number, count: number, isText: boolean): number;
  fillCells(bytes: number, offsets: number, count: number, heap: bigint, cells: number): void;
  fillDecimals(
    values: number,
    words: number,
    row: number,
    count: number,
    limitLow: bigint,
    limitHigh: bigint,
    bytes: number,
    target: number,
  ): number;
  fillBooleans(bits: number, first: number, count: number, target: number): void;
  fillUuids(values: number, count: number, target: number): void;
}

/**
 * Makes the bytes of DuckDB's vectors of Arrow's arrays. What it returns is its own memory, and holds until
 * the next call.
 */
export class VectorKernel {
  readonly #functions: VectorFunctions;
  readonly #memory: KernelMemory;
  readonly #source: KernelPiece;
  readonly #offsets: KernelPiece;
  readonly #target: KernelPiece;

  constructor() {
    // The compiler checked them: a test compiles the kernel again and compares.
    const exports = startKernel(VECTORS_WASM) as unknown as VectorFunctions & {
      readonly memory: WebAssembly.Memory;
    };
    this.#functions = exports;
    this.#memory = new KernelMemory(exports.memory);
    this.#source = new KernelPiece(this.#memory);
    this.#offsets = new KernelPiece(this.#memory);
    this.#target = new KernelPiece(this.#memory);
  }

  /** Takes strings in: their bytes, and `count` + 1 offsets, of which the first is that of the bytes. */
  takeStrings(bytes: Uint8Array, offsets: Int32Array, isText: boolean): number {
    const source = this.#source.put(bytes, SLACK_BYTES);
    const places = this.#offsets.put(
      new Uint8Array(offsets.buffer, offsets.byteOffset, offsets.byteLength),
    );
    return this.#functions.checkStrings(source, bytes.length, places, offsets.length - 1, isText);
  }

  /** The cells of the `count` strings that were taken in, whose bytes DuckDB has at the address `heap`. */
  cells(count: number, heap: bigint): Uint8Array<ArrayBuffer> {
    const target = this.#target.reserve(count * 16);
    this.#functions.fillCells(this.#source.at, this.#offsets.at, count, heap, target);
    return this.#memory.bytes.subarray(target, target + count * 16);
  }

  /**
   * Decimals of `words` 32-bit words as integers of `bytes` bytes. `onBeyond` is told of each row whose
   * absolute value is not below `limit`; where it returns, the row may hold anything.
   */
  decimals(
    values: Uint8Array,
    { words, bytes, limit }: { readonly words: number; readonly bytes: number; readonly limit: bigint },
    count: number,
    onBeyond: (row: number) => void,
  ): Uint8Array<ArrayBuffer> {
    const source = this.#source.put(values);
    const target = this.#target.reserve(count * bytes);
    const [low, high] = [BigInt.asUintN(64, limit), limit >> 64n];
    for (let row = 0; row < count; row++) {
      row = this.#functions.fillDecimals(source, words, row, count, low, high, bytes, target);
      if (row < count) onBeyond(row);
    }
    return this.#memory.bytes.subarray(target, target + count * bytes);
  }

  /** Bits from bit `first` on, a byte each. */
  booleans(bits: Uint8Array, first: number, count: number): Uint8Array<ArrayBuffer> {
    const source = this.#source.put(bits);
    const target = this.#target.reserve(count);
    this.#functions.fillBooleans(source, first, count, target);
    return this.#memory.bytes.subarray(target, target + count);
  }

  /** UUIDs as RFC 9562 writes them, as DuckDB's HUGEINTs. */
  uuids(values: Uint8Array, count: number): Uint8Array<ArrayBuffer> {
    const source = this.#source.put(values);
    const target = this.#target.reserve(count * 16);
    this.#functions.fillUuids(source, count, target);
    return this.#memory.bytes.subarray(target, target + count * 16);
  }
}
