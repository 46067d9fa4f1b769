import type { RecordBatch } from "apache-arrow";
import { AppError } from "../../../contract/errors.ts";
import { columnList } from "../../destination/plan.ts";
import type { Cell, LoadColumn, SentRows, SqlSession, TargetColumn } from "../../destination/system.ts";
import type { SqliteValue } from "../../sqlite/database.ts";
import { rowFiller } from "../../sqlite/load/row_values.ts";
import { type HranaServer, HranaStream } from "../hrana/client.ts";
import { isBusy } from "../hrana/faults.ts";
import type { Statement } from "../hrana/messages.ts";

/** How long another writer is waited for. */
const LOCK_TIMEOUT_MS = 30_000;
const LOCK_RETRY_MS = 200;
/** The server lets writers wait for each other, each for some seconds. */
const BEGIN_TIMEOUT_MS = 120_000;
/** SQLite takes no more parameters in a statement. */
const MAX_PARAMETERS = 32_766;
/** The price of a row falls no further with more of them in a statement. */
const STATEMENT_ROWS = 64;
/** A request is sent with so many rows, or about so many bytes of texts and blobs. */
const REQUEST_ROWS = 16_384;
const REQUEST_BYTES = 4 * 1024 * 1024;
/** Whether a load is committed is asked so often, where the answer to its COMMIT was lost. */
const MAX_LOOKS = 4;
const LOOK_WAIT_MS = 500;
const DROP_TIMEOUT_MS = 5_000;

type Column = LoadColumn<TargetColumn>;

export interface SessionOptions {
  /** As `load into orders of shop`. */
  readonly subject: string;
  readonly signal: AbortSignal;
  /** Selects a row where this load is committed. */
  readonly committed: string;
}

/**
 * A database behind a server as the mode planner uses it. Statements outside of a transaction are streams of their
 * own, as the server closes one that waits for rows.
 */
export class LibsqlSession implements SqlSession<TargetColumn> {
  readonly isUnicode = true;
  readonly #server: HranaServer;
  readonly #options: SessionOptions;
  /** Of the open transaction. */
  #transaction: HranaStream | undefined;

  constructor(server: HranaServer, options: SessionOptions) {
    this.#server = server;
    this.#options = options;
  }

  async begin(): Promise<void> {
    const { subject, signal } = this.#options;
    const { clock } = this.#server;
    const deadlineMs = clock.now() + LOCK_TIMEOUT_MS;
    for (;;) {
      const stream = this.#stream();
      try {
        // As in a file: what refers to the table is not changed behind the user's back, see its dependants.
        await stream.executeAll(subject, [{ sql: "PRAGMA foreign_keys = OFF" }, { sql: "BEGIN IMMEDIATE" }], {
          withinMs: BEGIN_TIMEOUT_MS,
        });
        this.#transaction = stream;
        return;
      } catch (error) {
        await stream.close();
        if (!isBusy(error) || clock.now() > deadlineMs) throw error;
      }
      await clock.sleep(LOCK_RETRY_MS, signal);
      signal.throwIfAborted();
    }
  }

