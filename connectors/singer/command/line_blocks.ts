import { LineTooLong } from "./byte_lines.ts";

const LINE_FEED = 0x0a;
const LEAST_BYTES = 128 * 1024;

/**
 * The lines of a stream of bytes as they come, several at a time with their ends, each block to be used before the next is asked for;
 * the last line may have no end. Throws LineTooLong, whose line counts from the block.
 */
export async function* lineBlocks(
  stream: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  let buffer = new Uint8Array(LEAST_BYTES);
  let filled = 0;
  for await (const chunk of stream) {
    if (filled + chunk.length > buffer.length) {
      const larger = new Uint8Array(2 * (filled + chunk.length));
      larger.set(buffer.subarray(0, filled));
      buffer = larger;
    }
    buffer.set(chunk, filled);
    const feed = chunk.lastIndexOf(LINE_FEED);
    const end = feed === -1 ? 0 : filled + feed + 1;
    filled += chunk.length;
    if (end > 0) {
      yield buffer.subarray(0, end);
      buffer.copyWithin(0, end, filled);
      filled -= end;
    }
    if (filled > maxBytes) throw new LineTooLong(1);
  }
  if (filled > 0) yield buffer.subarray(0, filled);
}
