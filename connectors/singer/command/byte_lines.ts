const LINE_FEED = 0x0a;

/** A line is longer than it may be. */
export class LineTooLong extends Error {
  readonly line: number;

  constructor(line: number) {
    super("a line is too long");
    this.line = line;
  }
}

/**
 * The lines of a stream of bytes, without their ends, each to be used before the next is asked for; the last one may have
 * no end. Throws LineTooLong; with `isCut` a line is cut instead, and its rest dropped.
 */
export async function* byteLines(
  stream: AsyncIterable<Uint8Array>,
  maxBytes: number,
  isCut = false,
): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let line = 1;
  const hold = (piece: Uint8Array) => {
    const room = maxBytes - heldBytes;
    if (piece.length > room && !isCut) throw new LineTooLong(line);
    const kept = piece.length > room ? piece.slice(0, room) : piece;
    if (kept.length > 0) held.push(kept);
    heldBytes += kept.length;
  };
  const take = (): Uint8Array => {
    const [only] = held;
    const whole = held.length === 1 && only !== undefined ? only : joined(held, heldBytes);
    held = [];
    heldBytes = 0;
    line += 1;
    return whole;
  };
  for await (const chunk of stream) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      hold(chunk.subarray(start, end));
      yield take();
      start = end + 1;
    }
    hold(chunk.subarray(start));
  }
  if (heldBytes > 0) yield take();
}

function joined(pieces: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  const whole = new Uint8Array(sizeBytes);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
