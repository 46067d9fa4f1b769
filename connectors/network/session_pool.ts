import type { Budget } from "../../contract/connector/connector.ts";
import { AppError, toAppError } from "../../contract/errors.ts";

/** A connection to a server that runs one command at a time. */
export interface PooledSession {
  /** Whether another command may be sent: the connection stands and no transaction is open. */
  readonly isIdle: boolean;
  /** Until it is disposed, an abort of the signal stops the command at the server and cuts the connection. */
  cancelOn(signal: AbortSignal): Disposable;
  /** Throws where the connection does not stand any more. */
  check(): Promise<void>;
  /** Never throws. */
  close(): Promise<void>;
}

/** How to speak with one server. */
export interface PooledServer<Session extends PooledSession> {
  /** `PostgreSQL as user@host:port/database`, for messages. */
  readonly name: string;
  connect(signal: AbortSignal): Promise<Session>;
  /** What failed, as an AppError that starts with `action`. */
  explain(action: string, error: unknown): AppError;
}

/** A session that was in use so shortly before is taken to stand; looking costs a way there and back. */
const FRESH_MS = 250;

/**
 * Lends sessions, so that two uses at a time never share one, and no more than the budget has places
 * for; who wants one more waits. One that is idle is kept for the
 * next use; one with an unfinished command or transaction is closed instead.
 */
export class ServerSessionPool<Session extends PooledSession> implements AsyncDisposable {
  readonly #server: PooledServer<Session>;
  readonly #budget: Budget;
  readonly #idle: { readonly session: Session; readonly sinceMs: number }[] = [];
  #isClosed = false;

  constructor(server: PooledServer<Session>, budget: Budget) {
    this.#server = server;
    this.#budget = budget;
  }

  async #connect(signal: AbortSignal): Promise<Session> {
    try {
      return await this.#server.connect(signal);
    } catch (error) {
      if (signal.aborted) throw toAppError(signal.reason);
      throw this.#server.explain(`Cannot connect to ${this.#server.name}`, error);
    }
  }

  /**
   * Runs `work` with a session of its own; an abort of the signal stops it at the server. What
   * `work` throws becomes an AppError that starts with `action`.
   */
  async use<T>(action: string, signal: AbortSignal, work: (session: Session) => Promise<T>): Promise<T> {
    await using lease = await this.lease(signal);
    try {
      return await work(lease.session);
    } catch (error) {
      if (signal.aborted) throw toAppError(signal.reason);
      throw this.#server.explain(action, error);
    }
  }

  /**
   * A session until the lease is disposed. Throws `unavailable`, `unauthorized`, `not_found`, or what
   * the signal's reason says.
   */
  async lease(signal: AbortSignal): Promise<AsyncDisposable & { readonly session: Session }> {
    if (this.#isClosed) throw new AppError("internal", `The connection to ${this.#server.name} is closed`);
    const place = await this.#budget.acquire(signal).catch((error) => {
      throw toAppError(error);
    });
    try {
      const session = await this.#takeIdle(signal) ?? await this.#connect(signal);
      const cancelling = session.cancelOn(signal);
      return {
        session,
        [Symbol.asyncDispose]: async () => {
          cancelling[Symbol.dispose]();
          await this.#give(session);
          place[Symbol.dispose]();
        },
      };
    } catch (error) {
      place[Symbol.dispose]();
      throw error;
    }
  }

  /** A kept session may have been ended meanwhile, by the server or by a firewall between. */
  async #takeIdle(signal: AbortSignal): Promise<Session | undefined> {
    const idle = this.#idle.pop();
    if (idle === undefined) return undefined;
    const { session, sinceMs } = idle;
    if (performance.now() - sinceMs < FRESH_MS && session.isIdle) return session;
    using _cancelling = session.cancelOn(signal);
    try {
      await session.check();
      return session;
    } catch {
      await session.close();
      if (signal.aborted) throw toAppError(signal.reason);
      return undefined;
    }
  }

  /** Takes a session back. */
  async #give(session: Session): Promise<void> {
    if (session.isIdle && !this.#isClosed && this.#idle.length === 0) {
      this.#idle.push({ session, sinceMs: performance.now() });
    } else await session.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#idle.splice(0).map(({ session }) => session.close()));
  }
}
