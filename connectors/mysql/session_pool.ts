import type { Budget } from "../../contract/connector/connector.ts";
import { toAppError } from "../../contract/errors.ts";
import { ServerSessionPool } from "../network/session_pool.ts";
import { toMysqlError } from "./errors.ts";
import type { SessionOptions } from "./session/connection_options.ts";
import { Session } from "./session/session.ts";

/** Sessions at one MySQL or MariaDB. */
export class SessionPool extends ServerSessionPool<Session> {
  readonly #options: SessionOptions;
  readonly #name: string;

  /** `server` is `user@host:port/database`, for messages. */
  constructor(options: SessionOptions, server: string, budget: Budget) {
    const name = `MySQL as ${server}`;
    super({ name, connect: (signal) => Session.connect(options, signal), explain: toMysqlError }, budget);
    this.#options = options;
    this.#name = name;
  }

  /**
   * A session for the log of changes, beside those of the budget: the server counts it among its replicas.
   * Whoever takes it closes it. Throws as `lease` does.
   */
  async replication(signal: AbortSignal): Promise<Session> {
    try {
      return await Session.connect(this.#options, signal);
    } catch (error) {
      if (signal.aborted) throw toAppError(signal.reason);
      throw toMysqlError(`Cannot connect to ${this.#name}`, error);
    }
  }
}
