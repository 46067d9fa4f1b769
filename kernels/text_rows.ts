import type { ColumnKernel } from "./column.ts";
import { TEXT_ROWS_WASM } from "./compiled/text_rows.ts";
import { startKernel } from "./instance.ts";
import { KernelMemory } from "./memory.ts";

/** How a column is decoded; kernels/assembly/text_rows.as has the same numbers. */
export const KIND = {
  integer: 0,
  bool: 1,
  bits: 2,
  float: 3,
  double: 4,
  decimal: 5,
  date: 6,
  timestamp: 7,
  time: 8,
  uuid: 9,
  bytes: 10,
} as const;

/** What ended a call. */
export const OUTCOME = { done: 0, needsRoom: 1, wrongEnd: 2, unfit: 3 } as const;

/** What the kernel may touch behind its input and behind each column's bytes. */
export const SLACK_BYTES = 32;

/** The kernel that decodes rows of MySQL's text protocol; kernels/assembly/text_rows.as says what its functions do. */
export interface TextRows extends ColumnKernel {
  decodeRows(
    columns: number,
    columnCount: number,
    at: number,
    enough: number,
    isFramed: boolean,
    row: number,
    rows: number,
  ): number;
  /** Why the last call of `decodeRows` ended, at which row's begin and with which column. */
  readonly outcome: { readonly value: number };
  readonly stoppedAt: { readonly value: number };
  readonly column: { readonly value: number };
  /** Where the value is that does not fit, and its length; or how much room is needed. */
  readonly valueAt: { readonly value: number };
  readonly length: { readonly value: number };
}

export function startTextRows(): TextRows {
  // Called while the kernel decodes, when its memory is known.
  const parseNumber = (at: number, length: number): number =>
    numberOf(memory.bytes.subarray(at, at + length));
  // The compiler checked them: a test compiles the kernel again and compares.
  const exports = startKernel(TEXT_ROWS_WASM, { parseNumber }) as unknown as Omit<TextRows, "memory"> & {
    readonly memory: WebAssembly.Memory;
  };
  const memory = new KernelMemory(exports.memory);
  return { ...exports, memory };
}

const NUMBER = /^-?\d*\.?\d+(?:e[-+]?\d+)?$/;
const latin1 = new TextDecoder("latin1");

/** A finite number to the last bit; NaN for what is none. */
function numberOf(bytes: Uint8Array): number {
  const text = latin1.decode(bytes);
  const value = NUMBER.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : Number.NaN;
}
