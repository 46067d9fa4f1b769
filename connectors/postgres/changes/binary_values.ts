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
      return out.int16(Number(ascii(text)));
    case "int4":
    case "oid":
      return out.int32(Number(ascii(text)));
    case "int8":
      return out.int64(BigInt(ascii(text)));
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
      return writeNumeric(out, ascii(text));
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

/** The form of numeric_send in PostgreSQL's src/backend/utils/adt/numeric.c: digits of base 10,000. */
export function writeNumeric(out: WireWriter, text: string): void {
  const special = SPECIAL[text];
  if (special !== undefined) {
    out.int16(0);
    out.int16(0);
    out.int16(special);
    return out.int16(0);
  }
  const isNegative = text.startsWith("-");
  const [whole = "", fraction = ""] = (isNegative ? text.slice(1) : text).split(".");
  const left = whole.padStart(Math.ceil(whole.length / GROUP_DIGITS) * GROUP_DIGITS, "0");
  const right = fraction.padEnd(Math.ceil(fraction.length / GROUP_DIGITS) * GROUP_DIGITS, "0");
  const groups = ((left + right).match(/\d{4}/g) ?? []).map(Number);
  let weight = left.length / GROUP_DIGITS - 1;
  while (groups[0] === 0) {
    groups.shift();
    weight -= 1;
  }
  while (groups.at(-1) === 0) groups.pop();
  out.int16(groups.length);
  out.int16(groups.length === 0 ? 0 : weight);
  out.int16(isNegative ? NEGATIVE : 0);
  out.int16(fraction.length);
  for (const group of groups) out.int16(group);
}

/** Short and plain, as numbers and times are. */
function ascii(bytes: Uint8Array): string {
  return bytes.length < 64 ? String.fromCharCode(...bytes) : decoder.decode(bytes);
}
