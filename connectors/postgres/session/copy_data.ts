/** Bytes before the payload of a message: its type and its length. */
export const MESSAGE_HEADER_BYTES = 5;

/** The type of a CopyData message: a `d`. */
export const COPY_DATA = 0x64;

/** Some whole CopyData messages, headers included, in `bytes` from `start` to `end`. */
export interface CopyRegion {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Writes the header of a CopyData message into the room that its payload left at the front. */
export function fillCopyDataHeader(bytes: Uint8Array): void {
  bytes[0] = COPY_DATA;
  new DataView(bytes.buffer, bytes.byteOffset).setInt32(1, bytes.length - 1);
}
