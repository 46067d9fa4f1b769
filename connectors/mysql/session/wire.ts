import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { ConnectionLostError, describeSocketError } from "../../network/failures.ts";
import { SocketBytes } from "../../network/socket_bytes.ts";
import {
  EOF_MARK,
  ERROR_MARK,
  MAX_EOF_BYTES,
  MAX_PAYLOAD_BYTES,
  PacketStream,
  type RowRegion,
} from "./packet_stream.ts";
import {
  type Outcome,
  parseColumn,
  parseEof,
  parseError,
  parseOk,
  PayloadReader,
  type ResultColumn,
} from "./payload.ts";
import { NOT_THE_PROTOCOL } from "./server_error.ts";

/** Rows aside, no packet of an honest server comes near this. */
const MAX_PACKET_BYTES = 64 * 1024 * 1024;
/** All the rows of a query whose rows are kept: catalogues are asked, not tables. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;
const COM_QUIT = 0x01;
const COM_QUERY = 0x03;
const OK_MARK = 0x00;
const LOCAL_FILE_MARK = 0xfb;
/** What a result may have, in any of the servers. */
const MAX_COLUMNS = 4_096;
/** Up to this size a packet is put together with its header, and goes out in one piece. */
const COPIED_BYTES = 16_384;
const CLOSED = "the connection was closed";
const WANTS_FILE = `${NOT_THE_PROTOCOL}: it asks for a file`;

export type Row = readonly (string | null)[];

export interface TextResult extends Outcome {
  /** Of the last result that had some; none where none had. */
  readonly columns: readonly ResultColumn[];
  readonly rows: readonly Row[];
}

/** Takes the columns of a result before its rows; throws where they are not those that were expected. */
export type TakeColumns = (columns: readonly ResultColumn[]) => void;

/** What the server answers a statement with, first. */
type Answer =
  | { readonly kind: "done"; readonly outcome: Outcome }
  | { readonly kind: "columns"; readonly columns: readonly ResultColumn[] }
  | { readonly kind: "file" };

/**
 * Speaks the text protocol over a connection that is signed in, a statement at a time. After a
 * ServerError the next statement may be sent; after any other error none may.
 * Source: https://mariadb.com/kb/en/com_query/
 */
export class Wire {
  readonly #stream: Duplex;
  readonly #bytes: SocketBytes;
  readonly #packets: PacketStream;
  #isInTransaction = false;
  #isClosed = false;
  #rejectWrite: ((reason: Error) => void) | undefined;

