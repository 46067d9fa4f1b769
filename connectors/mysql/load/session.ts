import type { RecordBatch } from "apache-arrow";
import { AppError } from "../../../contract/errors.ts";
import type { Cell, LoadColumn, SentRows, SqlSession } from "../../destination/system.ts";
import { ConnectionLostError } from "../../network/failures.ts";
import { toMysqlError } from "../errors.ts";
import { ServerError } from "../session/server_error.ts";
import type { ServerKind } from "../session/connection_options.ts";
import type { Session } from "../session/session.ts";
import { setStatement } from "../session/settings.ts";
import type { MysqlColumn } from "./catalogue.ts";
import { sendRows, type TakesFiles } from "./send_rows.ts";
import { isStage } from "./stage.ts";
import type { Swap } from "./swap.ts";

/**
 * Names and texts as standard SQL quotes them, so that both are exact whatever the server's sql_mode is; an
 * error for what does not fit; a zero in a numbered column is a zero.
 */
const SQL_MODE = [
  "ANSI_QUOTES",
  "NO_BACKSLASH_ESCAPES",
  "STRICT_ALL_TABLES",
  "NO_AUTO_VALUE_ON_ZERO",
  "NO_ENGINE_SUBSTITUTION",
].join(",");

/** Between its first row and its last the transaction waits for the source. */
const SETTINGS: Readonly<Record<string, string>> = {
  foreign_key_checks: "1",
  unique_checks: "1",
  sql_safe_updates: "0",
  sql_notes: "1",
};
const MARIADB_SETTINGS: Readonly<Record<string, string>> = {
  ...SETTINGS,
  idle_transaction_timeout: "0",
  idle_write_transaction_timeout: "0",
  check_constraint_checks: "1",
  // Joins by a hash, where the table has no index on the key; MySQL does so by itself.
  join_cache_level: "8",
};

/** So long a change of a table's definition waits for those who use it; who comes later waits behind it. */
const DEFINITION_LOCK_S = 3;
const DEFINITION_TRIES = 20;
const DEFINITION_PAUSE_MS = 500;
const LOCK_TIMEOUT = 1205;
/** What neither changes rows of others nor ends the transaction. */
const TEMPORARY = /^(?:CREATE|DROP) TEMPORARY /;

/** A session of MySQL or MariaDB as the mode planner uses it. What it throws are AppErrors that begin with `action`. */
export class LoadSession implements SqlSession<MysqlColumn> {
  readonly isUnicode = true;
  readonly #session: Session;
  readonly #action: string;
  readonly #signal: AbortSignal;
  readonly #takesFiles: TakesFiles;
  #hasWritten = false;
  #isCommitted = false;
  /** What the commit puts in the target's place. */
  #swap: Swap | undefined;

  private constructor(session: Session, action: string, signal: AbortSignal, takesFiles: TakesFiles) {
    this.#session = session;
    this.#action = action;
    this.#signal = signal;
    this.#takesFiles = takesFiles;
  }

  /** Makes the settings of a load; the session is to be closed after it. */
  static async begin(session: Session, action: string, signal: AbortSignal): Promise<LoadSession> {
    try {
      await session.setSqlMode(SQL_MODE);
      const settings = session.server.isMariadb ? MARIADB_SETTINGS : SETTINGS;
      await session.query(setStatement(settings));
      // Rows that a condition has found stay as they are, and no others come between them.
      await session.query("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE");
      await session.query("SET SESSION autocommit = 0");
      const { rows: [limits = []] } = await session.query("SELECT @@local_infile, @@max_allowed_packet");
      return new LoadSession(session, action, signal, {
        isAllowed: limits[0] === "1",
        maxPacketBytes: Number(limits[1]),
      });
    } catch (error) {
      throw toMysqlError(action, error);
    }
  }

  get server(): ServerKind {
    return this.#session.server;
  }

  get serverSqlMode(): string {
    return this.#session.serverSqlMode;
  }

