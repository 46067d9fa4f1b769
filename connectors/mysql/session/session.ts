import { ConnectionLostError } from "../../network/failures.ts";
import type { PooledSession } from "../../network/session_pool.ts";
import type { ServerKind, SessionOptions } from "./connection_options.ts";
import { killConnection } from "./kill_connection.ts";
import { destroyStream, type OpenConnection, openConnection } from "./open_connection.ts";
import type { RowRegion } from "./packet_stream.ts";
import type { Outcome } from "./payload.ts";
import { ServerError } from "./server_error.ts";
import { SET_NAMES, setStatement, settingsOf } from "./settings.ts";
import { type TakeColumns, type TextResult, Wire } from "./wire.ts";

const CLOSED = "the connection was closed";
/** A server that does not hang up after a goodbye is not waited for. */
const GOODBYE_MS = 1_000;
const UNKNOWN_VARIABLE = 1193;

/**
 * One connection to MySQL or MariaDB, one statement at a time. `mysql2` connects, makes TLS and signs
 * in; the statements and their results are ours, so that rows go past as the bytes that they are.
 */
export class Session implements PooledSession {
  readonly #options: SessionOptions;
  readonly #opened: OpenConnection;
  readonly #wire: Wire;
  readonly #closed: Promise<void>;
  #isUsable = true;
  #isBusy = false;
  #killing: Promise<void> | undefined;
  #sqlMode = "";
  #serverSqlMode = "";
  #server: ServerKind = { isMariadb: false, version: [0, 0, 0] };

  private constructor(options: SessionOptions, opened: OpenConnection) {
    this.#options = options;
    this.#opened = opened;
    this.#wire = new Wire(opened.stream);
    this.#closed = new Promise((resolve) => opened.stream.once("close", () => resolve()));
    void this.#closed.then(() => this.#isUsable = false);
  }

  /** With the settings of settings.ts made. Throws ConnectionLostError, HandshakeError, ServerError, or the signal's reason. */
  static async connect(options: SessionOptions, signal: AbortSignal): Promise<Session> {
    const session = new Session(options, await openConnection(options, signal));
    using _cancelling = session.cancelOn(signal);
    try {
      await session.#begin();
      return session;
    } catch (error) {
      await session.close();
      throw signal.aborted ? signal.reason : error;
    }
  }

  get isIdle(): boolean {
    return this.#isUsable && !this.#isBusy && !this.#wire.isInTransaction;
  }

  get server(): ServerKind {
    return this.#server;
  }

  /** The server's number of the connection, as KILL takes it. */
  get threadId(): number {
    return this.#opened.threadId;
  }

  /** What the server's own settings make sql_mode for this user: how a text of the user's is to be read. */
  get serverSqlMode(): string {
    return this.#serverSqlMode;
  }

