import { type Data, DataType, type Field } from "apache-arrow";
import type { ColumnType } from "../column_type.ts";
import { type Bind, directBinder, type PutValue } from "./direct.ts";
import { type Fit, fitOf, UnfitValueError } from "./fit.ts";
import { type SourceKind, sourceKind, textReader } from "./source_values.ts";

/** Writes the values of one column of Arrow as what one column of a table takes. */
export interface ColumnEncoder {
  readonly bind: Bind;
  /** A value as a message shows it. */
  show(data: Data, row: number): string;
}

const MAX_SHOWN = 100;

/** Undefined where no value of such a field can go into such a column. */
export function encoderOf(field: Field, column: ColumnType): ColumnEncoder | undefined {
  const kind = sourceKind(field);
  const bind = bytesBinder(kind, column) ?? textBinder(field, kind, column) ??
    directBinder(field, kind, column) ??
    fittedBinder(field, kind, column);
  return bind && {
    bind,
    show: (data, row) => kind === "bytes" ? "a binary" : textReader(field, data)(row).slice(0, MAX_SHOWN),
  };
}

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

/** Texts of UTF-8 into columns of it, whose bytes are just those. */
function textBinder(
  field: Field,
  kind: SourceKind,
  column: ColumnType,
): Bind | undefined {
  if (column.kind !== "text") return undefined;
  const { charset, isChar, maxCharacters, maxBytes, isJson } = column;
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
