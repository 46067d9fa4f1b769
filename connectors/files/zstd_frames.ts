const ZSTD_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;

/** The largest window that zstd itself reads, with --long=31; without, and in DuckDB, it is 27. */
export const MAX_WINDOW_LOG = 31;
const DUCKDB_WINDOW_BYTES = 2 ** 27;

/** Bytes that are somewhere, by their places. */
export interface PlacedBytes {
  readonly sizeBytes: number;
  /** At most `length` bytes from `position` on; fewer at the end. */
  read(position: number, length: number): Promise<Uint8Array>;
}

/** What is no whole zstd data. */
export class ZstdFault extends Error {
  /** It ends too early; else it is something else. */
  readonly isCut: boolean;

  constructor(isCut: boolean) {
    super(isCut ? "it ends within a frame" : "not a zstd frame");
    this.isCut = isCut;
  }
}

export interface ZstdFrame {
  readonly start: number;
  readonly end: number;
  readonly hasData: boolean;
  /** DuckDB does not read it. */
  readonly isOdd: boolean;
}

/**
 * Walks the frames and blocks without decompressing them (RFC 8878, section 3.1), since decompressors end with the first
 * frame, and take data that was cut for its end. Throws ZstdFault where one is cut, or where there is none.
 */
export async function zstdFrames(bytes: PlacedBytes): Promise<readonly ZstdFrame[]> {
  if (bytes.sizeBytes === 0) throw new ZstdFault(true);
  const frames: ZstdFrame[] = [];
  let position = 0;
  while (position < bytes.sizeBytes) {
    const frame = await skipFrame(bytes, position);
    frames.push(frame);
    position = frame.end;
  }
  if (position !== bytes.sizeBytes) throw new ZstdFault(true);
  return frames;
}

async function skipFrame(reader: PlacedBytes, start: number): Promise<ZstdFrame> {
  const head = await viewAt(reader, start, 18);
  if (head.byteLength < 5) throw new ZstdFault(true);
  const magic = head.getUint32(0, true);
  if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC && head.byteLength >= 8) {
    return { start, end: start + 8 + head.getUint32(4, true), hasData: false, isOdd: true };
  }
  if (magic !== ZSTD_MAGIC) throw new ZstdFault(false);
  const descriptor = head.getUint8(4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const contentSizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  const dictionaryIdBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  let position = start + 5 + (isSingleSegment ? 0 : 1) + dictionaryIdBytes + contentSizeBytes;
  for (;;) {
    const block = await viewAt(reader, position, 3);
    if (block.byteLength < 3) throw new ZstdFault(true);
    const header = block.getUint8(0) | (block.getUint8(1) << 8) | (block.getUint8(2) << 16);
    const isRunLength = ((header >> 1) & 3) === 1;
    position += 3 + (isRunLength ? 1 : header >> 3);
    if (position > reader.sizeBytes) throw new ZstdFault(true);
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

async function viewAt(reader: PlacedBytes, position: number, length: number): Promise<DataView> {
  const bytes = await reader.read(position, length);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
