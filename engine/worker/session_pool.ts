import type { Database } from "../duckdb/database.ts";
import type { DuckSession } from "../duckdb/session.ts";

export interface SessionLease extends AsyncDisposable {
  readonly session: DuckSession;
}

/** Sessions of one database, one for each step that runs, kept for the next step. */
export class SessionPool {
  readonly #database: Database;
  readonly #signal: AbortSignal;
  readonly #prepare: (session: DuckSession) => Promise<void>;
  readonly #idle: DuckSession[] = [];

  /** `prepare` is run once with each session; the abort of `signal` interrupts them all. */
  constructor(database: Database, signal: AbortSignal, prepare: (session: DuckSession) => Promise<void>) {
    this.#database = database;
    this.#signal = signal;
    this.#prepare = prepare;
  }

  /** A session for one user at a time, until the lease is disposed. */
  async lease(): Promise<SessionLease> {
    const session = this.#idle.pop() ?? await this.#open();
    return {
      session,
      [Symbol.asyncDispose]: () => {
        this.#idle.push(session);
        return Promise.resolve();
      },
    };
  }

  /** The database closes it, with all of its sessions. */
  async #open(): Promise<DuckSession> {
    const session = await this.#database.session();
    session.interruptOn(this.#signal);
    await this.#prepare(session);
    return session;
  }
}
