import { type Data, makeData, RecordBatch, type Schema, Struct } from "apache-arrow";
import type { RowRegion } from "../../session/packet_stream.ts";
import type { DecodeKind } from "../types.ts";
import { BytesDecoder, UuidDecoder } from "./bytes_decoders.ts";
import { type ColumnDecoder, DecodeError } from "./column_decoder.ts";
import {
  BigintDecoder,
  BitsDecoder,
  BoolDecoder,
  DecimalDecoder,
  FloatDecoder,
  IntDecoder,
} from "./number_decoders.ts";
import { INDEX_ROWS, INDEX_STRIDE, indexRows } from "./row_index.ts";
import { DateDecoder, TimeDecoder, TimestampDecoder } from "./time_decoders.ts";

/** Rows a batch: eight of DuckDB's vectors. */
const BATCH_ROWS = 16_384;
/** A batch of wide rows ends earlier, so that memory stays bounded. */
const BATCH_BYTES = 8 * 1024 * 1024;

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

/** Decodes rows of the text protocol into record batches. */
export class BatchDecoder {
  readonly #schema: Schema;
  readonly #decoders: readonly ColumnDecoder[];
  readonly #offsets: Int32Array;
  readonly #lengths: Int32Array;
  #rows = 0;
  #rowsBefore = 0;

  constructor(schema: Schema, kinds: readonly DecodeKind[]) {
    this.#schema = schema;
    this.#decoders = kinds.map(createDecoder);
    this.#offsets = new Int32Array(kinds.length * INDEX_STRIDE);
    this.#lengths = new Int32Array(kinds.length * INDEX_STRIDE);
  }

  get rowsDecoded(): number {
    return this.#rowsBefore + this.#rows;
  }

  /** The batches that became full. Throws UnfitValueError, and ConnectionLostError for what is no row. */
  *push({ bytes, start, end, isFramed }: RowRegion): Generator<RecordBatch, void, undefined> {
    const index = { bytes, offsets: this.#offsets, lengths: this.#lengths };
    const columns = this.#decoders.length;
    let at = start;
    while (at < end) {
      const room = Math.min(INDEX_ROWS, BATCH_ROWS - this.#rows);
      const found = indexRows(index, { start: at, end, isFramed }, columns, room);
      at = found.at;
      for (let c = 0; c < columns; c++) this.#decodeColumn(c, index, found.rows);
      this.#rows += found.rows;
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

  #decodeColumn(column: number, index: Parameters<typeof indexRows>[0], rows: number): void {
    try {
      this.#decoders[column]?.append(index, column, rows);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      const name = this.#schema.fields[column]?.name ?? "";
      throw new UnfitValueError(name, this.#rowsBefore + error.row + 1, error.message);
    }
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

function createDecoder(decode: DecodeKind): ColumnDecoder {
  switch (decode.kind) {
    case "int":
      return new IntDecoder(decode.sizeBytes, decode.isUnsigned);
    case "int8":
      return new BigintDecoder(decode.isUnsigned);
    case "bool":
      return new BoolDecoder();
    case "bits":
      return new BitsDecoder();
    case "float4":
      return new FloatDecoder(true);
    case "float8":
      return new FloatDecoder(false);
    case "decimal":
      return new DecimalDecoder(decode.precision, decode.scale);
    case "uuid":
      return new UuidDecoder();
    case "date":
      return new DateDecoder(decode.zeroIsNull);
    case "timestamp":
      return new TimestampDecoder(null, decode.zeroIsNull);
    case "timestamptz":
      return new TimestampDecoder("UTC", decode.zeroIsNull);
    case "time":
      return new TimeDecoder();
    case "text":
    case "json":
      return new BytesDecoder(true);
    case "bytes":
      return new BytesDecoder(false);
  }
}
