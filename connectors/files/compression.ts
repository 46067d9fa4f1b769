import { Readable, type Transform } from "node:stream";
import { promisify } from "node:util";
import { constants, createGunzip, createZstdDecompress, gzip, zstdCompress } from "node:zlib";
import { AppError } from "../../contract/errors.ts";
import type { Compression } from "./options.ts";
import type { FileReader, StoredFile } from "../locations/location.ts";

/** The file's bytes, decompressed, in chunks. Throws `invalid` where the compressed data is broken. */
export async function* readBytes(
  file: StoredFile,
  compression: Compression,
  signal?: AbortSignal,
): AsyncIterable<Uint8Array> {
  try {
    for await (const chunk of plainBytes(file, compression)) {
      signal?.throwIfAborted();
      yield chunk;
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (compression !== "none" && isBrokenData(error)) throw brokenError(file, compression, error);
    throw error;
  }
}

async function* plainBytes(file: StoredFile, compression: Compression): AsyncIterable<Uint8Array> {
  if (compression === "none") yield* file.read();
  if (compression === "gzip") yield* decompressed(file.read(), createGunzip());
  if (compression !== "zstd") return;
  // Node's decompressor ends with the first frame, and takes one without data for such.
  for (const { start, end, hasData } of await zstdFrames(file)) {
    if (!hasData) continue;
    const params = { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG };
    yield* decompressed(file.read({ start, end }), createZstdDecompress({ params }));
  }
}

/** Ending the iteration early closes the file as well. */
async function* decompressed(
  bytes: AsyncIterable<Uint8Array>,
  transform: Transform,
): AsyncIterable<Uint8Array> {
  const raw = Readable.from(bytes, { objectMode: false });
  raw.on("error", (error) => transform.destroy(error));
  try {
    yield* raw.pipe(transform);
  } finally {
    transform.destroy();
    raw.destroy();
  }
}

/**
 * Reads the whole file to see that its compressed data is complete: DuckDB takes a gzip or zstd
 * file that was cut short for the end of the data. `isOdd`: it is whole, and DuckDB cannot read it.
 */
export async function checkCompressed(
  file: StoredFile,
  compression: Compression,
  signal: AbortSignal,
): Promise<{ readonly isOdd: boolean }> {
  if (compression === "none") return { isOdd: false };
  if (compression === "zstd") return { isOdd: (await zstdFrames(file)).some((frame) => frame.isOdd) };
  for await (const _chunk of readBytes(file, compression, signal)) {
    // Only its end matters.
  }
  return { isOdd: false };
}

/** Few bytes as a whole gzip member or zstd frame, to which others may be appended. */
export async function compressed(bytes: Uint8Array, compression: Compression): Promise<Uint8Array> {
  if (compression === "gzip") return await promisify<Uint8Array, Uint8Array>(gzip)(bytes);
  if (compression === "zstd") return await promisify<Uint8Array, Uint8Array>(zstdCompress)(bytes);
  return bytes;
}

function isBrokenData(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return code.startsWith("Z_") || /zstd|gzip|header check|unexpected end/i.test(error.message);
}

function brokenError(file: StoredFile, compression: Compression, cause?: unknown): AppError {
  const isCut = cause === undefined || (cause instanceof Error && /unexpected end/i.test(cause.message));
  return new AppError(
    "invalid",
    isCut
      ? `Cannot read "${file.shown}": its ${compression} data is cut short; copy the whole file again`
      : `Cannot read "${file.shown}": it is not whole ${compression} data; copy it again, or set options.compression`,
    cause === undefined ? {} : { cause },
  );
}

const ZSTD_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;

/** The largest window that zstd itself reads, with --long=31; without, and in DuckDB, it is 27. */
const MAX_WINDOW_LOG = 31;
const DUCKDB_WINDOW_BYTES = 2 ** 27;

interface ZstdFrame {
  readonly start: number;
  readonly end: number;
  readonly hasData: boolean;
  /** DuckDB does not read it. */
  readonly isOdd: boolean;
}

/** Walks the frames and blocks without decompressing them (RFC 8878, section 3.1). Throws `invalid` where one is cut. */
async function zstdFrames(file: StoredFile): Promise<readonly ZstdFrame[]> {
  if (file.sizeBytes === 0) throw brokenError(file, "zstd");
  await using reader = await file.open();
  const frames: ZstdFrame[] = [];
  let position = 0;
  while (position < file.sizeBytes) {
    const frame = await skipFrame(reader, position, file);
    frames.push(frame);
    position = frame.end;
  }
  if (position !== file.sizeBytes) throw brokenError(file, "zstd");
  return frames;
}

async function skipFrame(reader: FileReader, start: number, file: StoredFile): Promise<ZstdFrame> {
  const head = await viewAt(reader, start, 18);
  if (head.byteLength < 5) throw brokenError(file, "zstd");
  const magic = head.getUint32(0, true);
  if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC && head.byteLength >= 8) {
    return { start, end: start + 8 + head.getUint32(4, true), hasData: false, isOdd: true };
  }
  if (magic !== ZSTD_MAGIC) throw brokenError(file, "zstd", new Error("not a zstd frame"));
  const descriptor = head.getUint8(4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const contentSizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  const dictionaryIdBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  let position = start + 5 + (isSingleSegment ? 0 : 1) + dictionaryIdBytes + contentSizeBytes;
  for (;;) {
    const block = await viewAt(reader, position, 3);
    if (block.byteLength < 3) throw brokenError(file, "zstd");
    const header = block.getUint8(0) | (block.getUint8(1) << 8) | (block.getUint8(2) << 16);
    const isRunLength = ((header >> 1) & 3) === 1;
    position += 3 + (isRunLength ? 1 : header >> 3);
    if (position > file.sizeBytes) throw brokenError(file, "zstd");
    if ((header & 1) === 1) break;
  }
  const isOdd = windowBytes(head, isSingleSegment, descriptor >> 6) > DUCKDB_WINDOW_BYTES;
  return { start, end: position + ((descriptor & 4) !== 0 ? 4 : 0), hasData: true, isOdd };
}

/** How much of what came before a decompressor has to keep: all of a single segment. */
function windowBytes(head: DataView, isSingleSegment: boolean, sizeField: number): number {
  if (!isSingleSegment) {
    const descriptor = head.getUint8(5);
    const base = 2 ** (10 + (descriptor >> 3));
    return base + (base / 8) * (descriptor & 7);
  }
  if (sizeField < 2 || head.byteLength < 13) return 0;
  return sizeField === 2 ? head.getUint32(5, true) : Number(head.getBigUint64(5, true));
}

async function viewAt(reader: FileReader, position: number, length: number): Promise<DataView> {
  const bytes = await reader.read(position, length);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
