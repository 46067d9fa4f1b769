import { createHash, createHmac } from "node:crypto";
import { type Data, makeData, Utf8, vectorFromArray } from "apache-arrow";
import type { Field } from "apache-arrow";
import type { Mask } from "../../../contract/pipeline/stream.ts";
import { textReader } from "./arrow_text.ts";

/**
 * Masks hide values before they are stored. They say the same of rows that come as Arrow and of rows
 * that DuckDB reads: NULL stays NULL, and other values are masked by their text as DuckDB writes it.
 */

const REDACTED = "[redacted]";
/** What `last4` shows of what it hides: not even its length. */
const HIDDEN = "****";
const SHOWN_CHARACTERS = 4;

/** The key of HMAC-SHA-256 (RFC 2104), also as the two blocks that its definition hashes. */
export interface HashKey {
  readonly key: Uint8Array;
  /** Hexadecimal. */
  readonly innerHex: string;
  readonly outerHex: string;
}

const BLOCK_BYTES = 64;

export function hashKey(salt: string): HashKey {
  const key = new TextEncoder().encode(salt);
  const block = new Uint8Array(BLOCK_BYTES);
  block.set(key.length > BLOCK_BYTES ? createHash("sha256").update(key).digest() : key);
  const hex = (pad: number) =>
    Array.from(block, (byte) => (byte ^ pad).toString(16).padStart(2, "0")).join("");
  return { key, innerHex: hex(0x36), outerHex: hex(0x5c) };
}

/** A masked column in DuckDB's SQL. `column` is quoted; `pads` are parameters with the key's hexadecimal blocks. */
export function maskExpression(
  column: string,
  type: string,
  mask: Mask | undefined,
  pads: { readonly inner: string; readonly outer: string } | undefined,
): string {
  const text = `CAST(${column} AS VARCHAR)`;
  switch (mask) {
    case undefined:
      return column;
    case "null":
      return `CAST(NULL AS ${type})`;
    case "redact":
      return `CASE WHEN ${column} IS NOT NULL THEN '${REDACTED}' END`;
    case "last4":
      return `CASE WHEN length(${text}) > ${SHOWN_CHARACTERS} THEN '${HIDDEN}' || right(${text}, ${SHOWN_CHARACTERS}) ` +
        `WHEN ${column} IS NOT NULL THEN '${HIDDEN}' END`;
    case "hash": {
      const block = (hex: string | undefined) => `unhex(CAST(${hex ?? "NULL"} AS VARCHAR))`;
      return `sha256(${block(pads?.outer)} || unhex(sha256(${block(pads?.inner)} || encode(${text}))))`;
    }
  }
}

/** Masks one column of rows that come as Arrow. */
export class Masker {
  readonly #field: Field;
  readonly #mask: Mask;
  readonly #key: HashKey | undefined;
  readonly #read: (data: Data, row: number) => string;

  /** Throws `invalid` for a type whose values have no text here. */
  constructor(stream: string, field: Field, mask: Mask, key: HashKey | undefined) {
    this.#field = field;
    this.#mask = mask;
    this.#key = key;
    this.#read = mask === "hash" || mask === "last4" ? textReader(stream, field, mask) : () => "";
  }

  /** The column to be stored: text, or NULLs of its own type. Nothing of the values is in its memory. */
  mask(data: Data): Data {
    if (this.#mask === "null") return nulls(this.#field, data.length);
    const texts: (string | null)[] = Array.from(
      { length: data.length },
      (_, row) => data.getValid(row) ? this.#text(data, row) : null,
    );
    return textData(texts);
  }

  #text(data: Data, row: number): string {
    switch (this.#mask) {
      case "hash":
        return createHmac("sha256", this.#key?.key ?? "").update(this.#read(data, row)).digest("hex");
      case "last4": {
        const characters = [...this.#read(data, row)];
        if (characters.length <= SHOWN_CHARACTERS) return HIDDEN;
        return HIDDEN + characters.slice(-SHOWN_CHARACTERS).join("");
      }
      default:
        return REDACTED;
    }
  }
}

function nulls(field: Field, length: number): Data {
  const [data] = vectorFromArray(new Array(length).fill(null), field.type).data;
  return data ?? makeData({ type: field.type, length: 0 });
}

function textData(texts: readonly (string | null)[]): Data<Utf8> {
  const parts = texts.map((text) => new TextEncoder().encode(text ?? ""));
  const valueOffsets = new Int32Array(texts.length + 1);
  const nullBitmap = new Uint8Array((texts.length + 7) >> 3);
  let nullCount = 0;
  for (const [row, part] of parts.entries()) {
    valueOffsets[row + 1] = (valueOffsets[row] ?? 0) + part.length;
    if (texts[row] === null) nullCount += 1;
    else nullBitmap[row >> 3] = (nullBitmap[row >> 3] ?? 0) | (1 << (row & 7));
  }
  const data = new Uint8Array(valueOffsets[texts.length] ?? 0);
  for (const [row, part] of parts.entries()) data.set(part, valueOffsets[row]);
  return makeData({ type: new Utf8(), length: texts.length, nullCount, nullBitmap, valueOffsets, data });
}
