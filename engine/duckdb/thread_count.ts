import type { DuckSession } from "./session.ts";

/**
 * How many threads a database uses. An appender's flush is one task, which DuckDB may give to any of
 * its threads while the caller spins until it is done: with nothing else to do, a second thread only
 * takes time from the source. So there is one thread while rows are only appended, and all of them as
 * soon as anything else runs.
 */
export class ThreadCount {
  readonly #session: DuckSession;
  #all: number | undefined;
  #now: number | undefined;
  #appending = 0;
  #computing = 0;
  #tail: Promise<void> = Promise.resolve();

  /** The session is used for nothing else. */
  constructor(session: DuckSession) {
    this.#session = session;
  }

  /** Until it is disposed, rows are appended. */
  async appending(): Promise<AsyncDisposable> {
    return await this.#hold(() => this.#appending += 1, () => this.#appending -= 1);
  }

  /** Until it is disposed, DuckDB computes. */
  async computing(): Promise<AsyncDisposable> {
    return await this.#hold(() => this.#computing += 1, () => this.#computing -= 1);
  }

  async #hold(enter: () => void, leave: () => void): Promise<AsyncDisposable> {
    enter();
    await this.#settle();
    return {
      [Symbol.asyncDispose]: async () => {
        leave();
        await this.#settle();
      },
    };
  }

  #settle(): Promise<void> {
    this.#tail = this.#tail.then(() => this.#apply());
    return this.#tail;
  }

  /** A run that is stopped refuses statements; its number of threads is of no account then. */
  async #apply(): Promise<void> {
    try {
      if (this.#all === undefined) {
        const [row] = await this.#session.rows("SELECT current_setting('threads') AS n");
        this.#all = this.#now = Number(row?.["n"]);
      }
      const wanted = this.#appending > 0 && this.#computing === 0 ? 1 : this.#all;
      if (wanted === this.#now) return;
      await this.#session.run(`SET GLOBAL threads = ${wanted}`);
      this.#now = wanted;
    } catch {
      // As many as there were.
    }
  }
}