  async commit(): Promise<void> {
    const stream = this.#transaction;
    if (stream === undefined) throw this.#noTransaction();
    try {
      await stream.execute(this.#options.subject, "COMMIT");
    } catch (error) {
      if (!isLost(error) || !await this.#isCommitted()) throw error;
    }
    this.#transaction = undefined;
    await stream.close();
  }

  /** The server rolls back what is open when a stream is closed. */
  async rollback(): Promise<void> {
    await this.#transaction?.close();
    this.#transaction = undefined;
  }

  async run(sql: string): Promise<number> {
    const [result] = await this.#statement(sql);
    return result?.changes ?? 0;
  }

  async rows(sql: string): Promise<Cell[][]> {
    const [result] = await this.#statement(sql);
    return (result?.rows ?? []).map((row) => row.map((value) => value === null ? null : String(value)));
  }

  /** Drops tables of the load's own, also where it was stopped; where the server is gone, another attempt does it. */
  async drop(tables: readonly string[]): Promise<void> {
    const statements = tables.map((table) => ({ sql: `DROP TABLE IF EXISTS ${table}` }));
    const stream = new HranaStream(this.#server, AbortSignal.timeout(DROP_TIMEOUT_MS));
    try {
      await stream.executeAll(this.#options.subject, statements, { isLast: true });
    } catch (error) {
      if (!(error instanceof AppError) && !(error instanceof DOMException)) throw error;
    }
  }

  #statement(sql: string) {
    const { subject } = this.#options;
    return this.#transaction === undefined
      ? this.#stream().executeAll(subject, [{ sql }], { isLast: true })
      : this.#transaction.executeAll(subject, [{ sql }]);
  }

  /** Each request is a transaction of its own; the next one is made while the server works on it. */
  async send(
    relation: string,
    columns: readonly Column[],
    batches: AsyncIterable<RecordBatch>,
    signal: AbortSignal,
  ): Promise<SentRows> {
    if (this.#transaction !== undefined) {
      throw new AppError("internal", `Cannot ${this.#options.subject}: a transaction may not wait for rows`);
    }
    const sent = { sent: 0, taken: 0, sizeBytes: 0 };
    let pending = Promise.resolve(0);
    const post = async (statements: readonly Statement[]) => {
      sent.taken += await pending;
      signal.throwIfAborted();
      pending = this.#post(statements);
      // What it throws is thrown where it is waited for.
      pending.catch(() => {});
    };
    const request = new InsertRequest(relation, columns);
    const values: SqliteValue[] = new Array(columns.length).fill(null);
    for await (const batch of batches) {
      signal.throwIfAborted();
      sent.sizeBytes += batch.data.byteLength;
      const fill = rowFiller(`Cannot ${this.#options.subject}`, batch, columns, values);
      for (let row = 0; row < batch.numRows; row++) {
        fill(row, sent.sent);
        request.add(values);
        sent.sent++;
        if (request.isFull) await post(request.take());
      }
    }
    if (!request.isEmpty) await post(request.take());
    sent.taken += await pending;
    return sent;
  }

  /** Returns how many rows the statements took. */
  async #post(inserts: readonly Statement[]): Promise<number> {
    const statements = [{ sql: "BEGIN IMMEDIATE" }, ...inserts, { sql: "COMMIT" }];
    const results = await this.#stream().executeAll(this.#options.subject, statements, { isLast: true });
    return results.slice(1, -1).reduce((sum, { changes }) => sum + changes, 0);
  }

  /**
   * Asks by streams of its own. A COMMIT that is still on its way when this says no does no harm: the next attempt
   * finds it.
   */
  async #isCommitted(): Promise<boolean> {
    const { subject, signal, committed } = this.#options;
    for (let look = 1;; look++) {
      await this.#server.clock.sleep(LOOK_WAIT_MS, signal);
      try {
        const [found] = await this.#stream().executeAll(subject, [{ sql: committed }], { isLast: true });
        return found !== undefined && found.rows.length > 0;
      } catch (error) {
        if (look === MAX_LOOKS || signal.aborted || !isLost(error)) return false;
      }
    }
  }

  #stream(): HranaStream {
    return new HranaStream(this.#server, this.#options.signal);
  }

  #noTransaction(): AppError {
    return new AppError("internal", `Cannot ${this.#options.subject}: there is no transaction to commit`);
  }
}

const isLost = (error: unknown): boolean => error instanceof AppError && error.code === "unavailable";

/** Collects rows into INSERT statements of as many rows as one takes well. */
class InsertRequest {
  readonly #relation: string;
  readonly #columns: readonly Column[];
  readonly #statementRows: number;
  #statements: Statement[] = [];
  #args: SqliteValue[] = [];
  #rows = 0;
  #bytes = 0;

  constructor(relation: string, columns: readonly Column[]) {
    this.#relation = relation;
    this.#columns = columns;
    this.#statementRows = Math.max(1, Math.min(STATEMENT_ROWS, Math.floor(MAX_PARAMETERS / columns.length)));
  }

  get isFull(): boolean {
    return this.#rows >= REQUEST_ROWS || this.#bytes >= REQUEST_BYTES;
  }

  get isEmpty(): boolean {
    return this.#rows === 0;
  }

  add(row: readonly SqliteValue[]): void {
    for (const value of row) {
      this.#args.push(value);
      if (typeof value === "string" || value instanceof Uint8Array) this.#bytes += value.length;
    }
    this.#rows++;
    if (this.#args.length >= this.#statementRows * this.#columns.length) this.#end();
  }

  take(): Statement[] {
    if (this.#args.length > 0) this.#end();
    const statements = this.#statements;
    this.#statements = [];
    this.#rows = 0;
    this.#bytes = 0;
    return statements;
  }

  #end(): void {
    const row = `(${this.#columns.map(() => "?").join(",")})`;
    const rows = new Array(this.#args.length / this.#columns.length).fill(row).join(",");
    this.#statements.push({
      sql: `INSERT INTO ${this.#relation} (${columnList(this.#columns)}) VALUES ${rows}`,
      args: this.#args,
    });
    this.#args = [];
  }
}
