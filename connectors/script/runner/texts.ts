import type { Arena } from "./arena.ts";
import { CellError } from "./cell_error.ts";

const encoder = new TextEncoder();

/**
 * Writes where each of the first `rows` texts begins and then all of them, as UTF-8; returns their bytes. All are encoded by
 * one call: one for each costs more than all the rest. Throws CellError for half of a surrogate pair.
 */
export function writeTexts(texts: readonly (string | null)[], rows: number, arena: Arena): number {
  const placesAt = arena.zeros((rows + 1) * 4);
  const joined = (texts.length === rows ? texts : texts.slice(0, rows)).join("");
  const at = arena.reserve(joined.length * 3);
  const { written } = encoder.encodeInto(joined, arena.bytes.subarray(at, at + joined.length * 3));
  const places = new Int32Array(arena.bytes.buffer, placesAt, rows + 1);
  const isAscii = written === joined.length;
  let end = 0;
  for (let i = 0; i < rows; i++) {
    const text = texts[i];
    if (typeof text === "string") end += isAscii ? text.length : utf8Bytes(text, i);
    places[i + 1] = end;
  }
  arena.take(written);
  return written;
}

/** The surrogates of two texts would make a pair when they are joined, and none of either. */
function utf8Bytes(text: string, row: number): number {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) bytes += 1;
    else if (code < 0x800) bytes += 2;
    else if (code < 0xd800 || code > 0xdfff) bytes += 3;
    else {
      const next = code < 0xdc00 ? text.charCodeAt(i + 1) : 0;
      if (!(next >= 0xdc00 && next <= 0xdfff)) {
        throw new CellError(row, "a text has half of a character (a lone surrogate)");
      }
      bytes += 4;
      i++;
    }
  }
  return bytes;
}