  /** Sets sql_mode where it is another one now; words with commas between. */
  async setSqlMode(mode: string): Promise<void> {
    if (mode === this.#sqlMode) return;
    await this.query(`SET SESSION sql_mode = '${mode}'`);
    this.#sqlMode = mode;
  }

  cancelOn(signal: AbortSignal): Disposable {
    const abort = () => this.#cancel();
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    return { [Symbol.dispose]: () => signal.removeEventListener("abort", abort) };
  }

  async check(): Promise<void> {
    await this.query("SELECT 1");
  }

  /** One statement, its rows as text. Throws ServerError, or ConnectionLostError after which the session is of no use. */
  query(sql: string): Promise<TextResult> {
    return this.#run(() => this.#wire.query(sql));
  }

  /**
   * The rows of one query, as the server sends them. Nothing is read from the network beyond a small
   * read-ahead while nobody asks for the next region. It ends only when the server has said that these
   * were all. Stopping early closes the session.
   */
  async *rows(sql: string, take: TakeColumns): AsyncGenerator<RowRegion, Outcome, undefined> {
    return yield* this.#stream(() => this.#wire.rows(sql, take));
  }

  /** A command of the protocol that is answered by no rows; its first byte says which. */
  command(payload: Uint8Array): Promise<Outcome> {
    return this.#run(() => this.#wire.command(payload));
  }

  /** The packets that a command is answered by, read as `rows` are. Stopping early closes the session. */
  packets(command: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
    return this.#stream(() => this.#wire.packets(command));
  }

  /**
   * A `LOAD DATA LOCAL`, whose file are the chunks; a chunk is the session's own until the next is asked
   * for. Where `chunks` throws, the connection is cut, so that the server takes none of it.
   */
  load(sql: string, chunks: AsyncIterable<Uint8Array>): Promise<Outcome> {
    return this.#run(() => this.#wire.load(sql, chunks));
  }

  /** Says goodbye where that is possible; never throws. */
  async close(): Promise<void> {
    if (this.#isUsable && !this.#isBusy) {
      this.#isUsable = false;
      const tooLong = setTimeout(() => this.#opened.stream.destroy(), GOODBYE_MS);
      await this.#wire.quit().catch(() => {});
      await this.#closed;
      clearTimeout(tooLong);
    }
    this.#isUsable = false;
    await destroyStream(this.#opened.stream);
    await this.#killing;
  }

  async #begin(): Promise<void> {
    const { rows } = await this.query("SELECT VERSION(), @@SESSION.sql_mode");
    const [[version, sqlMode] = []] = rows;
    this.#server = serverKind(version ?? "");
    this.#serverSqlMode = this.#sqlMode = sqlMode ?? "";
    await this.query(SET_NAMES);
    const settings = settingsOf(this.#server);
    try {
      await this.query(setStatement(settings));
    } catch (error) {
      if (!isUnknownVariable(error)) throw error;
      for (const [name, value] of Object.entries(settings)) await this.#setWhereKnown(name, value);
    }
  }

  /** Servers that speak the protocol without being either of the two lack some of the settings. */
  async #setWhereKnown(name: string, value: string): Promise<void> {
    try {
      await this.query(setStatement({ [name]: value }));
    } catch (error) {
      if (!isUnknownVariable(error)) throw error;
    }
  }

  #start(): void {
    if (!this.#isUsable) throw new ConnectionLostError(CLOSED);
    if (this.#isBusy) throw new Error("A session runs one statement at a time");
    this.#isBusy = true;
  }

  async *#stream<T, R>(
    read: () => AsyncGenerator<T, R, undefined>,
  ): AsyncGenerator<T, R, undefined> {
    let isComplete = false;
    this.#start();
    try {
      const end = yield* read();
      isComplete = true;
      return end;
    } catch (error) {
      isComplete = error instanceof ServerError;
      throw error;
    } finally {
      this.#isBusy = false;
      if (!isComplete) this.#cancel();
    }
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    this.#start();
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ServerError)) this.#cancel();
      throw error;
    } finally {
      this.#isBusy = false;
    }
  }

  /** Tells the server by a second connection to stop, and cuts this one. */
  #cancel(): void {
    const isStanding = this.#isUsable;
    this.#isUsable = false;
    if (this.#killing !== undefined) return;
    this.#killing = isStanding ? killConnection(this.#options, this.threadId) : Promise.resolve();
    this.#wire.abandon(new ConnectionLostError(CLOSED));
    this.#opened.stream.destroy();
  }
}

const isUnknownVariable = (error: unknown): boolean =>
  error instanceof ServerError && error.errno === UNKNOWN_VARIABLE;

/** MariaDB says `10.11.19-MariaDB-log`, or `5.5.5-10.11.19-MariaDB` to those who could not bear two digits. */
function serverKind(version: string): ServerKind {
  const isMariadb = /mariadb/i.test(version);
  const [, major = "0", minor = "0", patch = "0"] = /^(?:5\.5\.5-)?(\d+)\.(\d+)(?:\.(\d+))?/.exec(version) ??
    [];
  return { isMariadb, version: [Number(major), Number(minor), Number(patch)] };
}
