import type { DecodeKind } from "../read/types.ts";
import { readArray } from "./array_text.ts";
import { dateDays, intervalParts, timestampUs, timeUs } from "./time_text.ts";
import type { WireWriter } from "./wire_writer.ts";

/**
 * Values of the log come as text, and a snapshot's in binary. Here text becomes what the server would have
 * sent in binary, so that the same decoders read both and the same value ends as the same value.
 */

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();
const JSONB_VERSION = 1;

/** Writes the binary form of a value, without its length. `delimiter` is that of the type's arrays. */
export function writeBinary(out: WireWriter, kind: DecodeKind, text: Uint8Array, delimiter: string): void {
  switch (kind.kind) {
    case "bool":
      return out.byte(text[0] === "t".charCodeAt(0) ? 1 : 0);
    case "int2":
      return out.int16(integer(text));
    case "int4":
    case "oid":
      return out.int32(integer(text));
    case "int8":
      return out.int64(text.length <= SURE_DIGITS ? BigInt(integer(text)) : BigInt(ascii(text)));
    case "float4":
      return out.float32(Number(ascii(text)));
    case "float8":
      return out.float64(Number(ascii(text)));
    case "date":
      return out.int32(dateDays(ascii(text)));
    case "time":
      return out.int64(timeUs(ascii(text)));
    case "timestamp":
    case "timestamptz":
      return out.int64(timestampUs(ascii(text)));
    case "interval": {
      const { us, days, months } = intervalParts(ascii(text));
      out.int64(us);
      out.int32(days);
      return out.int32(months);
    }
    case "uuid":
      return out.bytes(Uint8Array.fromHex(ascii(text).replaceAll("-", "")));
    case "bytea":
      return out.bytes(Uint8Array.fromHex(ascii(text).slice(2)));
    case "text":
    case "json":
      return out.bytes(text);
    case "jsonb":
      out.byte(JSONB_VERSION);
      return out.bytes(text);
    case "numeric":
      return writeNumeric(out, text);
    case "list": {
      const array = readArray(decoder.decode(text), delimiter);
      const elements = array.elements.map((element) => element === null ? null : encoder.encode(element));
      return writeArray(out, { ...array, elements }, kind.element, delimiter);
    }
  }
}

const ARRAY_DELIMITER = ",";

/** The form of array_send in PostgreSQL's src/backend/utils/adt/arrayfuncs.c. */
export function writeArray(
  out: WireWriter,
  { dimensions, elements }: {
    readonly dimensions: readonly { readonly length: number; readonly lowerBound: number }[];
    readonly elements: readonly (Uint8Array | null)[];
  },
  kind: DecodeKind,
  delimiter: string = ARRAY_DELIMITER,
): void {
  out.int32(dimensions.length);
  out.int32(elements.includes(null) ? 1 : 0);
  // The element's type, which our decoders know already.
  out.int32(0);
  for (const { length, lowerBound } of dimensions) {
    out.int32(length);
    out.int32(lowerBound);
  }
  for (const element of elements) {
    if (element === null) out.int32(-1);
    else out.sized(() => writeBinary(out, kind, element, delimiter));
  }
}

const NEGATIVE = 0x4000;
const SPECIAL: Readonly<Record<string, number>> = { NaN: 0xc000, Infinity: 0xd000, "-Infinity": 0xf000 };
const GROUP_DIGITS = 4;
const [MINUS, POINT, ZERO, NINE] = [0x2d, 0x2e, 0x30, 0x39];

/** The form of numeric_send in PostgreSQL's src/backend/utils/adt/numeric.c: digits of base 10,000. */
export function writeNumeric(out: WireWriter, text: Uint8Array): void {
  const isNegative = text[0] === MINUS;
  const start = isNegative ? 1 : 0;
  const first = text[start] ?? 0;
  if (first !== POINT && (first < ZERO || first > NINE)) return writeSpecial(out, ascii(text));
  const point = text.indexOf(POINT);
  const left = (point < 0 ? text.length : point) - start;
  const scale = point < 0 ? 0 : text.length - point - 1;
  const wholeGroups = Math.ceil(left / GROUP_DIGITS);
  const groups = new Array<number>(wholeGroups + Math.ceil(scale / GROUP_DIGITS)).fill(0);
  for (let i = 0; i < left; i++) addDigit(groups, wholeGroups * GROUP_DIGITS - left + i, text[start + i]);
  for (let i = 0; i < scale; i++) addDigit(groups, wholeGroups * GROUP_DIGITS + i, text[point + 1 + i]);
  const from = groups.findIndex((group) => group !== 0);
  const to = groups.findLastIndex((group) => group !== 0) + 1;
  const count = from < 0 ? 0 : to - from;
  out.int16(count);
  out.int16(count === 0 ? 0 : wholeGroups - 1 - from);
  out.int16(isNegative ? NEGATIVE : 0);
  out.int16(scale);
  for (let i = 0; i < count; i++) out.int16(groups[from + i] ?? 0);
}

const POWERS = [1_000, 100, 10, 1] as const;

/** `place` counts digits from the first group's first. */
function addDigit(groups: number[], place: number, digit = ZERO): void {
  const group = Math.floor(place / GROUP_DIGITS);
  groups[group] = (groups[group] ?? 0) + (digit - ZERO) * (POWERS[place % GROUP_DIGITS] ?? 0);
}

function writeSpecial(out: WireWriter, text: string): void {
  out.int16(0);
  out.int16(0);
  out.int16(SPECIAL[text] ?? 0);
  out.int16(0);
}

/** A whole number that a double holds exactly. */
function integer(text: Uint8Array): number {
  const isNegative = text[0] === MINUS;
  let value = 0;
  for (let i = isNegative ? 1 : 0; i < text.length; i++) value = value * 10 + (text[i] ?? ZERO) - ZERO;
  return isNegative ? -value : value;
}

/** As many digits as a double surely holds. */
const SURE_DIGITS = 15;

/** Short and plain, as numbers and times are. */
function ascii(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i] ?? 0);
  return text;
}
