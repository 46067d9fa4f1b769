import {
  type Command,
  CopyIn,
  CopyOut,
  Description,
  type ResultColumn,
  runCommand,
  TextQuery,
} from "./commands.ts";
import { cancelCommand } from "./cancel_command.ts";
import { connectToAny } from "./connect.ts";
import type { SessionOptions } from "./connection_options.ts";
import type { GatedConnection } from "./gated_connection.ts";
import { type CopyRegion, fillCopyDataHeader } from "./copy_data.ts";
import { closeClient, type OpenClient } from "./open_client.ts";
import { ConnectionLostError } from "./server_error.ts";

export interface QueryResult {
  /** Rows of the last statement that had some, as text. */
  readonly rows: readonly (readonly (string | null)[])[];
  /** Tag of the last statement, as `INSERT 0 3`. */
  readonly tag: string;
}

const CLOSED = "the connection was closed";

/**
 * One connection to PostgreSQL, one command at a time. `pg` connects, signs in and speaks the simple
 * protocol; the rows of a COPY go past it, as the bytes that they are.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #opened: OpenClient;
  readonly #connection: GatedConnection;
  #isUsable = true;
  #cancelling: Promise<void> | undefined;

  private constructor(options: SessionOptions, opened: OpenClient) {
    this.#options = options;
    this.#opened = opened;
    this.#connection = opened.connection;
    void this.#connection.gate.ended.then(() => this.#isUsable = false);
  }

  /** Throws ConnectionLostError, HandshakeError, ServerError, or the signal's reason. */
  static async connect(options: SessionOptions, signal: AbortSignal): Promise<Session> {
    return new Session(options, await connectToAny(options, signal));
  }

  /** Whether another command may be sent: the connection stands and no transaction is open. */
  get isIdle(): boolean {
    return this.#isUsable && this.#opened.client.getTransactionStatus() === "I";
  }

  get serverEncoding(): string {
    return this.#connection.parameters.get("server_encoding") ?? "";
  }

  /** The server's process that serves this session. */
  get processId(): number {
    return this.#connection.processId;
  }

  /** Until it is disposed, an abort of the signal cancels the command at the server and cuts the connection. */
  cancelOn(signal: AbortSignal): Disposable {
    const abort = () => this.#cancel();
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    return { [Symbol.dispose]: () => signal.removeEventListener("abort", abort) };
  }

  /** Throws where the server does not answer any more. */
  async check(): Promise<void> {
    await this.query("SELECT 1");
  }

  /** One or more statements by the simple protocol. */
  async query(sql: string): Promise<QueryResult> {
    const command = new TextQuery(sql);
    await this.#run(command);
    return { rows: command.rows, tag: command.tag };
  }

  /** The columns of a statement that is not run. */
  async describe(sql: string): Promise<readonly ResultColumn[]> {
    const command = new Description(sql);
    await this.#run(command);
    return command.columns;
  }

  /**
   * Runs a `COPY … TO STDOUT`. Nothing is read from the network beyond a small read-ahead while
   * nobody asks for the next region. Stopping early closes the session.
   */
  async *copyOut(sql: string): AsyncGenerator<CopyRegion, void, undefined> {
    const running = this.#run(new CopyOut(sql));
    running.catch(() => {}); // Awaited below, once the rows are read.
    const { gate } = this.#connection;
    let isComplete = false;
    try {
      for (;;) {
        // Where the connection is lost, the command knows better what the server said last.
        const region = await gate.nextCopyRegion().catch(() => undefined);
        if (region === undefined) break;
        yield region;
      }
      isComplete = true;
      await running;
    } finally {
      if (!isComplete) this.#cancel();
    }
  }

  /**
   * Runs a `COPY … FROM STDIN` and returns how many rows the server took. Every chunk leaves
   * MESSAGE_HEADER_BYTES free at its front, and is this session's own from then on. When `chunks`
   * throws, the server discards what it got, and the error is thrown on.
   */
  async copyIn(sql: string, chunks: AsyncIterable<Uint8Array>): Promise<number> {
    const command = new CopyIn(sql, chunks);
    try {
      await this.#run(command);
    } finally {
      await command.sent;
    }
    return Number(/ (\d+)$/.exec(command.tag)?.[1] ?? Number.NaN);
  }

  /**
   * Sends a message into a stream that `copyOut` has begun in both directions. Its payload leaves
   * MESSAGE_HEADER_BYTES free at its front. Does nothing once the connection has ended.
   */
  sendCopyData(bytes: Uint8Array): void {
    if (!this.#isUsable) return;
    fillCopyDataHeader(bytes);
    this.#connection.stream.write(bytes);
  }

  /** Says that nothing more is sent into that stream; the server then ends its own side. */
  endCopy(): void {
    if (this.#isUsable) this.#connection.endCopyFrom();
  }

  /** Says goodbye where that is possible; never throws. */
  async close(): Promise<void> {
    if (this.#isUsable) {
      this.#isUsable = false;
      await closeClient(this.#opened);
    }
    await this.#connection.closed;
    await this.#cancelling;
  }

  /** Runs one command to its end. Throws what went wrong first, at the server or on the way. */
  async #run(command: Command): Promise<void> {
    if (!this.#isUsable) throw new ConnectionLostError(CLOSED);
    await runCommand(this.#opened, command);
  }

  /** Tells the server by a second connection to stop, and cuts this one. */
  #cancel(): void {
    this.#isUsable = false;
    if (this.#cancelling !== undefined) return;
    this.#cancelling = cancelCommand(this.#options, this.#opened);
    this.#connection.abandon(new ConnectionLostError(CLOSED));
  }
}
