import { promisify } from "node:util";
import { constants, gunzip, zstdDecompress } from "node:zlib";
import { AppError } from "../../../../contract/errors.ts";
import { MAX_WINDOW_LOG, zstdFrames } from "../../../files/zstd_frames.ts";

/** Gzip in a body, and zstd, also where it is the transfer's own encoding, which fetch() leaves as it is. */

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;
const isZstd = ([a, b, c, d]: Uint8Array): boolean => a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd;

/** No text that a page can be begins so. */
export const isCompressed = (bytes: Uint8Array): boolean => isGzip(bytes) || isZstd(bytes);

interface Limits {
  readonly maxOutputLength: number;
  readonly params?: Readonly<Record<number, number>>;
}

const ungzip = promisify<Uint8Array, Limits, Uint8Array>(gunzip);
const unzstdFrame = promisify<Uint8Array, Limits, Uint8Array>(zstdDecompress);

/** What is compressed in the body, all of it. Throws `invalid` where it is cut or broken, or is more than `most`. */
export async function decompressed(bytes: Uint8Array, most: number): Promise<Uint8Array> {
  const kind = isGzip(bytes) ? "gzip" : "zstd";
  try {
    return kind === "gzip" ? await ungzip(bytes, { maxOutputLength: most }) : await unzstd(bytes, most);
  } catch (error) {
    const what = error instanceof RangeError
      ? `what is compressed in it is larger than ${most / 1024 / 1024} MiB; ask for smaller pages`
      : `its ${kind} data is cut short or broken (${error instanceof Error ? error.message : String(error)})`;
    throw new AppError("invalid", what, { cause: error });
  }
}

async function unzstd(bytes: Uint8Array, most: number): Promise<Uint8Array> {
  const frames = await zstdFrames({
    sizeBytes: bytes.length,
    read: (position, length) => Promise.resolve(bytes.subarray(position, position + length)),
  });
  const parts: Uint8Array[] = [];
  let left = most;
  for (const { start, end, hasData } of frames) {
    if (!hasData) continue;
    if (left === 0) throw new RangeError("more than may be");
    const part = await unzstdFrame(bytes.subarray(start, end), {
      maxOutputLength: left,
      params: { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG },
    });
    parts.push(part);
    left -= part.length;
  }
  const [first = new Uint8Array()] = parts;
  if (parts.length <= 1) return first;
  const whole = new Uint8Array(most - left);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
