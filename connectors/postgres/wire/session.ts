import { parseDataRow, parseRowDescription, parseTag, type ResultColumn, rowsOfTag } from "./answers.ts";
import { authenticate, type Credentials } from "./log_in.ts";
import { type CopyRegion, MESSAGE, type Message, MessageReader } from "./message_reader.ts";
import {
  cancelRequest,
  copyDone,
  copyFail,
  describeStatement,
  fillCopyDataHeader,
  query as queryMessage,
  startup,
  terminate,
} from "./messages.ts";
import { ConnectionLostError, parseServerMessage, ServerError, type ServerMessage } from "./server_error.ts";
import { type Endpoint, WireSocket } from "./wire_socket.ts";

export interface SessionOptions extends Endpoint, Credentials {
  readonly database: string;
  readonly applicationName: string;
  onNotice(notice: ServerMessage): void;
}

export interface QueryResult {
  /** Rows of the last statement that had some, as text. */
  readonly rows: readonly (readonly (string | null)[])[];
  /** Tag of the last statement, as `INSERT 0 3`. */
  readonly tag: string;
}

const decoder = new TextDecoder();

/**
 * One connection to PostgreSQL, one command at a time.
 *
 * Our own client and not a driver from the registry, for three reasons: a run's process has no
 * environment permission, which both common drivers need to be imported or used; neither gives the
 * tag of a COPY, which a load compares before its commit; and one object a row (a message and a
 * stream chunk) costs more than decoding the row does.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #socket: WireSocket;
  readonly #reader: MessageReader;
  readonly #parameters = new Map<string, string>();
  #processId = 0;
  #secretKey = 0;
  #isUsable = true;
  #transactionStatus = "I";
  #cancelling: Promise<void> | undefined;

  private constructor(options: SessionOptions, socket: WireSocket) {
    this.#options = options;
    this.#socket = socket;
    this.#reader = new MessageReader(socket);
  }

  /** Throws ConnectionLostError, HandshakeError, ServerError, or the signal's reason. */
  static async connect(options: SessionOptions, signal: AbortSignal): Promise<Session> {
    const socket = await WireSocket.connect(options, signal);
    const session = new Session(options, socket);
    // A server that accepts and then says nothing must not hold the run for ever.
    const timeout = AbortSignal.timeout(options.connectTimeoutMs);
    const stop = AbortSignal.any([signal, timeout]);
    const abort = () => void socket.destroy();
    stop.addEventListener("abort", abort, { once: true });
    try {
      await session.#logIn();
      return session;
    } catch (error) {
      await socket.destroy();
      signal.throwIfAborted();
      if (timeout.aborted) {
        throw new ConnectionLostError(`no answer within ${options.connectTimeoutMs / 1000} s`, {
          cause: error,
        });
      }
      throw error;
    } finally {
      stop.removeEventListener("abort", abort);
    }
  }

  /** Whether another command may be sent: the connection stands and no transaction is open. */
  get isIdle(): boolean {
    return this.#isUsable && this.#transactionStatus === "I";
  }

  get serverEncoding(): string {
    return this.#parameters.get("server_encoding") ?? "";
  }

  /** The server's process that serves this session. */
  get processId(): number {
    return this.#processId;
  }

  /** Until it is disposed, an abort of the signal cancels the command at the server and cuts the connection. */
  cancelOn(signal: AbortSignal): Disposable {
    const abort = () => this.#cancel();
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    return { [Symbol.dispose]: () => signal.removeEventListener("abort", abort) };
  }

  /** One or more statements by the simple protocol. */
  query(sql: string): Promise<QueryResult> {
    return this.#exchange(async () => {
      await this.#socket.write(queryMessage(sql));
      let rows: (string | null)[][] = [];
      let tag = "";
      await this.#untilReady(({ type, body }) => {
        if (type === MESSAGE.rowDescription) rows = [];
        else if (type === MESSAGE.dataRow) rows.push(parseDataRow(body));
        else if (type === MESSAGE.commandComplete) tag = parseTag(body);
      });
      return { rows, tag };
    });
  }

  /** The columns of a statement that is not run. */
  describe(sql: string): Promise<ResultColumn[]> {
    return this.#exchange(async () => {
      for (const part of describeStatement(sql)) await this.#socket.write(part);
      let columns: ResultColumn[] = [];
      await this.#untilReady(({ type, body }) => {
        if (type === MESSAGE.rowDescription) columns = parseRowDescription(body);
      });
      return columns;
    });
  }

  /**
   * Runs a `COPY … TO STDOUT`. The regions are valid until the next one is asked for; nothing is
   * read from the network meanwhile beyond a small read-ahead. Stopping early closes the session.
   */
  async *copyOut(sql: string): AsyncGenerator<CopyRegion, void, undefined> {
    if (!this.#isUsable) throw new ConnectionLostError("the connection was closed");
    let isAnswered = false;
    try {
      await this.#socket.write(queryMessage(sql));
      let failure: ServerError | undefined;
      while (!isAnswered) {
        const region = await this.#reader.nextCopyRegion();
        if (region !== undefined) {
          yield region;
          continue;
        }
        const { type, body } = await this.#next();
        if (type === MESSAGE.error) failure ??= new ServerError(parseServerMessage(body));
        isAnswered = type === MESSAGE.readyForQuery;
      }
      if (failure !== undefined) throw failure;
    } finally {
      if (!isAnswered) this.#cancel();
    }
  }

  /**
   * Runs a `COPY … FROM STDIN` and answers how many rows the server took. Every chunk leaves
   * MESSAGE_HEADER_BYTES free at its front, and is this session's own from then on. When `chunks` throws, the server is told to forget what it got, and the error is thrown on.
   */
  copyIn(sql: string, chunks: AsyncIterable<Uint8Array>): Promise<number> {
    return this.#exchange(async () => {
      await this.#socket.write(queryMessage(sql));
      let tag = "";
      const onMessage = ({ type, body }: Message) => {
        if (type === MESSAGE.commandComplete) tag = parseTag(body);
      };
      if (await this.#waitForCopyIn()) {
        const failed = await this.#sendCopyData(chunks).catch(async (error) => {
          // What the server said before it closed the connection may still be there to read.
          if (error instanceof ConnectionLostError) await this.#untilReady(onMessage);
          throw error;
        });
        if (failed !== undefined) {
          await this.#untilReady(onMessage).catch((error) => {
            // The server's answer to our CopyFail says nothing new; anything else does.
            if (!(error instanceof ServerError)) throw error;
          });
          throw failed.error;
        }
      }
      await this.#untilReady(onMessage);
      return rowsOfTag(tag);
    });
  }

  /** Says goodbye where that is possible; never throws. */
  async close(): Promise<void> {
    if (this.#isUsable) await this.#socket.end(terminate());
    else await this.#socket.destroy();
    this.#isUsable = false;
    await this.#cancelling;
  }

  async #logIn(): Promise<void> {
    const { user, database, applicationName } = this.#options;
    await this.#socket.write(startup({
      user,
      database,
      application_name: applicationName,
      client_encoding: "UTF8",
    }));
    await authenticate(this.#socket, this.#reader, this.#options);
    await this.#untilReady(({ type, body }) => {
      if (type !== MESSAGE.backendKeyData) return;
      const view = new DataView(body.buffer, body.byteOffset);
      this.#processId = view.getInt32(0);
      this.#secretKey = view.getInt32(4);
    });
  }

  /** One command and its answer. An answer that did not come whole leaves the session unusable. */
  async #exchange<T>(work: () => Promise<T>): Promise<T> {
    if (!this.#isUsable) throw new ConnectionLostError("the connection was closed");
    try {
      return await work();
    } catch (error) {
      if (error instanceof ConnectionLostError) this.#isUsable = false;
      throw error;
    }
  }

  /** Hands every message to `onMessage` until ReadyForQuery; throws the first error among them. */
  async #untilReady(onMessage: (message: Message) => void): Promise<void> {
    let failure: ServerError | undefined;
    for (;;) {
      const message = await this.#next();
      if (message.type === MESSAGE.error) failure ??= new ServerError(parseServerMessage(message.body));
      else if (message.type === MESSAGE.readyForQuery) break;
      else onMessage(message);
    }
    if (failure !== undefined) throw failure;
  }

  /** False where the server refused the COPY; its error is then still to be read. */
  async #waitForCopyIn(): Promise<boolean> {
    for (;;) {
      if (await this.#reader.peek() === MESSAGE.error) return false;
      if ((await this.#next()).type === MESSAGE.copyInResponse) return true;
    }
  }

  /** Whether the server has sent an error; takes in the notices before it. */
  async #isErrorNext(): Promise<boolean> {
    while (this.#socket.hasUnread || this.#reader.hasUnread) {
      if (await this.#reader.peek() === MESSAGE.error) return true;
      this.#takeAside(await this.#reader.next());
    }
    return false;
  }

  /** Sends all chunks and CopyDone; answers the error of `chunks` after having sent CopyFail. */
  async #sendCopyData(chunks: AsyncIterable<Uint8Array>): Promise<{ error: unknown } | undefined> {
    const iterator = chunks[Symbol.asyncIterator]();
    // The next chunk is made while the last one is on its way; one at a time, so memory is bounded.
    let underWay = Promise.resolve();
    try {
      for (;;) {
        const next = await iterator.next().then((result) => ({ result }), (error: unknown) => ({ error }));
        await underWay;
        if ("error" in next) {
          await this.#socket.write(copyFail("the rows could not be read"));
          return next;
        }
        // No use in sending the rest to a server that has failed.
        if (next.result.done === true || await this.#isErrorNext()) break;
        fillCopyDataHeader(next.result.value);
        underWay = this.#socket.write(next.result.value);
        underWay.catch(() => {}); // Thrown by the await above, a chunk later.
      }
      await this.#socket.write(copyDone());
    } finally {
      await iterator.return?.();
    }
  }

  /** The next message that is an answer. */
  async #next(): Promise<Message> {
    for (;;) {
      const message = await this.#reader.next();
      if (this.#takeAside(message)) continue;
      if (message.type === MESSAGE.error) this.#throwIfFatal(message);
      if (message.type === MESSAGE.readyForQuery) {
        this.#transactionStatus = String.fromCharCode(message.body[0] ?? 0);
      }
      return message;
    }
  }

  /** Deals with what the server may say at any time; false for an answer. */
  #takeAside({ type, body }: Message): boolean {
    if (type === MESSAGE.parameterStatus) this.#setParameter(body);
    else if (type === MESSAGE.notice) this.#options.onNotice(parseServerMessage(body));
    else if (type !== MESSAGE.notification) return false;
    return true;
  }

  /** After a fatal error the server closes the connection: its words are worth more than "closed". */
  #throwIfFatal(message: Message): void {
    const fields = parseServerMessage(message.body);
    if (fields.severity !== "FATAL" && fields.severity !== "PANIC") return;
    this.#isUsable = false;
    throw new ServerError(fields);
  }

  #setParameter(body: Uint8Array): void {
    const [name, value] = decoder.decode(body).split("\0");
    if (name !== undefined && value !== undefined) this.#parameters.set(name, value);
  }

  /** Tells the server by a second connection to stop, and cuts this one. */
  #cancel(): void {
    this.#isUsable = false;
    this.#cancelling ??= Promise.all([this.#sendCancel(), this.#socket.destroy()]).then(() => {});
  }

  async #sendCancel(): Promise<void> {
    try {
      const socket = await WireSocket.connect(this.#options, new AbortController().signal);
      await socket.end(cancelRequest(this.#processId, this.#secretKey));
    } catch {
      // Best effort: a server that cannot be reached finds the cut connection by itself.
    }
  }
}
