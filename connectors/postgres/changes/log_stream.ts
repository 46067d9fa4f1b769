import { quoteIdentifier } from "../../../contract/sql.ts";
import { MESSAGE_HEADER_BYTES } from "../session/copy_data.ts";
import type { CopyRegion } from "../session/copy_data.ts";
import { ConnectionLostError } from "../session/server_error.ts";
import type { Session } from "../session/session.ts";
import { writeLsn } from "./lsn.ts";
import { EPOCH_US, type LogMessage, readMessage } from "./pgoutput.ts";

/** Says that we are alive, and asks how far the server is. */
const STATUS_EVERY_MS = 1_000;

const DATA = "w".charCodeAt(0);
const KEEPALIVE = "k".charCodeAt(0);
const STATUS = "r".charCodeAt(0);
const DATA_HEADER_BYTES = 25;

/** How far the server has read its log: all that was committed before has been sent. */
export interface Keepalive {
  readonly type: "keepalive";
  readonly endLsn: bigint;
}

/**
 * The server's log from a place on, over a session for replication. Whoever reads it tells by `confirm` what
 * the server need not keep any more; nothing else moves the slot. While it is not read, the server hears
 * from us all the same, as it ends a connection that is silent (wal_sender_timeout).
 * Source: https://www.postgresql.org/docs/current/protocol-replication.html
 */
export class LogStream implements Disposable {
  readonly #session: Session;
  #confirmed: bigint;
  #timer: ReturnType<typeof setInterval> | undefined;
  #isEnding = false;

  constructor(session: Session, confirmed: bigint) {
    this.#session = session;
    this.#confirmed = confirmed;
  }

  /**
   * Begins to send. What is yielded is valid until the next is asked for; nothing more is once `end` was called.
   * Throws as a session's `copyOut` does.
   */
  async *read(slot: string, from: bigint, publication: string): AsyncGenerator<LogBatch, void, undefined> {
    const name = quoteIdentifier(publication).replaceAll("'", "''");
    const regions = this.#session.copyOut(
      `START_REPLICATION SLOT ${quoteIdentifier(slot)} LOGICAL ${writeLsn(from)} ` +
        `(proto_version '1', publication_names '${name}')`,
    );
    this.#timer = setInterval(() => this.#sendStatus(true), STATUS_EVERY_MS);
    try {
      for await (const region of regions) {
        if (!this.#isEnding) yield () => this.#messagesOf(region);
      }
    } finally {
      this[Symbol.dispose]();
    }
    if (this.#isEnding) return;
    throw new ConnectionLostError("the server ended its log");
  }

  /** What was committed before this place is safe with us. */
  confirm(lsn: bigint): void {
    if (lsn > this.#confirmed) this.#confirmed = lsn;
    this.#sendStatus(false);
  }

  /** Asks the server to stop sending; what it has been told before counts. */
  end(): void {
    this.#isEnding = true;
    this[Symbol.dispose]();
    this.#session.endCopy();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  *#messagesOf({ bytes, start, end }: CopyRegion): Generator<LogMessage | Keepalive, void, undefined> {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = start; at < end;) {
      const messageEnd = at + 1 + view.getInt32(at + 1);
      const body = at + MESSAGE_HEADER_BYTES;
      at = messageEnd;
      if (bytes[body] === DATA) {
        yield readMessage(bytes, body + DATA_HEADER_BYTES, messageEnd);
      } else if (bytes[body] === KEEPALIVE) {
        const isAsked = bytes[body + 17] === 1;
        if (isAsked) this.#sendStatus(false);
        yield { type: "keepalive", endLsn: view.getBigInt64(body + 1) };
      } else {
        throw new ConnectionLostError("the server sent something that is not its log");
      }
    }
  }

  #sendStatus(isAsking: boolean): void {
    const bytes = new Uint8Array(MESSAGE_HEADER_BYTES + 34);
    const view = new DataView(bytes.buffer, MESSAGE_HEADER_BYTES);
    view.setUint8(0, STATUS);
    // Written, flushed, applied: for us they are one.
    for (const at of [1, 9, 17]) view.setBigInt64(at, this.#confirmed);
    view.setBigInt64(25, BigInt(Date.now()) * 1_000n - EPOCH_US);
    view.setUint8(33, isAsking ? 1 : 0);
    this.#session.sendCopyData(bytes);
  }
}

/** The messages of some bytes, to be read once, at once or piece by piece until the next batch is asked for. */
export type LogBatch = () => Iterable<LogMessage | Keepalive>;
