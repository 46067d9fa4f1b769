import type { ArgumentColumn } from "../sandbox/call_layout.ts";
import type { ArgumentKind } from "../sandbox/frames.ts";
import { exactJson, wholeNumber } from "./given_rows.ts";

/** The arguments of one parameter as values of the script, NULL as null; see ArgumentColumn. */
export function readArguments(kind: ArgumentKind, column: ArgumentColumn, rows: number): unknown[] {
  const values = READERS[kind](column, rows);
  const { validity } = column;
  if (validity.length === 0) return values;
  for (let i = 0; i < rows; i++) {
    if (((validity[i >> 3] ?? 0) & (1 << (i & 7))) === 0) values[i] = null;
  }
  return values;
}

type Reader = (column: ArgumentColumn, rows: number) => unknown[];

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const readTexts = ({ offsets: ends, values }: ArgumentColumn, rows: number): string[] => {
  const offsets = new Int32Array(ends.buffer, ends.byteOffset, rows + 1);
  const all = decoder.decode(values);
  // Cut out of one text they need no call each; only where a character is a byte are their places known.
  const text = all.length === values.length
    ? (from: number, to: number) => all.slice(from, to)
    : (from: number, to: number) => decoder.decode(values.subarray(from, to));
  const texts: string[] = new Array(rows);
  for (let i = 0; i < rows; i++) texts[i] = text(offsets[i] ?? 0, offsets[i + 1] ?? 0);
  return texts;
};

const readLongs = ({ values: { buffer, byteOffset } }: ArgumentColumn, rows: number): (number | bigint)[] => {
  const longs = new BigInt64Array(buffer, byteOffset, rows);
  const words = new Int32Array(buffer, byteOffset, 2 * rows);
  const numbers: (number | bigint)[] = new Array(rows);
  for (let i = 0; i < rows; i++) {
    const low = words[2 * i] ?? 0;
    const high = words[2 * i + 1] ?? 0;
    // Most are small, and no bigint need be made of them.
    if (high === low >> 31) {
      numbers[i] = low;
      continue;
    }
    const long = longs[i] ?? 0n;
    const number = Number(long);
    numbers[i] = Number.isSafeInteger(number) ? number : long;
  }
  return numbers;
};

/** Texts of NULL rows are empty and have no meaning. */
const readEach = (column: ArgumentColumn, rows: number, read: (text: string) => unknown): unknown[] =>
  readTexts(column, rows).map((text) => text === "" ? null : read(text));

const READERS: Readonly<Record<ArgumentKind, Reader>> = {
  boolean: ({ values }, rows) =>
    Array.from({ length: rows }, (_, i) => ((values[i >> 3] ?? 0) & (1 << (i & 7))) !== 0),
  int32: ({ values }, rows) => Array.from(new Int32Array(values.buffer, values.byteOffset, rows)),
  int64: readLongs,
  double: ({ values }, rows) => Array.from(new Float64Array(values.buffer, values.byteOffset, rows)),
  text: readTexts,
  json: (column, rows) => readEach(column, rows, (text) => JSON.parse(text, exactJson)),
  integer: (column, rows) => readEach(column, rows, wholeNumber),
  bytes: ({ offsets: ends, values }, rows) => {
    const offsets = new Int32Array(ends.buffer, ends.byteOffset, rows + 1);
    return Array.from({ length: rows }, (_, i) => values.slice(offsets[i], offsets[i + 1]));
  },
};
