import { type Data, DataType, type Field } from "apache-arrow";
import type { ColumnType } from "../column_type.ts";
import type { Cells } from "./cells.ts";
import { type Fit, fitOf, UnfitValueError } from "./fit.ts";
import { type SourceKind, sourceKind, textReader } from "./source_values.ts";

/** Writes the value of a row, which is not NULL; rows count within the data. Throws UnfitValueError. */
export type PutValue = (row: number, cells: Cells) => void;

/** Writes the values of one column of Arrow as what one column of a table takes. */
export interface ColumnEncoder {
  bind(data: Data): PutValue;
  /** A value as a message shows it. */
  show(data: Data, row: number): string;
}

const MAX_SHOWN = 100;

/** Undefined where no value of such a field can go into such a column. */
export function encoderOf(field: Field, column: ColumnType): ColumnEncoder | undefined {
  const kind = sourceKind(field);
  const bind = bytesBinder(kind, column) ?? directBinder(field, kind, column) ??
    fittedBinder(field, kind, column);
  return bind && {
    bind,
    show: (data, row) => kind === "bytes" ? "a binary" : textReader(field, data)(row).slice(0, MAX_SHOWN),
  };
}

type Bind = ColumnEncoder["bind"];

const isVariable = ({ type }: Field): boolean =>
  DataType.isUtf8(type) || DataType.isLargeUtf8(type) || DataType.isBinary(type) ||
  DataType.isLargeBinary(type);

/** Where the bytes of a row begin and end. */
function boundsOf({ type, valueOffsets }: Data): (row: number) => number {
  if (DataType.isFixedSizeBinary(type)) return (row) => row * type.byteWidth;
  return (row) => Number(valueOffsets[row] ?? 0);
}

function bytesBinder(kind: SourceKind, column: ColumnType): Bind | undefined {
  if (kind !== "bytes" || column.kind !== "bytes") return undefined;
  const { maxBytes, isFixed } = column;
  return (data) => {
    const bytes: Uint8Array = data.values;
    const bound = boundsOf(data);
    return (row, cells) => {
      const [from, to] = [bound(row), bound(row + 1)];
      if (to - from > maxBytes || (isFixed && to - from !== maxBytes)) throw new UnfitValueError();
      cells.binary(bytes, from, to);
    };
  };
}

/** What goes as it is, without a text in between. */
function directBinder(field: Field, kind: SourceKind, column: ColumnType): Bind | undefined {
  if (column.kind === "text") return textBinder(field, kind, column);
  if (column.kind === "double" && !column.isUnsigned && column.scale === undefined) {
    return DataType.isFloat(field.type) ? bindDouble : undefined;
  }
  const isNatural = column.kind === "integer" && DataType.isInt(field.type) && fitsWhole(field.type, column);
  return isNatural ? bindInteger : undefined;
}

const bindInteger: Bind = ({ values }) => (row, cells) => cells.ascii(String(values[row]));

const bindDouble: Bind = ({ values }) => (row, cells) => {
  const value: number = values[row];
  if (!Number.isFinite(value)) throw new UnfitValueError();
  cells.ascii(Object.is(value, -0) ? "-0" : String(value));
};

/** Whether every integer of the type is one of the column. */
function fitsWhole(
  { bitWidth, isSigned }: { readonly bitWidth: number; readonly isSigned: boolean },
  { min, max }: { readonly min: bigint; readonly max: bigint },
): boolean {
  const span = 1n << BigInt(bitWidth);
  return isSigned ? min <= -span / 2n && max >= span / 2n - 1n : min <= 0n && max >= span - 1n;
}

/** Texts of UTF-8 into columns of it, whose bytes are just those. */
function textBinder(
  field: Field,
  kind: SourceKind,
  { charset, isChar, maxCharacters, maxBytes, isJson }: Extract<ColumnType, { kind: "text" }>,
): Bind | undefined {
  if (isJson && kind !== "json") return undefined;
  if ((kind !== "text" && kind !== "json") || !isVariable(field) || charset !== "utf8mb4" || isChar) {
    return undefined;
  }
  const limit = maxCharacters ?? maxBytes ?? 0;
  const countsCharacters = maxCharacters !== undefined;
  return (data) => {
    const bytes: Uint8Array = data.values;
    const bound = boundsOf(data);
    return (row, cells) => {
      const [from, to] = [bound(row), bound(row + 1)];
      if (to - from > limit && (!countsCharacters || countCharacters(bytes, from, to) > limit)) {
        throw new UnfitValueError();
      }
      cells.text(bytes, from, to);
    };
  };
}

/** Bytes of UTF-8 that begin a character. */
function countCharacters(bytes: Uint8Array, from: number, to: number): number {
  let count = 0;
  for (let i = from; i < to; i++) if (((bytes[i] ?? 0) & 0xc0) !== 0x80) count++;
  return count;
}

const encoder = new TextEncoder();

function fittedBinder(field: Field, kind: SourceKind, column: ColumnType): Bind | undefined {
  const fit = fitOf(kind, column);
  if (fit === undefined) return undefined;
  return (data) => {
    const read = textReader(field, data);
    if (column.kind === "bit") return bitPutter(read, fit, column.bits);
    const isPlain = !["text", "enum", "set", "json"].includes(column.kind);
    return (row, cells) => {
      const text = fit(read(row));
      if (isPlain) return cells.ascii(text);
      const bytes = encoder.encode(text);
      cells.text(bytes, 0, bytes.length);
    };
  };
}

/** A text of digits would be taken for the bits of its characters. */
function bitPutter(read: (row: number) => string, fit: Fit, bits: number): PutValue {
  const bytes = new Uint8Array(Math.ceil(bits / 8));
  return (row, cells) => {
    let value = BigInt(fit(read(row)));
    for (let i = bytes.length - 1; i >= 0; i--, value >>= 8n) bytes[i] = Number(value & 0xffn);
    cells.binary(bytes, 0, bytes.length);
  };
}
