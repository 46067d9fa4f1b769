import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import { COPY_DATA, type CopyRegion, MESSAGE_HEADER_BYTES } from "./copy_data.ts";
import {
  ConnectionLostError,
  NOT_THE_PROTOCOL,
  parseServerMessage,
  type ServerMessage,
} from "./server_error.ts";
import { SocketBytes } from "../../network/socket_bytes.ts";

/** Types of the server's messages that the gate knows. */
const DATA_ROW = 0x44;
const ERROR = 0x45;
const NOTICE = 0x4e;
const READY_FOR_QUERY = 0x5a;
const ROW_DESCRIPTION = 0x54;

/** What PostgreSQL allows itself for a row of COPY, and some more. */
const MAX_ROW_BYTES = 1024 * 1024 * 1024 + 65_536;
/** Rows aside, no message of an honest server comes near this. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
/** All the rows of a query by the simple protocol: we ask catalogues, not tables. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

/**
 * Stands between a socket and pg's parser, which takes its `data` events. It cuts the bytes into
 * messages, and hands pg only whole and well-formed ones, one at a time and never faster than they
 * are worked on. CopyData goes past pg, to who asks for it, as the bytes that came: an object a row
 * would cost more than decoding the row does.
 */
export class MessageGate extends EventEmitter {
  readonly #bytes: SocketBytes;
  readonly #onNotice: (notice: ServerMessage) => void;
  readonly #ended = Promise.withResolvers<Error>();
  #buffer: Uint8Array = new Uint8Array(0);
  #at = 0;
  #answerBytes = 0;
  #failure: Error | undefined;
  #ready: PromiseWithResolvers<void> | undefined;
  #isCopying = false;
  #wanted: PromiseWithResolvers<CopyRegion | undefined> | undefined;
  #wake: (() => void) | undefined;
  #abandoned: Error | undefined;

  constructor(socket: Duplex, onNotice: (notice: ServerMessage) => void) {
    super();
    this.#bytes = new SocketBytes(socket);
    this.#onNotice = onNotice;
  }

  /** Resolves, with the reason, when no message will come any more and all that came were handed on. */
  get ended(): Promise<Error> {
    return this.#ended.promise;
  }

  /** Hands messages on until the connection ends. */
  async run(): Promise<void> {
    try {
      for (;;) await this.#handNext();
    } catch (error) {
      this.#failure = error instanceof Error ? error : new ConnectionLostError(String(error));
      this.#bytes.fail(this.#failure);
      this.#wanted?.reject(this.#failure);
      this.#ready?.reject(this.#failure);
      this.#ended.resolve(this.#failure);
    }
  }

  /** Why no message will come any more; undefined while one may. */
  get endReason(): Error | undefined {
    return this.#failure;
  }

  /** Ends the gate once what has come is handed on. The first reason stays. */
  endWith(reason: Error): void {
    this.#bytes.fail(reason);
  }

  /** Ends the gate for a reason of our own; what has come and was not asked for is dropped. */
  abandon(reason: Error): void {
    this.#abandoned ??= reason;
    this.#bytes.fail(reason);
    this.#wake?.();
  }

  /** Resolves at the next ReadyForQuery; to be asked for before the command is sent. Throws where the connection ends. */
  nextReady(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#ready ??= Promise.withResolvers<void>();
    this.#ready.promise.catch(() => {}); // It may fail before anybody waits.
    return this.#ready.promise;
  }

  /** To be called before a COPY TO STDOUT is sent. */
  startCopy(): void {
    this.#isCopying = true;
    this.#bytes.gathers = true;
  }

  /**
   * As many whole CopyData messages as have come, at least one, valid until the next call;
   * undefined at the end of the command.
   */
  nextCopyRegion(): Promise<CopyRegion | undefined> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (!this.#isCopying) return Promise.resolve(undefined);
    this.#wanted = Promise.withResolvers();
    this.#wake?.();
    return this.#wanted.promise;
  }

  async #handNext(): Promise<void> {
    if (this.#abandoned !== undefined) throw this.#abandoned;
    await this.#fill(MESSAGE_HEADER_BYTES);
    const type = this.#buffer[this.#at] ?? 0;
    const end = 1 + this.#messageLength();
    if (type === COPY_DATA) {
      if (!this.#isCopying || end > MAX_ROW_BYTES) throw new ConnectionLostError(NOT_THE_PROTOCOL);
      return await this.#handCopyRegion(end);
    }
    this.#checkSize(type, end);
    await this.#fill(end);
    const message = this.#buffer.subarray(this.#at, this.#at + end);
    this.#at += end;
    this.#handMessage(type, message);
  }

  /** A server must not fill our memory, neither by a message nor by rows without end. */
  #checkSize(type: number, sizeBytes: number): void {
    const isAnswer = type === DATA_ROW || type === ROW_DESCRIPTION;
    if (isAnswer) this.#answerBytes += sizeBytes;
    const isTooLarge = isAnswer ? this.#answerBytes > MAX_ANSWER_BYTES : sizeBytes > MAX_MESSAGE_BYTES;
    if (isTooLarge) {
      throw new ConnectionLostError(`${NOT_THE_PROTOCOL}: an answer of ${sizeBytes} bytes and more`);
    }
  }

  #handMessage(type: number, message: Uint8Array): void {
    if (type === ERROR || type === NOTICE) {
      // pg's parser does not end where the mark at a message's end is missing.
      const parsed = parseServerMessage(message.subarray(MESSAGE_HEADER_BYTES));
      if (parsed === undefined) throw new ConnectionLostError(NOT_THE_PROTOCOL);
      if (type === NOTICE) return this.#onNotice(parsed);
    }
    try {
      this.emit("data", Buffer.from(message.buffer, message.byteOffset, message.length));
    } catch (error) {
      throw new ConnectionLostError(NOT_THE_PROTOCOL, { cause: error });
    }
    if (type === READY_FOR_QUERY) this.#endCommand();
  }

  #endCommand(): void {
    this.#answerBytes = 0;
    this.#isCopying = false;
    this.#bytes.gathers = false;
    this.#wanted?.resolve(undefined);
    this.#wanted = undefined;
    this.#ready?.resolve();
    this.#ready = undefined;
  }

  async #handCopyRegion(firstEnd: number): Promise<void> {
    await this.#fill(firstEnd);
    const end = this.#endOfCopyData();
    const region = { bytes: this.#buffer, start: this.#at, end };
    this.#at = end;
    while (this.#wanted === undefined) {
      if (this.#abandoned !== undefined) throw this.#abandoned;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const { resolve } = this.#wanted;
    this.#wanted = undefined;
    resolve(region);
  }

  /** Where the whole CopyData messages end that start at the current place. */
  #endOfCopyData(): number {
    const bytes = this.#buffer;
    let end = this.#at;
    while (end + MESSAGE_HEADER_BYTES <= bytes.length && bytes[end] === COPY_DATA) {
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
      const chunk = await this.#bytes.read();
      chunks.push(chunk);
      have += chunk.length;
    }
    const [only] = chunks;
    this.#buffer = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, have);
    this.#at = 0;
  }
}
