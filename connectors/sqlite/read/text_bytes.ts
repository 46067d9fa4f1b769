import { MisfitError } from "./column_builder.ts";

/** Texts and blobs come out of SQLite as their bytes, or as these in hex: see SqliteReader.bytesOf(). */

/** What `PRAGMA encoding` says; the bytes of texts are in it. */
export type TextEncoding = "utf-8" | "utf-16le" | "utf-16be";

export function textEncodingOf(pragma: string): TextEncoding {
  const name = pragma.toLowerCase();
  return name === "utf-16le" || name === "utf-16be" ? name : "utf-8";
}

const encoder = new TextEncoder();

/** The bytes that were selected, for UTF-16 as UTF-8. Throws MisfitError where they are no text. */
export function wholeBytes(value: string | Uint8Array, encoding: TextEncoding | undefined): Uint8Array {
  const bytes = typeof value === "string" ? Uint8Array.fromHex(value) : value;
  if (encoding === undefined || encoding === "utf-8") return bytes;
  return encoder.encode(decode(bytes, encoding));
}

/** Throws MisfitError where the bytes are not text of this encoding. */
export function decode(bytes: Uint8Array, encoding: TextEncoding): string {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new MisfitError();
  }
}