  begin(): Promise<void> {
    // Without autocommit each statement begins a transaction where there is none.
    this.#hasWritten = false;
    return Promise.resolve();
  }

  /** From here on the commit ends with the swap. */
  willSwap(swap: Swap): void {
    this.#swap = swap;
    this.#isCommitted = false;
  }

  async commit(): Promise<void> {
    await this.#swap?.announce(this);
    try {
      await this.#session.query("COMMIT");
    } catch (error) {
      if (!(error instanceof ConnectionLostError)) throw toMysqlError(this.#action, error);
      throw new AppError(
        "unavailable",
        `${this.#action}: the connection ended before the server answered COMMIT (${error.message}); ` +
          `whether it took effect is found by the load id when the load is tried again`,
        { cause: error },
      );
    }
    this.#hasWritten = false;
    const swap = this.#swap;
    this.#swap = undefined;
    await swap?.perform(this, () => this.commit());
    this.#isCommitted = true;
  }

  /** Whether all is done that the load was to do. */
  get isCommitted(): boolean {
    return this.#isCommitted;
  }

  async rollback(): Promise<void> {
    this.#swap = undefined;
    await this.#query("ROLLBACK");
    this.#hasWritten = false;
  }

  async run(sql: string): Promise<number> {
    this.#hasWritten ||= !TEMPORARY.test(sql);
    return /^(?:ALTER|RENAME) /.test(sql) ? await this.#define(sql) : (await this.#query(sql)).affectedRows;
  }

  async runOfUser(sql: string): Promise<number> {
    await this.#session.setSqlMode(this.#session.serverSqlMode);
    try {
      return await this.run(sql);
    } finally {
      await this.#session.setSqlMode(SQL_MODE).catch(() => {});
    }
  }

  /** Before the first change each read sees what is committed by then: it leaves no snapshot behind. */
  async rows(sql: string): Promise<readonly (readonly Cell[])[]> {
    const { rows } = await this.#query(sql);
    if (!this.#hasWritten) await this.#query("COMMIT");
    return rows;
  }

  /** By LOAD DATA LOCAL, or by INSERTs where the server allows no files of clients. */
  async send(
    relation: string,
    columns: readonly LoadColumn<MysqlColumn>[],
    batches: AsyncIterable<RecordBatch>,
  ): Promise<SentRows> {
    const isFirst = isStage(relation) && !this.#hasWritten;
    this.#hasWritten = true;
    const sent = await sendRows(
      { session: this.#session, action: this.#action, takesFiles: this.#takesFiles },
      { relation, columns, batches },
    );
    // Staging tables are this session's alone, and nothing else has changed yet: the reads that follow are new.
    if (isFirst) {
      await this.#query("COMMIT");
      this.#hasWritten = false;
    }
    return sent;
  }

  /** A statement that waits for all who use the table, and lets those pass who come meanwhile. */
  async #define(sql: string): Promise<number> {
    const { rows: [[timeout = "60"] = []] } = await this.#query("SELECT @@SESSION.lock_wait_timeout");
    await this.#query(`SET SESSION lock_wait_timeout = ${DEFINITION_LOCK_S}`);
    try {
      for (let tried = 1;; tried++) {
        try {
          return (await this.#session.query(sql)).affectedRows;
        } catch (error) {
          const isLocked = error instanceof ServerError && error.errno === LOCK_TIMEOUT;
          if (!isLocked || tried === DEFINITION_TRIES) throw toMysqlError(this.#action, error);
        }
        this.#signal.throwIfAborted();
        await new Promise((resolve) => setTimeout(resolve, DEFINITION_PAUSE_MS));
      }
    } finally {
      await this.#session.query(`SET SESSION lock_wait_timeout = ${timeout}`).catch(() => {});
    }
  }

  async #query(sql: string) {
    try {
      return await this.#session.query(sql);
    } catch (error) {
      throw toMysqlError(this.#action, error);
    }
  }
}
