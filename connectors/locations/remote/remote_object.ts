/** A file that lies on another machine, as it was when it was found. */
export interface RemoteObject {
  /** Absolute; unique in its location. */
  readonly path: string;
  /** For messages, as `s3://bucket/key`. */
  readonly shown: string;
  readonly sizeBytes: number;
  /** Milliseconds since 1970; null where the location does not say. */
  readonly modifiedMs: number | null;
  /** Another one for another content; null where the location has none. */
  readonly etag: string | null;
  /**
   * Whether the other side itself refuses to give bytes of another content than the one that was found; otherwise
   * the file is looked at again when all of it is there.
   */
  readonly isPinned: boolean;
  /**
   * The bytes from `start` to before `end`. Throws `unavailable` where the file is not the one any more that was
   * found; an error with the reason TRANSFER_CUT, or an end before `end`, is tried again from where it came.
   */
  read(range: ByteRange, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Throws `unavailable` where the file is not the one any more that was found. */
  checkUnchanged(signal: AbortSignal): Promise<void>;
}

/** From `start` to before `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** The reason of an error of a connection that was lost, or of a server that could not do it just now. */
export const TRANSFER_CUT = "transfer_cut";
