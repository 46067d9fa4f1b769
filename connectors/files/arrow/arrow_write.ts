import { Readable } from "node:stream";
import { createGzip, createZstdCompress } from "node:zlib";
import {
  type RecordBatch,
  RecordBatchFileWriter,
  RecordBatchStreamWriter,
  type Schema,
  util,
} from "apache-arrow";
import { AppError } from "../../../contract/errors.ts";
import type { FileWriter } from "../../locations/location.ts";
import { plainBatch, plainSchema } from "./huge_integers.ts";
import type { Compression } from "../options.ts";

/** Writes the batches as an Arrow IPC file, or as a stream. Returns the count of rows; the file is not committed. */
export async function writeArrow(
  file: FileWriter,
  schema: Schema,
  batches: AsyncIterable<RecordBatch>,
  options: { readonly isStream: boolean; readonly compression: Compression },
  signal: AbortSignal,
): Promise<number> {
  const counted = { rows: 0 };
  const plain = arrowBytes(schema, batches, options.isStream, counted, signal);
  for await (const bytes of compressed(plain, options.compression)) {
    signal.throwIfAborted();
    await file.write(bytes);
  }
  return counted.rows;
}

async function* arrowBytes(
  schema: Schema,
  batches: AsyncIterable<RecordBatch>,
  isStream: boolean,
  counted: { rows: number },
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const writer = isStream ? new StreamBytes() : new FileBytes();
  const plain = plainSchema(schema);
  for await (const batch of batches) {
    signal.throwIfAborted();
    // The writer would close itself without a word.
    if (!util.compareSchemas(schema, batch.schema)) {
      throw new AppError("internal", "The batches' columns differ");
    }
    counted.rows += batch.numRows;
    writer.write(plain === schema ? batch : plainBatch(batch, plain));
    yield* writer.taken();
  }
  if (counted.rows === 0) writer.reset(undefined, plain);
  writer.finish();
  yield* writer.taken();
}

async function* compressed(
  bytes: AsyncIterable<Uint8Array>,
  compression: Compression,
): AsyncIterable<Uint8Array> {
  if (compression === "none") return yield* bytes;
  const transform = compression === "gzip" ? createGzip() : createZstdCompress();
  const raw = Readable.from(bytes, { objectMode: false });
  raw.on("error", (error) => transform.destroy(error));
  try {
    yield* raw.pipe(transform);
  } finally {
    transform.destroy();
    raw.destroy();
  }
}

/** What a writer of the library wrote and nobody took yet: its own queue would hold all of it to the end. */
class WrittenBytes {
  #chunks: Uint8Array[] = [];

  add(chunk: unknown): number {
    if (!ArrayBuffer.isView(chunk)) {
      throw new AppError("internal", "Arrow's writer gave something else than bytes");
    }
    this.#chunks.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    return chunk.byteLength;
  }

  take(): Uint8Array[] {
    const chunks = this.#chunks;
    this.#chunks = [];
    return chunks;
  }
}

class FileBytes extends RecordBatchFileWriter {
  readonly #written = new WrittenBytes();

  taken(): Uint8Array[] {
    return this.#written.take();
  }

  protected override _write(chunk: unknown): this {
    if (this._started) this._position += this.#written.add(chunk);
    return this;
  }
}

class StreamBytes extends RecordBatchStreamWriter {
  readonly #written = new WrittenBytes();

  taken(): Uint8Array[] {
    return this.#written.take();
  }

  protected override _write(chunk: unknown): this {
    if (this._started) this._position += this.#written.add(chunk);
    return this;
  }
}
