import type { FileHandle } from "node:fs/promises";
import { zstdDecompressSync } from "node:zlib";
import {
  compressionRegistry,
  CompressionType,
  makeData,
  RecordBatch,
  RecordBatchReader,
  Schema,
  Struct,
  util,
} from "apache-arrow";
import { MAX_BATCH_ROWS } from "../../../contract/arrow.ts";
import { emptyBatch } from "../../empty_batch.ts";
import { AppError } from "../../../contract/errors.ts";
import { isSameName } from "../../../contract/sql.ts";
import { ArrowFilter, type ArrowWindow } from "./arrow_filter.ts";
import { checkCompressed, readBytes } from "../compression.ts";
import { fileError } from "../../locations/file_error.ts";
import type { FileReader, StoredFile } from "../../locations/location.ts";
import { decodeLz4Frame } from "./lz4.ts";
import type { Compression } from "../options.ts";

/** Arrow IPC files and streams (arrow.apache.org/docs/format/Columnar.html), also Feather version 2. */

export interface ArrowFile {
  readonly file: StoredFile;
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
  window: ArrowWindow,
  signal: AbortSignal,
): AsyncIterable<RecordBatch> {
  const filter = window.cursor === undefined && window.until === undefined
    ? undefined
    : new ArrowFilter(window);
  let schema: Schema | undefined;
  let hasBatch = false;
  for (const source of files) {
    await checkWhole(source, signal);
    await using opened = await openReader(source, signal);
    const { reader } = opened;
    try {
      checkNames(source, reader.schema);
      schema ??= reader.schema;
      if (!util.compareSchemas(schema, withNamesOf(schema, reader.schema))) throw differs(files[0], source);
      for await (const given of reader) {
        signal.throwIfAborted();
        const whole = given.schema === schema ? given : ofSchema(schema, given);
        const batch = filter === undefined ? whole : filter.apply(whole);
        if (batch === undefined) continue;
        for (let start = 0; start < batch.numRows; start += MAX_BATCH_ROWS) {
          hasBatch = true;
          yield batch.numRows <= MAX_BATCH_ROWS ? batch : batch.slice(start, start + MAX_BATCH_ROWS);
        }
      }
      await source.file.checkUnchanged();
    } catch (error) {
      signal.throwIfAborted();
      throw readError(source, error);
    }
  }
  if (!hasBatch && schema !== undefined) yield emptyBatch(schema);
}

/** Throws `invalid` for columns that DuckDB takes for one. */
function checkNames({ file }: ArrowFile, { fields }: Schema): void {
  for (const [index, { name }] of fields.entries()) {
    const same = fields.slice(0, index).find((field) => isSameName(field.name, name));
    if (same === undefined) continue;
    throw new AppError(
      "invalid",
      `Cannot read "${file.shown}": the column "${name}" is there twice, the other time as "${same.name}"; ` +
        "rename one of them",
    );
  }
}

/** The other schema with its names in the first one's case of letters. */
function withNamesOf(first: Schema, other: Schema): Schema {
  const fields = other.fields.map((field, index) => {
    const name = first.fields[index]?.name;
    return name !== undefined && isSameName(name, field.name) ? field.clone({ name }) : field;
  });
  return new Schema(fields, other.metadata);
}

function ofSchema(schema: Schema, { data, numRows }: RecordBatch): RecordBatch {
  const type = new Struct(schema.fields);
  return new RecordBatch(schema, makeData({ type, length: numRows, nullCount: 0, children: data.children }));
}

/** The file format has its table of contents at its end, so a compressed one is unpacked into memory. */
async function openReader(source: ArrowFile, signal: AbortSignal): Promise<OpenReader> {
  compressionRegistry.set(CompressionType.LZ4_FRAME, { decode: decodeLz4Frame });
  compressionRegistry.set(CompressionType.ZSTD, { decode: (data) => zstdDecompressSync(data) });
  const { file, compression } = source;
  if (file.sizeBytes === 0) {
    throw new AppError("invalid", `Cannot read "${file.shown}": it is empty (0 bytes); expected Arrow IPC`);
  }
  const bytes = compression === "none" ? await file.open() : undefined;
  try {
    const reader = bytes === undefined
      ? await RecordBatchReader.from(await unpack(source, signal))
      : await RecordBatchReader.from(handleOf(file, bytes));
    await reader.open();
    if (reader.schema === undefined || reader.schema === null) throw new Error("it has no schema");
    return new OpenReader(reader, bytes);
  } catch (error) {
    await bytes?.[Symbol.asyncDispose]();
    throw readError(source, error);
  }
}

/** The library reads a file by a handle of Node's, of which it uses these few parts. */
function handleOf(file: StoredFile, reader: FileReader): FileHandle {
  const handle = {
    fd: 0,
    stat: () => Promise.resolve({ size: file.sizeBytes }),
    async read(buffer: Uint8Array, offset: number, length: number, position: number) {
      const bytes = await reader.read(position, length);
      // The library would ask for them for ever.
      if (bytes.length < length) throw new Error("it ends too early");
      buffer.set(bytes, offset);
      return { bytesRead: bytes.length, buffer };
    },
    // Who opened it closes it.
    close: () => Promise.resolve(),
  };
  // The type has all that Node's handles can do.
  return handle as unknown as FileHandle;
}

class OpenReader implements AsyncDisposable {
  readonly reader: RecordBatchReader;
  readonly #bytes: FileReader | undefined;

  constructor(reader: RecordBatchReader, bytes: FileReader | undefined) {
    this.reader = reader;
    this.#bytes = bytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reader.cancel();
    await this.#bytes?.[Symbol.asyncDispose]();
  }
}

async function unpack(source: ArrowFile, signal: AbortSignal): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readBytes(source.file, source.compression, signal)) chunks.push(chunk);
  return new Uint8Array(await new Blob(chunks.map((chunk) => new Uint8Array(chunk))).arrayBuffer());
}

/** A stream that was cut between two messages looks whole to a reader: its end mark must be there. */
async function checkWhole(source: ArrowFile, signal: AbortSignal): Promise<void> {
  if (source.compression !== "none") {
    await checkCompressed(source.file, source.compression, signal);
    return;
  }
  await using reader = await source.file.open();
  const tail = await reader.read(Math.max(0, source.file.sizeBytes - 8), 8);
  const text = new TextDecoder("iso-8859-1").decode(tail).replaceAll("ÿ", "\xff");
  if (text.endsWith(FILE_MAGIC) || text === END_OF_STREAM) return;
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
