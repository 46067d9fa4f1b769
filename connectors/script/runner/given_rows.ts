import type { Row, Value } from "../../../contract/script/sluice.d.ts";
import { digitsOf } from "../sandbox/exact_value.ts";
import type { Cell, CellKind, RowTexts } from "../sandbox/row_texts.ts";

/** Puts the rows of a payload into the list, and returns its key; see RowTexts. */
export function readRows(payload: Uint8Array, into: Row[]): string {
  const { key, columns, rows }: RowTexts = JSON.parse(new TextDecoder().decode(payload));
  const readers = columns.map(({ name, kind }) => ({ name, read: READERS[kind] }));
  for (const cells of rows) {
    const values = readers.map(({ name, read }, at): [string, Value] => {
      const cell = cells[at];
      return [name, cell === undefined || cell === null ? null : read(cell)];
    });
    into.push(Object.fromEntries(values));
  }
  return key;
}

const READERS: Readonly<Record<CellKind, (cell: Cell) => Value>> = {
  plain: (cell) => cell,
  decimal: (cell) => cell,
  date: (cell) => cell,
  time: (cell) => cell,
  timestamp: (cell) => cell,
  timestamptz: (cell) => cell,
  integer: (cell) => wholeNumber(String(cell)),
  float: (cell) => typeof cell === "string" ? Number(cell) : cell,
  bytes: (cell) => Uint8Array.fromBase64(String(cell)),
  json: (cell) => JSON.parse(String(cell), exactJson),
};

/** Of digits: a bigint where a number would lose some. */
export const wholeNumber = (text: string): number | bigint =>
  Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text);

/** For JSON.parse: of numbers that a double would change whole ones as bigint, others as their text. */
export function exactJson(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source;
  if (typeof value !== "number" || source === undefined) return value;
  if (/^-?\d+$/.test(source)) return source === "-0" ? -0 : wholeNumber(source);
  return digitsOf(source) === digitsOf(String(value)) ? value : source;
}
