/**
 * Character sets by their names in the Encoding Standard (https://encoding.spec.whatwg.org): what a
 * TextDecoder takes. Everything that reads text of files decodes here, in a check as in a run.
 */

/** Names that are no labels of the standard and were taken before. */
const OTHER_NAMES: Readonly<Record<string, string>> = { "latin-1": "windows-1252" };

/** The standard's own name, in lower case; undefined where it has no such encoding. */
export function encodingOf(label: string): string | undefined {
  const name = label.trim().toLowerCase();
  try {
    return new TextDecoder(OTHER_NAMES[name] ?? name).encoding;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The encoding that the first bytes name by a byte order mark. */
export function markedEncoding(bytes: Uint8Array): "utf-8" | "utf-16le" | "utf-16be" | undefined {
  const [first, second, third] = bytes;
  if (first === 0xef && second === 0xbb && third === 0xbf) return "utf-8";
  if (first === 0xff && second === 0xfe) return "utf-16le";
  if (first === 0xfe && second === 0xff) return "utf-16be";
  return undefined;
}

/** Where bytes are none of their encoding. */
export interface InvalidBytes {
  /** From 1: the line, and the character in it. */
  readonly line: number;
  readonly column: number;
}

/** What decodeText() throws: its place is still to be found. */
export class InvalidTextError extends Error {
  override readonly name = "InvalidTextError";
}

export interface Decoding {
  /** A name of encodingOf(). */
  readonly encoding: string;
  /** Bytes that are no text become U+FFFD. */
  readonly replacesInvalid: boolean;
}

/**
 * The text of the bytes, in pieces, without a byte order mark. Throws InvalidTextError where bytes are none
 * of the encoding, the last ones included.
 */
export async function* decodeText(
  bytes: AsyncIterable<Uint8Array>,
  { encoding, replacesInvalid }: Decoding,
): AsyncIterable<string> {
  const decoder = new TextDecoder(encoding, { fatal: !replacesInvalid });
  const decode = (chunk?: Uint8Array) => {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined });
    } catch (error) {
      if (error instanceof TypeError) throw new InvalidTextError(`bytes that are not ${encoding}`);
      throw error;
    }
  };
  for await (const chunk of bytes) {
    const text = decode(chunk);
    if (text !== "") yield text;
  }
  const rest = decode();
  if (rest !== "") yield rest;
}

/** The place of the first bytes that are none of the encoding; undefined where there are none. */
export async function findInvalidBytes(
  bytes: AsyncIterable<Uint8Array>,
  encoding: string,
): Promise<InvalidBytes | undefined> {
  // A decoder that has thrown has lost what it held: one runs ahead, the other a byte at a time.
  const ahead = new TextDecoder(encoding, { fatal: true });
  const exact = new TextDecoder(encoding, { fatal: true });
  const place = { line: 1, column: 1 };
  const advance = (text: string) => {
    for (let start = 0;;) {
      const end = text.indexOf("\n", start);
      if (end === -1) {
        place.column += [...text.slice(start)].length;
        return;
      }
      place.line++;
      place.column = 1;
      start = end + 1;
    }
  };
  for await (const chunk of bytes) {
    if (canDecode(ahead, chunk)) {
      advance(exact.decode(chunk, { stream: true }));
      continue;
    }
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk.subarray(at, at + 1);
      try {
        advance(exact.decode(byte, { stream: true }));
      } catch {
        return place;
      }
    }
  }
  return canDecode(exact, undefined) ? undefined : place;
}

function canDecode(decoder: TextDecoder, chunk: Uint8Array | undefined): boolean {
  try {
    decoder.decode(chunk, { stream: chunk !== undefined });
    return true;
  } catch {
    return false;
  }
}
