import type { ColumnType } from "../sandbox/batch_layout.ts";
import type { Arena } from "./arena.ts";
import { CellError } from "./cell_error.ts";
import { JsonText, jsonText } from "./cell.ts";
import { writeTexts } from "./texts.ts";

/**
 * Writes the first `rows` values of a column into the frame, null as zero. Returns the bytes of values of any length, 0 for
 * other types, and undefined where a value is of a kind that the type does not hold: then nothing of it counts. Throws
 * CellError for a value that no type holds.
 */
type Encoder = (values: readonly unknown[], rows: number, arena: Arena) => number | undefined;

const TWO_32 = 4_294_967_296;
const encodeBooleans: Encoder = (values, rows, arena) => {
  const at = arena.zeros(Math.ceil(rows / 8));
  const { bytes } = arena;
  for (let i = 0; i < rows; i++) {
    const value = values[i];
    if (value === true) bytes[at + (i >> 3)] = (bytes[at + (i >> 3)] ?? 0) | 1 << (i & 7);
    else if (value !== false && value !== null) return undefined;
  }
  return 0;
};

const encodeIntegers: Encoder = (values, rows, arena) => {
  const at = arena.reserve(rows * 8);
  const { buffer } = arena.bytes;
  const words = new Int32Array(buffer, at, rows * 2);
  const longs = new BigInt64Array(buffer, at, rows);
  for (let i = 0; i < rows; i++) {
    const value = values[i];
    if (typeof value === "number") {
      const small = value | 0;
      if (small === value) {
        words[2 * i] = small;
        words[2 * i + 1] = small >> 31;
      } else if (Number.isSafeInteger(value)) {
        words[2 * i] = value;
        words[2 * i + 1] = Math.floor(value / TWO_32);
      } else return undefined;
    } else if (value === null) longs[i] = 0n;
    else if (typeof value === "bigint" && BigInt.asIntN(64, value) === value) longs[i] = value;
    else return undefined;
  }
  arena.take(rows * 8);
  return 0;
};

const encodeHugeIntegers: Encoder = (values, rows, arena) => {
  const at = arena.reserve(rows * 16);
  const longs = new BigInt64Array(arena.bytes.buffer, at, rows * 2);
  for (let i = 0; i < rows; i++) {
    const value = values[i];
    const integer = value === null
      ? 0n
      : typeof value === "bigint"
      ? value
      : Number.isSafeInteger(value)
      ? BigInt(Number(value))
      : undefined;
    if (integer === undefined || BigInt.asIntN(128, integer) !== integer) return undefined;
    longs[2 * i] = BigInt.asIntN(64, integer);
    longs[2 * i + 1] = integer >> 64n;
  }
  arena.take(rows * 16);
  return 0;
};

const encodeDoubles: Encoder = (values, rows, arena) => {
  const at = arena.reserve(rows * 8);
  const doubles = new Float64Array(arena.bytes.buffer, at, rows);
  for (let i = 0; i < rows; i++) {
    const value = values[i];
    if (typeof value === "number") doubles[i] = value;
    else if (value === null) doubles[i] = 0;
    else if (typeof value === "bigint" && BigInt.asIntN(54, value) === value) doubles[i] = Number(value);
    else return undefined;
  }
  arena.take(rows * 8);
  return 0;
};

const encodeInstants: Encoder = (values, rows, arena) => {
  const at = arena.reserve(rows * 8);
  const micros = new BigInt64Array(arena.bytes.buffer, at, rows);
  for (let i = 0; i < rows; i++) {
    const value = values[i];
    if (value === null) micros[i] = 0n;
    else if (value instanceof Date) {
      const ms = value.getTime();
      if (Number.isNaN(ms)) throw new CellError(i, "it is no date (Invalid Date)");
      micros[i] = BigInt(ms) * 1000n;
    } else return undefined;
  }
  arena.take(rows * 8);
  return 0;
};

const encodeBytes: Encoder = (values, rows, arena) => {
  let size = 0;
  for (let i = 0; i < rows; i++) {
    const value = values[i];
    if (value instanceof Uint8Array) size += value.length;
    else if (value !== null) return undefined;
  }
  const offsetsAt = arena.zeros((rows + 1) * 4);
  const at = arena.reserve(size);
  const offsets = new Int32Array(arena.bytes.buffer, offsetsAt, rows + 1);
  let end = 0;
  for (let i = 0; i < rows; i++) {
    const value = values[i];
    if (value instanceof Uint8Array) {
      arena.bytes.set(value, at + end);
      end += value.length;
    }
    offsets[i + 1] = end;
  }
  arena.take(size);
  return size;
};

/** Numbers of a column that no type of numbers holds are texts too. */
const encodeTexts: Encoder = (values, rows, arena) => {
  for (let i = 0; i < rows; i++) {
    const value = values[i];
    if (typeof value === "string" || value === null) continue;
    if (typeof value === "number" || typeof value === "bigint") return encodeNumberTexts(values, rows, arena);
    return undefined;
  }
  // Checked a moment ago.
  return writeTexts(values as readonly (string | null)[], rows, arena);
};

const encodeNumberTexts: Encoder = (values, rows, arena) => {
  const texts: (string | null)[] = new Array(rows);
  for (let i = 0; i < rows; i++) {
    const value = values[i];
    if (typeof value === "number" || typeof value === "bigint") texts[i] = String(value);
    else if (value === null) texts[i] = null;
    else return undefined;
  }
  return writeTexts(texts, rows, arena);
};

const encodeJson: Encoder = (values, rows, arena) => {
  const texts: (string | null)[] = new Array(rows);
  for (let i = 0; i < rows; i++) {
    const value = values[i];
    if (value instanceof Uint8Array) return undefined;
    texts[i] = value === null ? null : value instanceof JsonText ? value.text : jsonText(value);
  }
  return writeTexts(texts, rows, arena);
};

export const ENCODERS: Readonly<Record<ColumnType, Encoder>> = {
  boolean: encodeBooleans,
  int64: encodeIntegers,
  int128: encodeHugeIntegers,
  double: encodeDoubles,
  timestamp: encodeInstants,
  text: encodeTexts,
  json: encodeJson,
  blob: encodeBytes,
};
