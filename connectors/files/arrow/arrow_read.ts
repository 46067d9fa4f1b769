import { type FileHandle, open } from "node:fs/promises";
import { zstdDecompressSync } from "node:zlib";
import {
  compressionRegistry,
  CompressionType,
  makeData,
  RecordBatch,
  RecordBatchReader,
  type Schema,
  Struct,
  util,
} from "apache-arrow";
import { MAX_BATCH_ROWS } from "../../../contract/arrow.ts";
import type { Cursor } from "../../../contract/connector.ts";
import { AppError } from "../../../contract/errors.ts";
import { ArrowFilter } from "./arrow_filter.ts";
import { checkCompressed, readBytes } from "../compression.ts";
import { fileError } from "../../locations/disk/file_error.ts";
import type { FoundFile } from "../../locations/disk/paths.ts";
import { decodeLz4Frame } from "./lz4.ts";
import type { Compression } from "../options.ts";

/** Arrow IPC files and streams (arrow.apache.org/docs/format/Columnar.html), also Feather version 2. */

export interface ArrowFile {
  readonly file: FoundFile;
  readonly compression: Compression;
}

const FILE_MAGIC = "ARROW1";
const END_OF_STREAM = "\xff\xff\xff\xff\0\0\0\0";

export async function arrowSchema(files: readonly ArrowFile[], signal: AbortSignal): Promise<Schema> {
  const [first] = files;
  if (first === undefined) throw new AppError("internal", "Cannot describe no files");
  await using opened = await openReader(first, signal);
  return opened.reader.schema;
}

/** The batches of all files, which must have the same columns. */
export async function* readArrow(
  files: readonly ArrowFile[],
  cursor: Cursor | undefined,
  signal: AbortSignal,
): AsyncIterable<RecordBatch> {
  const filter = cursor === undefined ? undefined : new ArrowFilter(cursor);
  let schema: Schema | undefined;
  let hasBatch = false;
  for (const source of files) {
    await checkWhole(source, signal);
    await using opened = await openReader(source, signal);
    const { reader } = opened;
    try {
      if (schema !== undefined && !util.compareSchemas(schema, reader.schema)) {
        throw differs(files[0], source);
      }
      schema ??= reader.schema;
      for await (const whole of reader) {
        signal.throwIfAborted();
        const batch = filter === undefined ? whole : filter.apply(whole);
        if (batch === undefined) continue;
        for (let start = 0; start < batch.numRows; start += MAX_BATCH_ROWS) {
          hasBatch = true;
          yield batch.numRows <= MAX_BATCH_ROWS ? batch : batch.slice(start, start + MAX_BATCH_ROWS);
        }
      }
    } catch (error) {
      signal.throwIfAborted();
      throw readError(source, error);
    }
  }
  if (!hasBatch && schema !== undefined) yield emptyBatch(schema);
}

function emptyBatch(schema: Schema): RecordBatch {
  const children = schema.fields.map(({ type }) => makeData({ type, length: 0, nullCount: 0 }));
  return new RecordBatch(
    schema,
    makeData({ type: new Struct(schema.fields), length: 0, nullCount: 0, children }),
  );
}

/** The file format has its table of contents at its end, so a compressed one is unpacked into memory. */
async function openReader(source: ArrowFile, signal: AbortSignal): Promise<OpenReader> {
  compressionRegistry.set(CompressionType.LZ4_FRAME, { decode: decodeLz4Frame });
  compressionRegistry.set(CompressionType.ZSTD, { decode: (data) => zstdDecompressSync(data) });
  const { file, compression } = source;
  if (file.sizeBytes === 0) {
    throw new AppError("invalid", `Cannot read "${file.shown}": it is empty (0 bytes); expected Arrow IPC`);
  }
  const handle = compression === "none"
    ? await open(file.path).catch((error) => {
      throw readError(source, error);
    })
    : undefined;
  try {
    const reader = handle === undefined
      ? await RecordBatchReader.from(await unpack(source, signal))
      : await RecordBatchReader.from(handle);
    await reader.open();
    if (reader.schema === undefined || reader.schema === null) throw new Error("it has no schema");
    return new OpenReader(reader, handle);
  } catch (error) {
    await handle?.close();
    throw readError(source, error);
  }
}

class OpenReader implements AsyncDisposable {
  readonly reader: RecordBatchReader;
  readonly #handle: FileHandle | undefined;

  constructor(reader: RecordBatchReader, handle: FileHandle | undefined) {
    this.reader = reader;
    this.#handle = handle;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reader.cancel();
    // The reader may have closed it by itself.
    await this.#handle?.close().catch(() => {});
  }
}

async function unpack(source: ArrowFile, signal: AbortSignal): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readBytes(source.file, source.compression, signal)) chunks.push(chunk);
  return new Uint8Array(await new Blob(chunks.map((chunk) => new Uint8Array(chunk))).arrayBuffer());
}

/** A stream that was cut between two messages looks whole to a reader: its end mark must be there. */
async function checkWhole(source: ArrowFile, signal: AbortSignal): Promise<void> {
  if (source.compression !== "none") return await checkCompressed(source.file, source.compression, signal);
  try {
    using handle = await Deno.open(source.file.path);
    const tail = new Uint8Array(8);
    await handle.seek(Math.max(0, source.file.sizeBytes - 8), Deno.SeekMode.Start);
    await handle.read(tail);
    const text = new TextDecoder("iso-8859-1").decode(tail).replaceAll("ÿ", "\xff");
    if (text.endsWith(FILE_MAGIC) || text === END_OF_STREAM) return;
  } catch (error) {
    throw fileError("read", source.file.shown, error);
  }
  throw new AppError(
    "invalid",
    `Cannot read "${source.file.shown}": it does not end as Arrow IPC does; it is cut short or of another format`,
  );
}

function readError(source: ArrowFile, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const known = fileError("read", source.file.shown, error);
  if (known.code !== "internal") return known;
  const reason = error instanceof Error ? error.message : String(error);
  return new AppError("invalid", `Cannot read "${source.file.shown}": it is not whole Arrow IPC: ${reason}`, {
    cause: error,
  });
}

function differs(first: ArrowFile | undefined, other: ArrowFile): AppError {
  return new AppError(
    "invalid",
    `Cannot read "${other.file.shown}": its columns or types are not those of "${first?.file.shown}"; ` +
      "make two streams of them",
  );
}
