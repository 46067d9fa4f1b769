import { type Data, makeData } from "apache-arrow";
import type { SqliteRow, SqliteValue } from "../database.ts";
import { type ColumnBuilder, MisfitError, Validity } from "./column_builder.ts";
import { type ColumnType, fieldOf } from "./column_type.ts";
import { decode, type TextEncoding, wholeBytes } from "./text_bytes.ts";

const FIRST_BYTES = 65_536;
/** Of a character of UTF-16 in UTF-8, at most. */
const MAX_BYTES = 3;
const encoder = new TextEncoder();

/**
 * Texts and blobs, from what selectOf() selects: a string has the bytes in hex, but for texts of a database in UTF-8,
 * where it is the text itself. Anything else does not fit.
 */
export class BytesBuilder implements ColumnBuilder {
  readonly #type: ColumnType;
  readonly #capacity: number;
  /** Undefined for blobs. */
  readonly #encoding: TextEncoding | undefined;
  /** Bytes that nothing has shown to be text yet. */
  #hasUnproven = false;
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
    if (this.#encoding === "utf-8" && rows.every((row) => isTextOrNull(row[column]))) {
      return this.#appendTexts(rows, column);
    }
    for (const row of rows) {
      const value = row[column] ?? null;
      if (value === null) this.#validity.setNull(this.#length);
      else this.#put(value);
      this.#length++;
      this.#offsets[this.#length] = this.#used;
    }
  }

  /** All of them are encoded at once, and where each ends is found out then. */
  #appendTexts(rows: readonly SqliteRow[], column: number): void {
    let all = "";
    for (const row of rows) {
      const text = row[column];
      if (typeof text === "string") all += text;
    }
    this.#reserve(all.length * MAX_BYTES);
    const { written } = encoder.encodeInto(all, this.#bytes.subarray(this.#used));
    const isAscii = written === all.length;
    for (const row of rows) {
      const text = row[column];
      if (typeof text !== "string") this.#validity.setNull(this.#length);
      else this.#used = isAscii ? this.#used + text.length : this.#endOf(text.length);
      this.#length++;
      this.#offsets[this.#length] = this.#used;
    }
  }

  /** Where a text ends that begins behind the last one and has so many units of UTF-16. */
  #endOf(units: number): number {
    let end = this.#used;
    for (let left = units; left > 0;) {
      const byte = this.#bytes[end] ?? 0;
      end += byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
      left -= byte < 0xf0 ? 1 : 2;
    }
    return end;
  }

  #put(value: Exclude<SqliteValue, null>): void {
    if (typeof value !== "string" && !(value instanceof Uint8Array)) throw new MisfitError();
    const start = this.#used;
    if (typeof value === "string" && this.#encoding === undefined) {
      this.#reserve(value.length >> 1);
      this.#used += this.#bytes.subarray(start).setFromHex(value).written;
      return;
    }
    const bytes = typeof value === "string" && this.#encoding === "utf-8"
      ? encoder.encode(value)
      : wholeBytes(value, this.#encoding);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, start);
    this.#used += bytes.length;
    if (this.#encoding === undefined) return;
    this.#hasUnproven = true;
    // A byte that goes on a character cannot begin a text, so that whole texts joined are checked as one.
    if (this.#used > start && ((this.#bytes[start] ?? 0) & 0xc0) === 0x80) throw new MisfitError();
  }

  #reserve(count: number): void {
    if (this.#used + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#used + count));
    larger.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = larger;
  }

  finish(rows: number): Data {
    const bytes = this.#bytes.slice(0, this.#used);
    if (this.#hasUnproven) decode(bytes, "utf-8");
    const data = makeData({
      type: fieldOf("", this.#type).type,
      length: rows,
      nullCount: this.#validity.nullCount,
      nullBitmap: this.#validity.bitmap,
      valueOffsets: this.#offsets,
      data: bytes,
    });
    this.#used = 0;
    this.#hasUnproven = false;
    this.#offsets = new Int32Array(this.#capacity + 1);
    this.#validity = new Validity(this.#capacity);
    this.#length = 0;
    return data;
  }
}

const isTextOrNull = (value: SqliteValue | undefined): boolean =>
  typeof value === "string" || value === null || value === undefined;
