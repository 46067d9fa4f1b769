import { Buffer } from "node:buffer";
import { ConnectionLostError } from "../../network/failures.ts";
import type { SocketBytes } from "../../network/socket_bytes.ts";
import { NOT_THE_PROTOCOL } from "./server_error.ts";

/** Three bytes of length, one of sequence. */
export const PACKET_HEADER_BYTES = 4;
/** A payload of this length goes on in the next packet. */
export const MAX_PAYLOAD_BYTES = 0xff_ffff;
/** The most that a server can be set to send at a time (max_allowed_packet), and some more. */
const MAX_LOGICAL_BYTES = 1024 * 1024 * 1024 + 65_536;

/** First bytes of packets that end a result; 0xfe also begins a row whose first value is enormous. */
export const EOF_MARK = 0xfe;
export const ERROR_MARK = 0xff;
export const MAX_EOF_BYTES = 8;

/** Some whole rows: packets with their headers, or one payload that came in several packets. */
export interface RowRegion {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** Whether a header stands before each row. */
  readonly isFramed: boolean;
}

/**
 * Cuts the server's bytes into packets. Every packet's number must be the next one: a packet that is
 * missing or doubled is never taken for a row.
 * Source: https://mariadb.com/kb/en/0-packet/
 */
export class PacketStream {
  readonly #bytes: SocketBytes;
  #buffer: Uint8Array = new Uint8Array(0);
  #at = 0;
  #sequence = 0;

  constructor(bytes: SocketBytes) {
    this.#bytes = bytes;
  }

  /** The number that the next packet must have, from either side. */
  get sequence(): number {
    return this.#sequence;
  }

  set sequence(next: number) {
    this.#sequence = next & 0xff;
  }

  /**
   * The next payload, whole, valid for as long as anybody holds it. Throws ConnectionLostError, also
   * for more than `maxBytes`.
   */
  async read(maxBytes: number = MAX_LOGICAL_BYTES): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let size = 0;
    for (;;) {
      await this.#fill(PACKET_HEADER_BYTES);
      const length = this.#lengthAt(this.#at);
      size += length;
      if (size > maxBytes) {
        throw new ConnectionLostError(`${NOT_THE_PROTOCOL}: an answer of more than ${maxBytes} bytes`);
      }
      this.#takeSequence(this.#at);
      await this.#fill(PACKET_HEADER_BYTES + length);
      const start = this.#at + PACKET_HEADER_BYTES;
      parts.push(this.#buffer.subarray(start, start + length));
      this.#at = start + length;
      if (length < MAX_PAYLOAD_BYTES) break;
    }
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts, size);
  }

  /** As many whole rows as have come, at least one, valid until the next call; undefined where no row comes next. */
  async readRows(): Promise<RowRegion | undefined> {
    await this.#fill(PACKET_HEADER_BYTES + 1);
    if (this.#isEndAt(this.#at)) return undefined;
    const length = this.#lengthAt(this.#at);
    if (length === MAX_PAYLOAD_BYTES) {
      const bytes = await this.read();
      return { bytes, start: 0, end: bytes.length, isFramed: false };
    }
    await this.#fill(PACKET_HEADER_BYTES + length);
    const start = this.#at;
    const end = this.#endOfRows();
    this.#at = end;
    return { bytes: this.#buffer, start, end, isFramed: true };
  }

  /** Where the whole row packets end that start at the current place. */
  #endOfRows(): number {
    const bytes = this.#buffer;
    let at = this.#at;
    while (at + PACKET_HEADER_BYTES < bytes.length) {
      const length = this.#lengthAt(at);
      if (length === MAX_PAYLOAD_BYTES || at + PACKET_HEADER_BYTES + length > bytes.length) break;
      if (this.#isEndAt(at)) break;
      this.#takeSequence(at);
      at += PACKET_HEADER_BYTES + length;
    }
    return at;
  }

  #isEndAt(at: number): boolean {
    const mark = this.#buffer[at + PACKET_HEADER_BYTES] ?? 0;
    if (mark < EOF_MARK) return false;
    return mark === ERROR_MARK || this.#lengthAt(at) <= MAX_EOF_BYTES;
  }

  #lengthAt(at: number): number {
    const bytes = this.#buffer;
    return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
  }

  #takeSequence(at: number): void {
    const sequence = this.#buffer[at + 3] ?? 0;
    if (sequence !== this.#sequence) {
      throw new ConnectionLostError(
        `${NOT_THE_PROTOCOL}: packet ${sequence} where ${this.#sequence} is due`,
      );
    }
    this.#sequence = (sequence + 1) & 0xff;
  }

  /** Reads until that many bytes stand at the current place. */
  async #fill(sizeBytes: number): Promise<void> {
    let have = this.#buffer.length - this.#at;
    if (have >= sizeBytes) return;
    const chunks = have === 0 ? [] : [this.#buffer.subarray(this.#at)];
    while (have < sizeBytes) {
      const chunk = await this.#bytes.read();
      chunks.push(chunk);
      have += chunk.length;
    }
    const [only] = chunks;
    this.#buffer = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, have);
    this.#at = 0;
  }
}
