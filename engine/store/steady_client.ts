import { setImmediate } from "node:timers";
import {
  type Client,
  type InArgs,
  type InStatement,
  LibsqlError,
  type ResultSet,
} from "@libsql/client/sqlite3";

/** One try waits this long inside SQLite, where the whole process waits with it. */
export const TRY_MS = 25;
const FIRST_PAUSE_MS = 10;
const MAX_PAUSE_MS = 200;
/** Whoever reads waits for a whole transaction. */
const MAX_STATEMENTS_TOGETHER = 64;

export interface SteadyClientOptions {
  /** Opens a client of one connection and sees that it can read. */
  readonly open: () => Promise<Client>;
  /** How long a statement waits for another process's write, from the call on. */
  readonly busyTimeoutMs: number;
}

type Batch = Parameters<Client["batch"]>[0];

/** What waits for its turn to write. */
interface Write {
  readonly untilMs: number;
  /** Undefined where it must be done by itself. */
  readonly statements: Batch | undefined;
  /** Does it by itself; what comes of it goes to whoever asked for it. */
  readonly alone: () => Promise<void>;
  /** Its statements were done together with those of others. */
  readonly done: (results: ResultSet[]) => void;
  readonly fail: (error: unknown) => void;
}

/**
 * libsql's local client, made safe against BUSY. A statement that met it stays open in its
 * connection: what is written there later is acknowledged and seen by nobody else, and is gone when
 * the connection closes. So BUSY costs the connection: it is left at once, before anything else can
 * use it, and the statement is tried again on a new one until the time is over. Nothing of a
 * statement or batch that met BUSY has been done, so that doing it again is safe.
 *
 * The wait is mostly asynchronous: SQLite's own would hold up the whole process. Writes keep the
 * order in which they were asked for; reads go on meanwhile.
 *
 * Writes that wait at the same time are one transaction, since it is the commit that takes its time: on the disk is
 * what was acknowledged. Where it fails, each is done by itself, and fails or succeeds by itself.
 */
export class SteadyClient implements Client {
  readonly protocol = "file";
  readonly #options: SteadyClientOptions;
  #client: Client | undefined;
  #isClosed = false;
  /** One call at a time uses the connection, to the end of what has to be done about its failure. */
  #turn: Promise<unknown> = Promise.resolve();
  #waiting: Write[] = [];
  #isWriting = false;

  constructor(options: SteadyClientOptions) {
    this.#options = options;
  }

  get closed(): boolean {
    return this.#isClosed;
  }

  execute(statement: InStatement | string, args?: InArgs): Promise<ResultSet> {
    const stmt = typeof statement === "string" && args !== undefined ? { sql: statement, args } : statement;
    const act = (client: Client) => client.execute(stmt);
    return isRead(stmt) ? this.#read(act) : this.#write(act, [stmt], onlyOf);
  }

  /** A batch that writes takes the lock at its start: one that took it later could only begin again. */
  batch(statements: Batch): Promise<ResultSet[]> {
    const reads = statements.every((stmt) => Array.isArray(stmt) ? isRead(stmt[0]) : isRead(stmt));
    if (reads) return this.#read((client) => client.batch([...statements], "deferred"));
    return this.#write((client) => client.batch([...statements], "write"), statements, (results) => results);
  }

  migrate(statements: InStatement[]): Promise<ResultSet[]> {
    return this.#write((client) => client.migrate(statements));
  }

  executeMultiple(sql: string): Promise<void> {
    return this.#write((client) => client.executeMultiple(sql));
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

  #read<T>(act: (client: Client) => Promise<T>): Promise<T> {
    return this.#persist(act, performance.now() + this.#options.busyTimeoutMs);
  }

  /** What `act` does may also be done by `statements` in a batch with others; `resultOf` then makes its result. */
  #write<T>(
    act: (client: Client) => Promise<T>,
    statements?: Batch,
    resultOf?: (results: ResultSet[]) => T,
  ): Promise<T> {
    const untilMs = performance.now() + this.#options.busyTimeoutMs;
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        untilMs,
        statements: resultOf && statements,
        alone: () => this.#persist(act, untilMs).then(resolve, reject),
        done: (results) => resultOf && resolve(resultOf(results)),
        fail: reject,
      });
      if (!this.#isWriting) void this.#writeWaiting();
    });
  }

  /** Never rejects. */
  async #writeWaiting(): Promise<void> {
    this.#isWriting = true;
    while (this.#waiting.length > 0) {
      // Whoever else has come so far may come along: nothing takes as long as a commit.
      await new Promise<void>((resolve) => void setImmediate(resolve));
      const group = this.#nextGroup();
      if (group.length > 1 && await this.#writeTogether(group)) continue;
      for (const write of group) await write.alone();
    }
    this.#isWriting = false;
  }

  /** One at least. */
  #nextGroup(): Write[] {
    let statements = 0;
    const isOver = this.#waiting.findIndex((write, index) => {
      statements += write.statements?.length ?? Infinity;
      return index > 0 && statements > MAX_STATEMENTS_TOGETHER;
    });
    return this.#waiting.splice(0, isOver === -1 ? this.#waiting.length : isOver);
  }

  /** False where each has to be done by itself: one of them fails, or the disk does. */
  async #writeTogether(group: readonly Write[]): Promise<boolean> {
    const untilMs = Math.min(...group.map((write) => write.untilMs));
    const statements = group.flatMap((write) => [...write.statements ?? []]);
    let results: ResultSet[];
    try {
      results = await this.#persist((client) => client.batch(statements, "write"), untilMs);
    } catch (error) {
      if (!isBusy(error)) return false;
      const isOver = (write: Write) => write.untilMs <= performance.now() + MAX_PAUSE_MS;
      for (const write of group.filter(isOver)) write.fail(error);
      this.#waiting.unshift(...group.filter((write) => !isOver(write)));
      return true;
    }
    for (const write of group) write.done(results.splice(0, write.statements?.length));
    return true;
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

function onlyOf([result]: readonly ResultSet[]): ResultSet {
  if (result === undefined) throw new LibsqlError("A statement without a result", "INTERNAL");
  return result;
}

/** Also what a commit says where an earlier statement was left open. */
function isBusy(error: unknown): boolean {
  return error instanceof LibsqlError && (error.code === "SQLITE_BUSY" || error.code === "SQLITE_LOCKED");
}
