import { ConnectionLostError } from "../../../network/failures.ts";
import { NOT_THE_PROTOCOL } from "../../session/server_error.ts";

/** Rows that are indexed before their columns are decoded: they fit the processor's cache. */
export const INDEX_ROWS = 1_024;
/** Places a column: not a power of two, by which all columns' places would fall into one set of the cache. */
export const INDEX_STRIDE = INDEX_ROWS + 16;

const HEADER_BYTES = 4;
const NULL_MARK = 0xfb;
const SHORT_MARK = 0xfc;
const MEDIUM_MARK = 0xfd;
const LONG_MARK = 0xfe;

/**
 * Where the values of some rows stand in a buffer of the server's bytes. Row `r` of column `c` is at
 * `offsets[c * INDEX_STRIDE + r]` and has `lengths[c * INDEX_STRIDE + r]` bytes; -1 is NULL.
 */
export interface RowIndex {
  readonly bytes: Uint8Array;
  readonly offsets: Int32Array;
  readonly lengths: Int32Array;
}

/**
 * Finds the values of up to `room` rows from `start` on, and returns where the next row begins and how
 * many there are. A row is its values one after the other, each with its length before it.
 * Source: https://mariadb.com/kb/en/result-set-packets/#text-resultset-row
 */
export function indexRows(
  { bytes, offsets, lengths }: RowIndex,
  { start, end, isFramed }: { readonly start: number; readonly end: number; readonly isFramed: boolean },
  columns: number,
  room: number,
): { readonly at: number; readonly rows: number } {
  let at = start;
  let row = 0;
  while (at < end && row < room) {
    const rowEnd = isFramed
      ? at + HEADER_BYTES + ((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16))
      : end;
    if (isFramed) at += HEADER_BYTES;
    for (let slot = row, last = row + columns * INDEX_STRIDE; slot < last; slot += INDEX_STRIDE) {
      let length = bytes[at++] ?? 0;
      if (length >= NULL_MARK) {
        if (length === NULL_MARK) {
          lengths[slot] = -1;
          continue;
        }
        const size = sizeOfLength(length);
        length = uintAt(bytes, at, size);
        at += size;
      }
      offsets[slot] = at;
      lengths[slot] = length;
      at += length;
    }
    if (at !== rowEnd) {
      throw new ConnectionLostError(`${NOT_THE_PROTOCOL}: a row does not end where its packet does`);
    }
    row++;
  }
  return { at, rows: row };
}

function sizeOfLength(mark: number): number {
  if (mark === SHORT_MARK) return 2;
  if (mark === MEDIUM_MARK) return 3;
  if (mark === LONG_MARK) return 8;
  throw new ConnectionLostError(`${NOT_THE_PROTOCOL}: a value without a length`);
}

function uintAt(bytes: Uint8Array, at: number, size: number): number {
  let value = 0;
  for (let i = size - 1; i >= 0; i--) value = value * 256 + (bytes[at + i] ?? 0);
  return value;
}
