import { Readable, type Transform } from "node:stream";
import { promisify } from "node:util";
import { constants, createGunzip, createZstdDecompress, gzip, zstdCompress } from "node:zlib";
import { AppError } from "../../contract/errors.ts";
import type { Compression } from "./options.ts";
import type { StoredFile } from "../locations/location.ts";
import { MAX_WINDOW_LOG, ZstdFault, type ZstdFrame, zstdFrames } from "./zstd_frames.ts";

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
  for (const { start, end, hasData } of await zstdFramesOf(file)) {
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
  if (compression === "zstd") return { isOdd: (await zstdFramesOf(file)).some((frame) => frame.isOdd) };
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

async function zstdFramesOf(file: StoredFile): Promise<readonly ZstdFrame[]> {
  await using reader = await file.open();
  const { sizeBytes } = file;
  try {
    return await zstdFrames({ sizeBytes, read: (position, length) => reader.read(position, length) });
  } catch (error) {
    throw error instanceof ZstdFault ? brokenError(file, "zstd", error.isCut ? undefined : error) : error;
  }
}
