import duckdb from "@duckdb/node-bindings";
import type { Schema } from "apache-arrow";
import { AppError } from "../../contract/errors.ts";
import {
  type Column,
  quoteIdentifier,
  quoteLiteral,
  type SqlRow,
  type SqlSession,
  type SqlValue,
} from "../../contract/sql.ts";
import { readDuckType, typeText } from "./duck_type.ts";
import { readRows } from "./from/row_reader.ts";
import { abortError, toSqlError } from "./sql_error.ts";
import { columnsOfSchema } from "./types.ts";
import { bindValues } from "./values.ts";

/** How often a cancelled statement is interrupted again: one that has not begun yet forgets it. */
const INTERRUPT_EVERY_MS = 20;

/** What a session is given by its database. */
export interface SessionHost {
  readonly keywords: ReadonlySet<string>;
  connect(): Promise<DuckSession>;
  release(session: DuckSession): void;
}

export interface Transaction extends AsyncDisposable {
  /** Throws SqlError where it cannot be committed; it is rolled back then. */
  commit(): Promise<void>;
}

/**
 * One connection of a database. Statements run one after the other, in the order in which they
 * were asked for, and never block the event loop. Errors of DuckDB are SqlErrors. While rows are
 * being read from it (`stream`), other statements are refused with `conflict`: use a `fork`.
 */
export class DuckSession implements SqlSession, AsyncDisposable {
  readonly #connection: duckdb.Connection;
  readonly #host: SessionHost;
  readonly #signals = new Set<AbortSignal>();
  #tail: Promise<unknown> = Promise.resolve();
  #isStreaming = false;
  #isInTransaction = false;
  #isClosed = false;

  constructor(connection: duckdb.Connection, host: SessionHost) {
    this.#connection = connection;
    this.#host = host;
  }

  /** Runs one or more statements; parameters belong to the last one. */
  run(sql: string, params: readonly SqlValue[] = []): Promise<number> {
    return this.#exclusive(sql, async () => await changedRows(await this.#execute(sql, params)));
  }

  rows(sql: string, params: readonly SqlValue[] = []): Promise<SqlRow[]> {
    return this.#exclusive(sql, async () => await readRows(await this.#execute(sql, params)));
  }

