import type { Clock } from "../../../contract/clock.ts";
import { AppError } from "../../../contract/errors.ts";
import { type ByteRange, type RemoteObject, TRANSFER_CUT } from "./remote_object.ts";

/** Tries without a byte between them; any byte begins the count anew. */
const MAX_TRIES = 5;
const FIRST_WAIT_MS = 200;
/** How long a connection may be silent. */
const SILENCE_MS = 60_000;

export interface FetchContext {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly silenceMs?: number;
}

/**
 * The bytes of a part of the file, exactly those. A connection that is cut is resumed from where it came. Throws
 * `unavailable` where the file changed, and where the connection is cut again and again.
 */
export async function* fetchRange(
  object: RemoteObject,
  { start, end }: ByteRange,
  { clock, signal, silenceMs = SILENCE_MS }: FetchContext,
): AsyncIterable<Uint8Array> {
  let position = start;
  for (let tries = 1; position < end; tries++) {
    signal.throwIfAborted();
    try {
      for await (const bytes of unlessSilent(object, { start: position, end }, signal, silenceMs)) {
        if (position + bytes.length > end) throw tooLong(object);
        position += bytes.length;
        tries = 0;
        yield bytes;
      }
      if (position < end) throw cut(object, "it ended before the file did");
    } catch (error) {
      signal.throwIfAborted();
      const isCut = error instanceof AppError && error.reason === TRANSFER_CUT;
      if (!isCut || tries >= MAX_TRIES) throw error;
      await clock.sleep(FIRST_WAIT_MS * 2 ** Math.max(0, tries - 1), signal);
    }
  }
}

/** Throws where nothing comes for a while. */
async function* unlessSilent(
  object: RemoteObject,
  range: ByteRange,
  signal: AbortSignal,
  silenceMs: number,
): AsyncIterable<Uint8Array> {
  const silent = new AbortController();
  const stop = AbortSignal.any([signal, silent.signal]);
  let timer = setTimeout(() => silent.abort(), silenceMs);
  try {
    for await (const bytes of object.read(range, stop)) {
      clearTimeout(timer);
      yield bytes;
      timer = setTimeout(() => silent.abort(), silenceMs);
    }
  } catch (error) {
    if (silent.signal.aborted) throw cut(object, `nothing came for ${silenceMs / 1000} s`, error);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function cut({ shown }: RemoteObject, what: string, cause?: unknown): AppError {
  return new AppError(
    "unavailable",
    `Cannot read "${shown}": the connection was lost: ${what}; run it again`,
    {
      reason: TRANSFER_CUT,
      cause,
    },
  );
}

function tooLong({ shown }: RemoteObject): AppError {
  return new AppError("unavailable", `Cannot read "${shown}": more bytes came than were asked for`);
}
