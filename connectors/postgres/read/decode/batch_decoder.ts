import { type Data, makeData, RecordBatch, type Schema, Struct } from "apache-arrow";
import { arrowField, type DecodeKind } from "../types.ts";
import { ConnectionLostError } from "../../session/server_error.ts";
import { MESSAGE_HEADER_BYTES } from "../../session/copy_data.ts";
import type { CopyRegion } from "../../session/copy_data.ts";
import { type ColumnDecoder, DecodeError } from "./column_decoder.ts";
import {
  BoolDecoder,
  Int16Decoder,
  IntervalDecoder,
  UuidDecoder,
  Word32Decoder,
  Word64Decoder,
} from "./fixed_decoders.ts";
import { NumericDecoder } from "./numeric_decoder.ts";
import { BytesDecoder, ListDecoder } from "./variable_decoders.ts";

/** Rows a batch: eight of DuckDB's vectors. */
const BATCH_ROWS = 16_384;
/** A batch of wide rows ends earlier, so that memory stays bounded. */
const BATCH_BYTES = 8 * 1024 * 1024;
/** Rows that are indexed before their columns are decoded: they fit the processor's cache. */
const INDEX_ROWS = 1_024;

/** `PGCOPY\n\377\r\n\0`, then flags and the length of an extension. */
const SIGNATURE = [0x50, 0x47, 0x43, 0x4f, 0x50, 0x59, 0x0a, 0xff, 0x0d, 0x0a, 0x00];
const FLAGS_BYTES = 8;

/** A value that does not fit, with the place where it stands. `row` counts from 1. */
export class UnfitValueError extends Error {
  override readonly name = "UnfitValueError";
  readonly column: string;
  readonly row: number;

  constructor(column: string, row: number, message: string) {
    super(message);
    this.column = column;
    this.row = row;
  }
}

/**
 * Decodes binary COPY into record batches.
 * Source: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"
 */
export class BatchDecoder {
  readonly #schema: Schema;
  readonly #decoders: readonly ColumnDecoder[];
  readonly #offsets: Int32Array;
  readonly #lengths: Int32Array;
  #rows = 0;
  #rowsBefore = 0;
  #hasHeader = false;
  #isComplete = false;

  constructor(schema: Schema, kinds: readonly DecodeKind[], options: { readonly validateUtf8: boolean }) {
    this.#schema = schema;
    this.#decoders = kinds.map((kind) => createDecoder(kind, options.validateUtf8));
    this.#offsets = new Int32Array(kinds.length * INDEX_ROWS);
    this.#lengths = new Int32Array(kinds.length * INDEX_ROWS);
  }

  /** Whether the trailer came: the server sent everything that it had. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  get rowsDecoded(): number {
    return this.#rowsBefore + this.#rows;
  }

  /** The batches that became full. Throws UnfitValueError. */
  *push(region: CopyRegion): Generator<RecordBatch, void, undefined> {
    const { bytes, start, end } = region;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = start;
    while (at < end) {
      let indexed = 0;
      const room = Math.min(INDEX_ROWS, BATCH_ROWS - this.#rows);
      while (at < end && indexed < room) {
        const messageEnd = at + 1 + view.getInt32(at + 1);
        if (this.#indexMessage(bytes, view, at + MESSAGE_HEADER_BYTES, messageEnd, indexed)) indexed++;
        at = messageEnd;
      }
      this.#decodeColumns(bytes, view, indexed);
      if (this.#rows >= BATCH_ROWS || this.#variableBytes() >= BATCH_BYTES) yield this.#finish();
    }
  }

  /** The rows that are left; undefined where there are none. */
  flush(): RecordBatch | undefined {
    return this.#rows === 0 ? undefined : this.#finish();
  }

  /** A batch without rows: it has the columns. */
  emptyBatch(): RecordBatch {
    return this.#finish();
  }

  /** The server puts one row into a message, with the header before the first and the trailer after the last. */
  #indexMessage(bytes: Uint8Array, view: DataView, start: number, end: number, row: number): boolean {
    let at = start;
    if (!this.#hasHeader) {
      if (SIGNATURE.some((byte, i) => bytes[at + i] !== byte)) throw notCopy("its signature is missing");
      const extension = at + SIGNATURE.length + FLAGS_BYTES;
      at = extension + view.getInt32(extension - 4);
      this.#hasHeader = true;
      if (at === end) return false;
    }
    const columns = view.getInt16(at);
    at += 2;
    if (columns === -1) {
      this.#isComplete = true;
      return false;
    }
    if (columns !== this.#decoders.length) throw notCopy(`a row has ${columns} columns`);
    const offsets = this.#offsets;
    const lengths = this.#lengths;
    for (let c = 0, slot = row; c < columns; c++, slot += INDEX_ROWS) {
      const length = view.getInt32(at);
      at += 4;
      offsets[slot] = at;
      lengths[slot] = length;
      if (length > 0) at += length;
    }
    if (at !== end) throw notCopy("a row does not end where its message does");
    return true;
  }

  #decodeColumns(bytes: Uint8Array, view: DataView, rows: number): void {
    if (rows === 0) return;
    const index = { bytes, view, offsets: this.#offsets, lengths: this.#lengths };
    for (const [c, decoder] of this.#decoders.entries()) {
      try {
        decoder.append(index, c * INDEX_ROWS, c * INDEX_ROWS + rows);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        const name = this.#schema.fields[c]?.name ?? "";
        throw new UnfitValueError(name, this.#rowsBefore + error.row + 1, error.message);
      }
    }
    this.#rows += rows;
  }

  #variableBytes(): number {
    return this.#decoders.reduce((sum, decoder) => sum + decoder.variableBytes, 0);
  }

  #finish(): RecordBatch {
    const children: Data[] = this.#decoders.map((decoder) => decoder.finish());
    const length = this.#rows;
    this.#rowsBefore += length;
    this.#rows = 0;
    const type = new Struct(this.#schema.fields);
    return new RecordBatch(this.#schema, makeData({ type, length, nullCount: 0, children }));
  }
}

const notCopy = (what: string): ConnectionLostError =>
  new ConnectionLostError(`the server sent something that is not binary COPY: ${what}`);

function createDecoder(decode: DecodeKind, validateUtf8: boolean): ColumnDecoder {
  switch (decode.kind) {
    case "bool":
      return new BoolDecoder();
    case "int2":
      return new Int16Decoder();
    case "int4":
    case "oid":
    case "float4":
    case "date":
      return new Word32Decoder(decode.kind);
    case "int8":
    case "float8":
    case "time":
    case "timestamp":
    case "timestamptz":
      return new Word64Decoder(decode.kind);
    case "interval":
      return new IntervalDecoder();
    case "uuid":
      return new UuidDecoder();
    case "numeric":
      return new NumericDecoder(decode.precision, decode.scale);
    case "text":
    case "json":
    case "jsonb":
    case "bytea":
      return new BytesDecoder(decode.kind, validateUtf8);
    case "list":
      return new ListDecoder(arrowField("item", decode.element), createDecoder(decode.element, validateUtf8));
  }
}