  /** `stream` is connected and signed in, and nobody else reads it. */
  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.once("close", () => {
      this.#isClosed = true;
      this.#rejectWrite?.(new ConnectionLostError(CLOSED));
    });
    this.#bytes = new SocketBytes(stream);
    this.#packets = new PacketStream(this.#bytes);
  }

  get isInTransaction(): boolean {
    return this.#isInTransaction;
  }

  /** What is waited for, and all that is asked for later, throws the reason. */
  abandon(reason: Error): void {
    this.#bytes.fail(reason);
    this.#rejectWrite?.(reason);
  }

  /** One statement; its rows as text. Throws ServerError or ConnectionLostError. */
  async query(sql: string): Promise<TextResult> {
    await this.#sendQuery(sql);
    let columns: readonly ResultColumn[] = [];
    let rows: Row[] = [];
    for (;;) {
      const answer = await this.#readAnswer();
      if (answer.kind === "file") throw new ConnectionLostError(WANTS_FILE);
      let outcome: Outcome;
      if (answer.kind === "columns") {
        columns = answer.columns;
        rows = [];
        outcome = await this.#readTextRows(columns.length, rows);
      } else outcome = answer.outcome;
      if (!outcome.hasMoreResults) return { ...outcome, columns, rows };
    }
  }

  /**
   * One query; its rows as the bytes that they are. Nothing is read from the network beyond a small
   * read-ahead while nobody asks for the next region. Returns when the server has said that these were
   * all. To be read to its end: who stops earlier has to close the connection.
   */
  async *rows(sql: string, take: TakeColumns): AsyncGenerator<RowRegion, Outcome, undefined> {
    await this.#sendQuery(sql);
    const answer = await this.#readAnswer();
    if (answer.kind === "file") throw new ConnectionLostError(WANTS_FILE);
    if (answer.kind === "done") throw new ConnectionLostError(`${NOT_THE_PROTOCOL}: a query without columns`);
    take(answer.columns);
    this.#bytes.gathers = true;
    for (;;) {
      const region = await this.#packets.readRows();
      if (region === undefined) break;
      yield region;
    }
    this.#bytes.gathers = false;
    const outcome = await this.#readEnd();
    if (outcome.hasMoreResults) throw new ConnectionLostError(`${NOT_THE_PROTOCOL}: a second result`);
    return outcome;
  }

  /**
   * A `LOAD DATA LOCAL`, whose file are the chunks; each is the wire's own until the next is asked for.
   * Where `chunks` throws, the server cannot be told: the error is thrown on, and the connection has to
   * be closed.
   */
  async load(sql: string, chunks: AsyncIterable<Uint8Array>): Promise<Outcome> {
    await this.#sendQuery(sql);
    const answer = await this.#readAnswer();
    if (answer.kind === "columns") throw new ConnectionLostError(`${NOT_THE_PROTOCOL}: rows of a load`);
    if (answer.kind === "done") return answer.outcome;
    for await (const chunk of chunks) {
      for (let at = 0; at < chunk.length; at += MAX_PAYLOAD_BYTES - 1) {
        await this.#sendPacket(chunk.subarray(at, Math.min(at + MAX_PAYLOAD_BYTES - 1, chunk.length)));
      }
    }
    await this.#sendPacket(new Uint8Array(0));
    const end = await this.#readAnswer();
    if (end.kind !== "done") throw new ConnectionLostError(NOT_THE_PROTOCOL);
    return end.outcome;
  }

  /** A command of the protocol that is answered by no rows. Throws ServerError or ConnectionLostError. */
  async command(payload: Uint8Array): Promise<Outcome> {
    this.#packets.sequence = 0;
    await this.#sendPacket(payload);
    const answer = await this.#readAnswer();
    if (answer.kind !== "done") throw new ConnectionLostError(NOT_THE_PROTOCOL);
    return answer.outcome;
  }

  /**
   * What the server sends after the command until it says that this was all, each without the byte that says it is
   * not the end. Nothing is read beyond a small read-ahead while nobody asks.
   */
  async *packets(command: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
    this.#packets.sequence = 0;
    await this.#sendPacket(command);
    this.#bytes.gathers = true;
    for (;;) {
      const payload = await this.#packets.read();
      if (payload[0] === ERROR_MARK) throw parseError(payload);
      if (isEnd(payload)) break;
      if (payload[0] !== OK_MARK) throw new ConnectionLostError(NOT_THE_PROTOCOL);
      yield payload.subarray(1);
    }
    this.#bytes.gathers = false;
  }

  /** Says goodbye; the server closes the connection then. */
  async quit(): Promise<void> {
    this.#packets.sequence = 0;
    await this.#sendPacket(Uint8Array.of(COM_QUIT));
  }

  async #sendQuery(sql: string): Promise<void> {
    const text = Buffer.from(sql, "utf8");
    const payload = Buffer.allocUnsafe(text.length + 1);
    payload[0] = COM_QUERY;
    text.copy(payload, 1);
    this.#packets.sequence = 0;
    // A payload of exactly the greatest length is followed by an empty one.
    for (let at = 0; at <= payload.length; at += MAX_PAYLOAD_BYTES) {
      await this.#sendPacket(payload.subarray(at, Math.min(at + MAX_PAYLOAD_BYTES, payload.length)));
    }
  }

  /** Resolves when the bytes may be changed again. */
  async #sendPacket(payload: Uint8Array): Promise<void> {
    const { length } = payload;
    const header = Buffer.of(length & 0xff, (length >> 8) & 0xff, length >> 16, this.#packets.sequence);
    this.#packets.sequence += 1;
    if (length < COPIED_BYTES) return await this.#write(Buffer.concat([header, payload]));
    this.#stream.cork();
    this.#stream.write(header);
    const sent = this.#write(payload);
    this.#stream.uncork();
    await sent;
  }

  /** A write under way when the socket closes is never called back. */
  #write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(new ConnectionLostError(CLOSED));
      this.#rejectWrite = reject;
      this.#stream.write(bytes, (error) => {
        if (!error) return resolve();
        reject(new ConnectionLostError(describeSocketError(error), { cause: error }));
      });
    });
  }

  async #readAnswer(): Promise<Answer> {
    const payload = await this.#packets.read(MAX_PACKET_BYTES);
    switch (payload[0]) {
      case OK_MARK:
        return { kind: "done", outcome: this.#note(parseOk(payload)) };
      case ERROR_MARK:
        throw parseError(payload);
      case LOCAL_FILE_MARK:
        return { kind: "file" };
      default:
        return { kind: "columns", columns: await this.#readColumns(new PayloadReader(payload).length()) };
    }
  }

  async #readColumns(count: number): Promise<readonly ResultColumn[]> {
    if (count > MAX_COLUMNS) throw new ConnectionLostError(`${NOT_THE_PROTOCOL}: ${count} columns`);
    const columns: ResultColumn[] = [];
    while (columns.length < count) columns.push(parseColumn(await this.#packets.read(MAX_PACKET_BYTES)));
    await this.#readEnd();
    return columns;
  }

  async #readTextRows(columns: number, rows: Row[]): Promise<Outcome> {
    let left = MAX_ANSWER_BYTES;
    for (;;) {
      const payload = await this.#packets.read(left);
      if (isEnd(payload)) return this.#end(payload);
      left -= payload.length;
      const reader = new PayloadReader(payload);
      rows.push(Array.from({ length: columns }, () => reader.textOrNull()));
      if (reader.left > 0) throw new ConnectionLostError(NOT_THE_PROTOCOL);
    }
  }

  async #readEnd(): Promise<Outcome> {
    return this.#end(await this.#packets.read(MAX_PACKET_BYTES));
  }

  #end(payload: Uint8Array): Outcome {
    if (payload[0] === ERROR_MARK) throw parseError(payload);
    if (!isEnd(payload)) throw new ConnectionLostError(NOT_THE_PROTOCOL);
    return this.#note(parseEof(payload));
  }

  #note(outcome: Outcome): Outcome {
    this.#isInTransaction = outcome.isInTransaction;
    return outcome;
  }
}

const isEnd = (payload: Uint8Array): boolean =>
  payload[0] === ERROR_MARK || payload[0] === EOF_MARK && payload.length <= MAX_EOF_BYTES;
