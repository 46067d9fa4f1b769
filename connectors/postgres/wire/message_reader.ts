import { MESSAGE_HEADER_BYTES } from "./messages.ts";
import { ConnectionLostError } from "./server_error.ts";
import type { WireSocket } from "./wire_socket.ts";

export interface Message {
  readonly type: number;
  /** Valid until the next message is asked for. */
  readonly body: Uint8Array;
}

/** Some whole CopyData messages, headers included, in `bytes` from `start` to `end`. */
export interface CopyRegion {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Types of the server's messages. */
export const MESSAGE = {
  authentication: 0x52,
  backendKeyData: 0x4b,
  commandComplete: 0x43,
  copyData: 0x64,
  copyInResponse: 0x47,
  dataRow: 0x44,
  error: 0x45,
  notice: 0x4e,
  notification: 0x41,
  parameterStatus: 0x53,
  readyForQuery: 0x5a,
  rowDescription: 0x54,
} as const;

const NOT_THE_PROTOCOL = "the server sent something that is not PostgreSQL's protocol";

/** Cuts the bytes of a socket into messages. */
export class MessageReader {
  readonly #socket: WireSocket;
  #buffer: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(socket: WireSocket) {
    this.#socket = socket;
  }

  async next(): Promise<Message> {
    await this.#fill(MESSAGE_HEADER_BYTES);
    const end = 1 + this.#messageLength();
    await this.#fill(end);
    const start = this.#at;
    this.#at += end;
    return {
      type: this.#buffer[start] ?? 0,
      body: this.#buffer.subarray(start + MESSAGE_HEADER_BYTES, start + end),
    };
  }

  get hasUnread(): boolean {
    return this.#at < this.#buffer.length;
  }

  /** The type of the next message, which stays. */
  async peek(): Promise<number> {
    await this.#fill(1);
    return this.#buffer[this.#at] ?? 0;
  }

  /** As many whole CopyData messages as have come, at least one; undefined where another type is next. */
  async nextCopyRegion(): Promise<CopyRegion | undefined> {
    let end = this.#endOfCopyData();
    if (end === this.#at) {
      if (await this.peek() !== MESSAGE.copyData) return undefined;
      await this.#fill(MESSAGE_HEADER_BYTES);
      await this.#fill(1 + this.#messageLength());
      end = this.#endOfCopyData();
    }
    const start = this.#at;
    this.#at = end;
    return { bytes: this.#buffer, start, end };
  }

  /** Where the whole CopyData messages end that start at the current place. */
  #endOfCopyData(): number {
    const bytes = this.#buffer;
    let end = this.#at;
    while (end + MESSAGE_HEADER_BYTES <= bytes.length && bytes[end] === MESSAGE.copyData) {
      const length = ((bytes[end + 1] ?? 0) << 24) | ((bytes[end + 2] ?? 0) << 16) |
        ((bytes[end + 3] ?? 0) << 8) | (bytes[end + 4] ?? 0);
      if (length < 4 || end + 1 + length > bytes.length) break;
      end += 1 + length;
    }
    return end;
  }

  #messageLength(): number {
    const length = new DataView(this.#buffer.buffer, this.#buffer.byteOffset + this.#at).getInt32(1);
    if (length < 4) throw new ConnectionLostError(NOT_THE_PROTOCOL);
    return length;
  }

  /** Reads until that many bytes stand at the current place. */
  async #fill(sizeBytes: number): Promise<void> {
    let have = this.#buffer.length - this.#at;
    if (have >= sizeBytes) return;
    const chunks = have === 0 ? [] : [this.#buffer.subarray(this.#at)];
    while (have < sizeBytes) {
      const chunk = await this.#socket.read();
      chunks.push(chunk);
      have += chunk.length;
    }
    const [only] = chunks;
    this.#buffer = chunks.length === 1 && only !== undefined ? only : concat(chunks, have);
    this.#at = 0;
  }
}

function concat(chunks: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
