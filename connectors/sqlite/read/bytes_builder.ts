import { type Data, makeData } from "apache-arrow";
import type { SqliteRow, SqliteValue } from "../database.ts";
import { type ColumnBuilder, MisfitError, Validity } from "./column_builder.ts";
import { type ColumnType, fieldOf } from "./column_type.ts";
import { decode, type TextEncoding, wholeBytes } from "./text_bytes.ts";

const FIRST_BYTES = 65_536;

/** Texts and blobs, from what SqliteReader.bytesOf() selects. Anything else does not fit. */
export class BytesBuilder implements ColumnBuilder {
  readonly #type: ColumnType;
  readonly #capacity: number;
  /** Undefined for blobs. */
  readonly #encoding: TextEncoding | undefined;
  #bytes = new Uint8Array(FIRST_BYTES);
  #used = 0;
  #offsets: Int32Array;
  #validity: Validity;
  #length = 0;

  constructor(type: ColumnType, capacity: number, encoding: TextEncoding | undefined) {
    this.#type = type;
    this.#capacity = capacity;
    this.#encoding = encoding;
    this.#offsets = new Int32Array(capacity + 1);
    this.#validity = new Validity(capacity);
  }

  get heldBytes(): number {
    return this.#used;
  }

  append(rows: readonly SqliteRow[], column: number): void {
    for (const row of rows) {
      const value = row[column] ?? null;
      if (value === null) this.#validity.setNull(this.#length);
      else this.#put(value);
      this.#length++;
      this.#offsets[this.#length] = this.#used;
    }
  }

  #put(value: Exclude<SqliteValue, null>): void {
    if (typeof value !== "string" && !(value instanceof Uint8Array)) throw new MisfitError();
    const start = this.#used;
    if (typeof value === "string" && this.#encoding !== "utf-16le" && this.#encoding !== "utf-16be") {
      this.#reserve(value.length >> 1);
      this.#used += this.#bytes.subarray(start).setFromHex(value).written;
    } else {
      const bytes = wholeBytes(value, this.#encoding);
      this.#reserve(bytes.length);
      this.#bytes.set(bytes, start);
      this.#used += bytes.length;
    }
    // A byte that goes on a character cannot begin a text, so that whole texts joined are checked as one.
    if (this.#encoding !== undefined && this.#used > start && ((this.#bytes[start] ?? 0) & 0xc0) === 0x80) {
      throw new MisfitError();
    }
  }

  #reserve(count: number): void {
    if (this.#used + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#used + count));
    larger.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = larger;
  }

  finish(rows: number): Data {
    const bytes = this.#bytes.slice(0, this.#used);
    if (this.#encoding !== undefined) decode(bytes, "utf-8");
    const data = makeData({
      type: fieldOf("", this.#type).type,
      length: rows,
      nullCount: this.#validity.nullCount,
      nullBitmap: this.#validity.bitmap,
      valueOffsets: this.#offsets,
      data: bytes,
    });
    this.#used = 0;
    this.#offsets = new Int32Array(this.#capacity + 1);
    this.#validity = new Validity(this.#capacity);
    this.#length = 0;
    return data;
  }
}
