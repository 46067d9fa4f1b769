import { type Client, type InArgs, type InStatement, LibsqlError } from "@libsql/client/sqlite3";

/** One try waits this long inside SQLite, where the whole process waits with it. */
export const TRY_MS = 25;
const FIRST_PAUSE_MS = 10;
const MAX_PAUSE_MS = 200;

export interface SteadyClientOptions {
  /** Opens a client of one connection and sees that it can read. */
  readonly open: () => Promise<Client>;
  /** How long a statement waits for another process's write, from the call on. */
  readonly busyTimeoutMs: number;
}

type Batch = Parameters<Client["batch"]>[0];

/**
 * libsql's local client, made safe against BUSY. A statement that met it stays open in its
 * connection: what is written there later is acknowledged and seen by nobody else, and is gone when
 * the connection closes. So BUSY costs the connection: it is left at once, before anything else can
 * use it, and the statement is tried again on a new one until the time is over. Nothing of a
 * statement or batch that met BUSY has been done, so that doing it again is safe.
 *
 * The wait is mostly asynchronous: SQLite's own would hold up the whole process. Writes keep the
 * order in which they were asked for; reads go on meanwhile.
 */
export class SteadyClient implements Client {
  readonly protocol = "file";
  readonly #options: SteadyClientOptions;
  #client: Client | undefined;
  #isClosed = false;
  /** One call at a time uses the connection, to the end of what has to be done about its failure. */
  #turn: Promise<unknown> = Promise.resolve();
  #writing: Promise<unknown> = Promise.resolve();

  constructor(options: SteadyClientOptions) {
    this.#options = options;
  }

  get closed(): boolean {
    return this.#isClosed;
  }

  execute(statement: InStatement | string, args?: InArgs) {
    const stmt = typeof statement === "string" && args !== undefined ? { sql: statement, args } : statement;
    return this.#run(isRead(stmt), (client) => client.execute(stmt));
  }

  /** A batch that writes takes the lock at its start: one that took it later could only begin again. */
  batch(statements: Batch) {
    const reads = statements.every((stmt) => Array.isArray(stmt) ? isRead(stmt[0]) : isRead(stmt));
    return this.#run(reads, (client) => client.batch([...statements], reads ? "deferred" : "write"));
  }

  migrate(statements: InStatement[]) {
    return this.#run(false, (client) => client.migrate(statements));
  }

  executeMultiple(sql: string) {
    return this.#run(false, (client) => client.executeMultiple(sql));
  }

  transaction(): never {
    throw new LibsqlError(
      "The store writes in batches: an open transaction would hold its connection",
      "UNUSED",
    );
  }

  sync(): never {
    throw new LibsqlError("A local store has nothing to be in step with", "UNUSED");
  }

  reconnect(): void {
    this.#leave();
  }

  close(): void {
    this.#isClosed = true;
    this.#leave();
  }

  #run<T>(isReading: boolean, act: (client: Client) => Promise<T>): Promise<T> {
    const untilMs = performance.now() + this.#options.busyTimeoutMs;
    const persist = () => this.#persist(act, untilMs);
    if (isReading) return persist();
    const written = this.#writing.then(persist);
    this.#writing = written.catch(() => {});
    return written;
  }

  async #persist<T>(act: (client: Client) => Promise<T>, untilMs: number): Promise<T> {
    for (let pauseMs = FIRST_PAUSE_MS;; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
      try {
        return await this.#inTurn(() => this.#attempt(act));
      } catch (error) {
        if (!isBusy(error) || performance.now() + pauseMs > untilMs) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  async #attempt<T>(act: (client: Client) => Promise<T>): Promise<T> {
    try {
      return await act(await this.#connection());
    } catch (error) {
      if (isBusy(error)) this.#leave();
      throw error;
    }
  }

  async #connection(): Promise<Client> {
    if (this.#isClosed) throw new LibsqlError("The client is closed", "CLIENT_CLOSED");
    return this.#client ??= await this.#options.open();
  }

  #leave(): void {
    this.#client?.close();
    this.#client = undefined;
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(act);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}

function isRead(statement: InStatement | string): boolean {
  return /^\s*(select|explain|pragma)\b/i.test(typeof statement === "string" ? statement : statement.sql);
}

/** Also what a commit says where an earlier statement was left open. */
function isBusy(error: unknown): boolean {
  return error instanceof LibsqlError && (error.code === "SQLITE_BUSY" || error.code === "SQLITE_LOCKED");
}
