import { type Data, DataType, DateUnit, type Field } from "apache-arrow";
import type { ColumnType } from "../column_type.ts";
import type { Cells } from "./cells.ts";
import { UnfitValueError } from "./fit.ts";
import { calendarDay, type SourceKind, textReader } from "./source_values.ts";

/** Writes the value of a row, which is not NULL; rows count within the data. Throws UnfitValueError. */
export type PutValue = (row: number, cells: Cells) => void;
export type Bind = (data: Data) => PutValue;

/** What goes into its column as it is, so that no value has to be looked at by itself: see fit.ts for the others. */
export function directBinder(field: Field, kind: SourceKind, column: ColumnType): Bind | undefined {
  const { type } = field;
  switch (column.kind) {
    case "integer":
      if (!DataType.isInt(type) || !fitsWhole(type, column)) return undefined;
      return type.bitWidth === 64 ? bindInt64(type.isSigned) : bindInteger;
    case "decimal":
      return DataType.isDecimal(type) && type.bitWidth <= 128 && !column.isUnsigned && type.scale >= 0 &&
          type.scale <= column.scale && type.precision - type.scale <= column.precision - column.scale
        ? bindDecimal(field, type.scale, type.bitWidth / 32)
        : undefined;
    case "double":
      return DataType.isFloat(type) && !column.isUnsigned && column.scale === undefined
        ? bindDouble
        : undefined;
    case "date":
      return DataType.isDate(type) && type.unit === DateUnit.DAY ? bindDate : undefined;
    case "datetime":
      return kind === "timestamp" || kind === "timestamptz" ? bindMoment(field, column.digits) : undefined;
    case "uuid":
      return kind === "uuid" ? bindText(field) : undefined;
    default:
      return undefined;
  }
}

/** Whether every integer of the type is one of the column. */
function fitsWhole(
  { bitWidth, isSigned }: { readonly bitWidth: number; readonly isSigned: boolean },
  { min, max }: { readonly min: bigint; readonly max: bigint },
): boolean {
  const span = 1n << BigInt(bitWidth);
  return isSigned ? min <= -span / 2n && max >= span / 2n - 1n : min <= 0n && max >= span - 1n;
}

const bindInteger: Bind = ({ values }) => (row, cells) => cells.decimal(values[row], 0);

const HIGH_WORD = 0x1_0000_0000;
/** A high word within these bounds and any low one are a whole number that a double holds. */
const MAX_SAFE_HIGH = 0x001f_ffff;

const isSafe = (high: number): boolean => high <= MAX_SAFE_HIGH && high >= -MAX_SAFE_HIGH;

/** Without a bigint for each value. */
const bindInt64 = (isSigned: boolean): Bind => ({ values }) => {
  const words = wordsOf(values);
  return (row, cells) => {
    const high = words[row * 2 + 1] ?? 0;
    if (isSafe(high) && (isSigned || high >= 0)) {
      cells.decimal(high * HIGH_WORD + ((words[row * 2] ?? 0) >>> 0), 0);
    } else cells.ascii(String(values[row]));
  };
};

const bindDecimal = (field: Field, scale: number, words: number): Bind => (data) => {
  const read = textReader(field, data);
  const parts = wordsOf(data.values);
  return (row, cells) => {
    const at = row * words;
    const high = parts[at + 1] ?? 0;
    const rest = high >> 31;
    const isSmall = words === 2 || (words === 4 && parts[at + 2] === rest && parts[at + 3] === rest);
    if (words >= 2 && isSmall && isSafe(high)) {
      cells.decimal(high * HIGH_WORD + ((parts[at] ?? 0) >>> 0), scale);
    } else cells.ascii(read(row));
  };
};

function wordsOf(values: BigInt64Array | BigUint64Array | Uint32Array | Int32Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.byteLength / 4);
}

const bindDouble: Bind = ({ values }) => (row, cells) => {
  const value: number = values[row];
  if (!Number.isFinite(value)) throw new UnfitValueError();
  cells.ascii(Object.is(value, -0) ? "-0" : String(value));
};

/** Of the first of January 0001 and the last of December 9999. */
const FIRST_DAY = -719_162;
const LAST_DAY = 2_932_896;

const bindDate: Bind = ({ values }) => {
  const dayOf = knownDays();
  return (row, cells) => {
    const day: number = values[row];
    if (day < FIRST_DAY || day > LAST_DAY) throw new UnfitValueError();
    cells.ascii(dayOf(day));
  };
};

/** The most days that are kept as text: those of some 40 years. */
const MAX_KNOWN_DAYS = 16_384;

/** Most tables have the same days again and again. */
function knownDays(): (day: number) => string {
  const known = new Map<number, string>();
  return (day) => {
    let text = known.get(day);
    if (text === undefined) {
      text = calendarDay(day);
      if (known.size < MAX_KNOWN_DAYS) known.set(day, text);
    }
    return text;
  };
}

/** Moments of no more digits than the column has. */
function bindMoment(field: Field, digits: number): Bind | undefined {
  const { type } = field;
  if (!DataType.isTimestamp(type) || type.unit * 3 > digits) return undefined;
  return (data) => {
    const read = textReader(field, data);
    return (row, cells) => {
      const text = read(row);
      // Infinities, and years that have not four digits.
      const first = text.charCodeAt(0);
      if (first < 0x30 || first > 0x39 || text.startsWith("0000")) throw new UnfitValueError();
      cells.ascii(text);
    };
  };
}

const bindText = (field: Field): Bind => (data) => {
  const read = textReader(field, data);
  return (row, cells) => cells.ascii(read(row));
};
