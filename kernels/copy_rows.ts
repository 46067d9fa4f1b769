import { COPY_ROWS_WASM } from "./compiled/copy_rows.ts";
import type { ColumnKernel } from "./column.ts";
import { startKernel } from "./instance.ts";
import { KernelMemory } from "./memory.ts";

/** How a column is decoded; kernels/assembly/copy_rows.as has the same numbers. */
export const KIND = {
  bool: 0,
  word16: 1,
  word32: 2,
  word64: 3,
  date: 4,
  timestamp: 5,
  interval: 6,
  uuid: 7,
  numeric: 8,
  bytes: 9,
  list: 10,
} as const;

/** What ended a call. */
export const OUTCOME = {
  done: 0,
  complete: 1,
  needsRoom: 2,
  wrongColumnCount: 3,
  wrongEnd: 4,
  wrongLength: 5,
  notANumber: 6,
  tooManyDigits: 7,
  timeTooLate: 8,
  intervalTooLong: 9,
  tooManyDimensions: 10,
  wrongLowerBound: 11,
} as const;

/** What the kernel may touch behind its input and behind each column's bytes. */
export const SLACK_BYTES = 32;

/** The kernel that decodes PostgreSQL's binary COPY; kernels/assembly/copy_rows.as says what its functions do. */
export interface CopyRows extends ColumnKernel {
  passHeader(at: number): number;
  decodeRows(
    columns: number,
    columnCount: number,
    at: number,
    enough: number,
    first: number,
    row: number,
    rows: number,
  ): number;
  /** Why the last call of `decodeRows` ended, at which message and with which column. */
  readonly outcome: { readonly value: number };
  readonly stoppedAt: { readonly value: number };
  readonly column: { readonly value: number };
  readonly detail: { readonly value: number };
  readonly isElement: { readonly value: number };
}

export function startCopyRows(): CopyRows {
  // The compiler checked them: a test compiles the kernel again and compares.
  const exports = startKernel(COPY_ROWS_WASM) as unknown as Omit<CopyRows, "memory"> & {
    readonly memory: WebAssembly.Memory;
  };
  return { ...exports, memory: new KernelMemory(exports.memory) };
}