  describe(sql: string): Promise<Column[]> {
    return this.#exclusive(sql, async () => {
      const statement = await duckdb.prepare(this.#connection, sql);
      try {
        const count = duckdb.prepared_statement_column_count(statement);
        return Array.from({ length: count }, (_, i) => ({
          name: duckdb.prepared_statement_column_name(statement, i),
          type: typeText(
            readDuckType(duckdb.prepared_statement_column_logical_type(statement, i)),
            this.#host.keywords,
          ),
        }));
      } finally {
        duckdb.destroy_prepare_sync(statement);
      }
    });
  }

  async transaction<T>(work: () => Promise<T>): Promise<T> {
    await using transaction = await this.begin();
    const result = await work();
    await transaction.commit();
    return result;
  }

  /** A transaction of this session; disposing of it without a commit rolls it back. */
  async begin(): Promise<Transaction> {
    if (this.#isInTransaction) throw new AppError("internal", "A transaction cannot hold another one");
    this.#isInTransaction = true;
    let isOpen = true;
    const end = async (work: () => Promise<unknown>) => {
      isOpen = false;
      try {
        await work();
      } finally {
        this.#isInTransaction = false;
      }
    };
    try {
      await this.run("BEGIN TRANSACTION");
    } catch (error) {
      this.#isInTransaction = false;
      throw error;
    }
    return {
      commit: () => end(() => this.#commit()),
      [Symbol.asyncDispose]: async () => {
        if (isOpen) await end(() => this.#rollback());
      },
    };
  }

  async setVariable(name: string, value: SqlValue): Promise<void> {
    await this.run(`SET VARIABLE ${quoteIdentifier(name)} = $1`, [value]);
  }

  columnsOf(schema: Schema): Column[] {
    return columnsOfSchema(schema, this.#host.keywords);
  }

  /**
   * From now until the returned object is disposed, the abort of `signal` interrupts the statement
   * that runs and refuses the next ones (a transaction still rolls back), with `cancelled` or `timeout`.
   */
  interruptOn(signal: AbortSignal): Disposable {
    // One signal may be given twice; each use counts on its own.
    const own = AbortSignal.any([signal]);
    this.#signals.add(own);
    return { [Symbol.dispose]: () => void this.#signals.delete(own) };
  }

  /** Another connection of the same database with the same variables. It sees committed rows only. */
  async fork(): Promise<DuckSession> {
    const variables = await this.rows("SELECT name, type FROM duckdb_variables() ORDER BY name");
    // duckdb_variables() writes NULL and 'NULL' alike; getvariable() does not.
    const values = variables.map(({ name }) => `CAST(getvariable(${quoteLiteral(String(name))}) AS VARCHAR)`);
    const [row] = values.length === 0
      ? [{}]
      : await this.rows(`SELECT ${values.map((v, i) => `${v} AS v${i}`)}`);
    const fork = await this.#host.connect();
    for (const [i, { name, type }] of variables.entries()) {
      const set = `SET VARIABLE ${quoteIdentifier(String(name))} = CAST($1 AS ${type})`;
      await fork.run(set, [row?.[`v${i}`] ?? null]);
    }
    return fork;
  }

  /** From now on `progress` knows of statements that take longer than two seconds. */
  async measureProgress(): Promise<void> {
    // Printed, it would go among the reports of this process.
    await this.run("SET enable_progress_bar_print = false; SET enable_progress_bar = true");
  }

  /** Which share of its input the statement has read that runs now, above 0 up to 1; undefined where DuckDB does not know. */
  progress(): number | undefined {
    if (this.#isClosed) return undefined;
    const { percentage } = duckdb.query_progress(this.#connection);
    return percentage > 0 ? Math.min(1, percentage / 100) : undefined;
  }

  /** DuckDB's low-level connection, for `ingest` and `export` in this folder. `work` runs alone on it. */
  withConnection<T>(sql: string, work: (connection: duckdb.Connection) => Promise<T>): Promise<T> {
    return this.#exclusive(sql, () => work(this.#connection));
  }

  /** Whether `transaction` is under way. */
  get isInTransaction(): boolean {
    return this.#isInTransaction;
  }

  /** Marks the session as being read from, until the returned object is disposed. */
  beginStream(): Disposable {
    this.#isStreaming = true;
    return { [Symbol.dispose]: () => void (this.#isStreaming = false) };
  }

  /** One step of a stream that `beginStream` has announced. */
  streamStep<T>(sql: string, work: () => Promise<T>): Promise<T> {
    return this.#interruptible(sql, work);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#tail;
    duckdb.disconnect_sync(this.#connection);
    this.#host.release(this);
  }

  /** Runs after what was asked for before, whether or not that failed. */
  #exclusive<T>(sql: string, work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(() =>
      this.#interruptible(sql, () => {
        if (this.#isStreaming) {
          throw new AppError(
            "conflict",
            "Cannot run a statement while rows are being read from the same session",
          );
        }
        return work();
      })
    );
    this.#tail = result.catch(() => {});
    return result;
  }

  async #interruptible<T>(sql: string, work: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new AppError("internal", "Cannot run a statement: the session is closed");
    if (sql.includes("\0")) throw new AppError("invalid", "Cannot run SQL that holds a NUL character");
    this.#throwIfAborted();
    const signals = [...this.#signals];
    let timer: ReturnType<typeof setInterval> | undefined;
    const interrupt = () => {
      duckdb.interrupt(this.#connection);
      timer ??= setInterval(() => duckdb.interrupt(this.#connection), INTERRUPT_EVERY_MS);
    };
    for (const signal of signals) signal.addEventListener("abort", interrupt, { once: true });
    try {
      return await work();
    } catch (error) {
      const failure = toSqlError(error, sql);
      if (timer !== undefined || failure.code === "cancelled") this.#throwIfAborted();
      throw failure;
    } finally {
      for (const signal of signals) signal.removeEventListener("abort", interrupt);
      clearInterval(timer);
    }
  }

  #throwIfAborted(): void {
    for (const signal of this.#signals) if (signal.aborted) throw abortError(signal);
  }

  /** What cannot be committed is rolled back. */
  async #commit(): Promise<void> {
    try {
      await this.run("COMMIT");
    } catch (error) {
      await this.#rollback();
      throw error;
    }
  }

  async #rollback(): Promise<void> {
    try {
      await this.#tail;
      await duckdb.query(this.#connection, "ROLLBACK");
    } catch {
      // A failed COMMIT has rolled back already; the error that led here is the one to report.
    }
  }

  async #execute(sql: string, params: readonly SqlValue[]): Promise<duckdb.Result> {
    if (params.length === 0) return await duckdb.query(this.#connection, sql);
    const { extracted_statements: statements, statement_count: count } = await duckdb.extract_statements(
      this.#connection,
      sql,
    );
    if (count === 0) throw new Error(duckdb.extract_statements_error(statements));
    for (let index = 0; index < count - 1; index++) {
      await this.#executeExtracted(statements, index, []);
    }
    return await this.#executeExtracted(statements, count - 1, params);
  }

  async #executeExtracted(
    statements: duckdb.ExtractedStatements,
    index: number,
    params: readonly SqlValue[],
  ): Promise<duckdb.Result> {
    const statement = await duckdb.prepare_extracted_statement(this.#connection, statements, index);
    try {
      bindValues(statement, params);
      return await duckdb.execute_prepared(statement);
    } finally {
      duckdb.destroy_prepare_sync(statement);
    }
  }
}

/** DuckDB reports the count of CREATE TABLE AS as a row, and that of other statements as a number. */
async function changedRows(result: duckdb.Result): Promise<number> {
  const changed = duckdb.rows_changed(result);
  if (changed > 0 || duckdb.result_statement_type(result) !== duckdb.StatementType.CREATE) return changed;
  if (duckdb.column_count(result) !== 1 || duckdb.column_name(result, 0) !== "Count") return changed;
  const [row] = await readRows(result);
  return Number(row?.Count ?? 0);
}
