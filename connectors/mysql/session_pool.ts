import type { Budget } from "../../contract/connector/connector.ts";
import { ServerSessionPool } from "../network/session_pool.ts";
import { toMysqlError } from "./errors.ts";
import type { SessionOptions } from "./session/connection_options.ts";
import { Session } from "./session/session.ts";

/** Sessions at one MySQL or MariaDB. */
export class SessionPool extends ServerSessionPool<Session> {
  /** `server` is `user@host:port/database`, for messages. */
  constructor(options: SessionOptions, server: string, budget: Budget) {
    super({
      name: `MySQL as ${server}`,
      connect: (signal) => Session.connect(options, signal),
      explain: toMysqlError,
    }, budget);
  }
}
