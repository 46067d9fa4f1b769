import { createReadStream, createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGzip, createZstdCompress } from "node:zlib";
import {
  type RecordBatch,
  RecordBatchFileWriter,
  RecordBatchStreamWriter,
  type Schema,
  util,
} from "apache-arrow";
import { AppError } from "../../../contract/errors.ts";
import type { Compression } from "../options.ts";

/** Writes the batches as an Arrow IPC file, or as a stream. Answers the count of rows. */
export async function writeArrow(
  path: string,
  schema: Schema,
  batches: AsyncIterable<RecordBatch>,
  options: { readonly isStream: boolean; readonly compression: Compression },
  signal: AbortSignal,
): Promise<number> {
  const plain = options.compression === "none" ? path : `${path}.plain`;
  let rows = 0;
  {
    using file = await Deno.open(plain, { write: true, create: true, truncate: true });
    const writer = options.isStream ? new StreamFileWriter(file) : new IpcFileWriter(file);
    for await (const batch of batches) {
      signal.throwIfAborted();
      // The writer would close itself without a word.
      if (!util.compareSchemas(schema, batch.schema)) {
        throw new AppError("internal", "The batches' columns differ");
      }
      rows += batch.numRows;
      writer.write(batch);
    }
    if (rows === 0) writer.reset(undefined, schema);
    writer.finish();
  }
  if (options.compression !== "none") {
    const transform = options.compression === "gzip" ? createGzip() : createZstdCompress();
    await pipeline(createReadStream(plain), transform, createWriteStream(path), { signal });
    await Deno.remove(plain);
  }
  return rows;
}

/** Both write to the file at once: the library's own queue would hold all of it. */
class IpcFileWriter extends RecordBatchFileWriter {
  readonly #file: Deno.FsFile;

  constructor(file: Deno.FsFile) {
    super();
    this.#file = file;
  }

  protected override _write(chunk: unknown): this {
    if (this._started) this._position += writeAll(this.#file, chunk);
    return this;
  }
}

class StreamFileWriter extends RecordBatchStreamWriter {
  readonly #file: Deno.FsFile;

  constructor(file: Deno.FsFile) {
    super();
    this.#file = file;
  }

  protected override _write(chunk: unknown): this {
    if (this._started) this._position += writeAll(this.#file, chunk);
    return this;
  }
}

function writeAll(file: Deno.FsFile, chunk: unknown): number {
  if (!ArrayBuffer.isView(chunk)) {
    throw new AppError("internal", "Arrow's writer gave something else than bytes");
  }
  const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  let written = 0;
  while (written < bytes.length) written += file.writeSync(bytes.subarray(written));
  return written;
}
