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
import { changedRows, execute } from "./execute.ts";
import { readRows, readTable, type SqlTable } from "./from/row_reader.ts";
import { readTexts, type TextLimits, type TextTable } from "./from/text_table.ts";
import { abortError, readReport, toSqlError } from "./sql_error.ts";
import { columnsOfSchema } from "./types.ts";

/** How often a cancelled statement is interrupted again: one that has not begun yet forgets it. */
const INTERRUPT_EVERY_MS = 20;
const BEGIN = "BEGIN TRANSACTION";

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
  /** Whether DuckDB has to hear yet of the transaction that is under way. */
  #isToBegin = false;
  /** Rows that go to DuckDB with the commit, by their tables. */
  readonly #atCommit = new Map<string, string[]>();
  /** What they were last set to, by `setVariables`; undefined where it is not known. */
  readonly #variables = new Map<string, string | null | undefined>();
  #measuresProgress = false;
  #isClosed = false;

  constructor(connection: duckdb.Connection, host: SessionHost) {
    this.#connection = connection;
    this.#host = host;
  }

  /** Runs one or more statements; parameters belong to the last one. */
  run(sql: string, params: readonly SqlValue[] = []): Promise<number> {
    return this.#exclusive(sql, async () => changedRows(await this.#execute(sql, params)));
  }

  rows(sql: string, params: readonly SqlValue[] = []): Promise<SqlRow[]> {
    return this.#exclusive(sql, async () => readRows(await this.#execute(sql, params)));
  }

  /** A small result, whole, with its columns in their order. */
  table(sql: string): Promise<SqlTable> {
    return this.#exclusive(sql, async () => readTable(await this.#execute(sql, [])));
  }

  /** A result of a few rows: its columns, and its cells as DuckDB's own texts where `readTexts` gives them. */
  texts(sql: string, limits: TextLimits): Promise<TextTable> {
    return this.#exclusive(
      sql,
      async () => readTexts(await this.#execute(sql, []), this.#host.keywords, limits),
    );
  }

  /**
   * The types of a table's columns, for less than the tenth of what a statement takes. Throws SqlError where there is no
   * such table, or a view.
   */
  columnTypes(schema: string, table: string): Promise<string[]> {
    return this.withConnection("", (connection) => {
      const appender = duckdb.appender_create(connection, schema, table);
      try {
        return Promise.resolve(Array.from(
          { length: duckdb.appender_column_count(appender) },
          (_, i) => typeText(readDuckType(duckdb.appender_column_type(appender, i)), this.#host.keywords),
        ));
      } finally {
        duckdb.appender_close_sync(appender);
      }
    });
  }

  describe(sql: string): Promise<Column[]> {
    return this.#exclusive(sql, async () => {
      await this.#beginNow();
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

  /**
   * A transaction of this session; disposing of it without a commit rolls it back. DuckDB hears of its beginning with
   * its first statement, and of what waits for its end with the commit: each trip to DuckDB costs as much as a small
   * statement.
   */
  async begin(): Promise<Transaction> {
    if (this.#isInTransaction) throw new AppError("internal", "A transaction cannot hold another one");
    this.#isInTransaction = true;
    await this.#tail;
    this.#isToBegin = true;
    let isOpen = true;
    const end = async (work: () => Promise<unknown>) => {
      isOpen = false;
      try {
        await work();
      } finally {
        this.#isInTransaction = false;
        this.#isToBegin = false;
        this.#atCommit.clear();
      }
    };
    return {
      commit: () => end(() => this.#commit()),
      [Symbol.asyncDispose]: async () => {
        if (isOpen) await end(() => this.#rollback());
      },
    };
  }

  async insertAtCommit(table: string, row: string): Promise<void> {
    if (!this.#isInTransaction) {
      await this.run(insertText(table, [row]));
      return;
    }
    const rows = this.#atCommit.get(table);
    if (rows === undefined) this.#atCommit.set(table, [row]);
    else rows.push(row);
  }

  async setVariable(name: string, value: SqlValue): Promise<void> {
    this.#variables.set(name, undefined);
    await this.run(`SET VARIABLE ${quoteIdentifier(name)} = $1`, [value]);
  }

  async setVariables(values: Readonly<Record<string, string | null>>): Promise<void> {
    const open = Object.entries(values).filter(([name, value]) => this.#knownVariable(name) !== value);
    if (open.length === 0) return;
    for (const [name] of open) this.#variables.set(name, undefined);
    await this.run(
      open.map(([name, value]) =>
        value === null
          ? `RESET VARIABLE ${quoteIdentifier(name)}`
          : `SET VARIABLE ${quoteIdentifier(name)} = ${value}`
      ).join(";\n"),
    );
    for (const [name, value] of open) {
      // What a query gives may be another thing by the next time.
      if (value === null || !value.startsWith("(")) this.#variables.set(name, value);
    }
  }

  /** Null where it is not set; undefined where that is not known. */
  #knownVariable(name: string): string | null | undefined {
    return this.#variables.has(name) ? this.#variables.get(name) : null;
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
      fork.#variables.set(String(name), undefined);
      await fork.run(set, [row?.[`v${i}`] ?? null]);
    }
    return fork;
  }

  /** From now on, once for the session, `progress` knows of statements that take longer than two seconds. */
  async measureProgress(): Promise<void> {
    if (this.#measuresProgress) return;
    // Printed, it would go among the reports of this process.
    await this.run("SET enable_progress_bar_print = false; SET enable_progress_bar = true");
    this.#measuresProgress = true;
  }

  /** Which share of its input the statement has read that runs now, above 0 up to 1; undefined where DuckDB does not know. */
  progress(): number | undefined {
    if (this.#isClosed) return undefined;
    const { percentage } = duckdb.query_progress(this.#connection);
    return percentage > 0 ? Math.min(1, percentage / 100) : undefined;
  }

  /** DuckDB's low-level connection, for `ingest` and `export` in this folder. `work` runs alone on it. */
  withConnection<T>(sql: string, work: (connection: duckdb.Connection) => Promise<T>): Promise<T> {
    return this.#exclusive(sql, async () => {
      await this.#beginNow();
      return await work(this.#connection);
    });
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
    // A transaction that has done nothing is none.
    if (this.#isToBegin && this.#atCommit.size === 0) return this.#throwIfAborted();
    try {
      const inserts = [...this.#atCommit].map(([table, rows]) => insertText(table, rows));
      await this.run([...inserts, "COMMIT"].join(";\n"));
    } catch (error) {
      await this.#rollback();
      throw error;
    }
  }

  async #rollback(): Promise<void> {
    try {
      await this.#tail;
      if (this.#isToBegin) return;
      await duckdb.query(this.#connection, "ROLLBACK");
    } catch {
      // A failed COMMIT has rolled back already; the error that led here is the one to report.
    }
  }

  /** Runs statements, behind the beginning of the transaction where that is still to be told. */
  async #execute(sql: string, params: readonly SqlValue[]): Promise<duckdb.Result> {
    if (params.length > 0) await this.#beginNow();
    if (!this.#isToBegin) return await execute(this.#connection, sql, params);
    this.#isToBegin = false;
    const text = `${BEGIN};\n${sql}`;
    try {
      return await execute(this.#connection, text, []);
    } catch (error) {
      // Nothing of a text has run that cannot be parsed, and what was interrupted may not have begun.
      if (/^(?:Parser|INTERRUPT)$/.test(readReport(error).type)) {
        await duckdb.query(this.#connection, BEGIN).catch(() => {});
      }
      throw toSqlError(error, sql, text.length - sql.length);
    }
  }

  /** For what takes no other statement along. */
  async #beginNow(): Promise<void> {
    if (!this.#isToBegin) return;
    this.#isToBegin = false;
    await duckdb.query(this.#connection, BEGIN);
  }
}

const insertText = (table: string, rows: readonly string[]): string =>
  `INSERT INTO ${table} VALUES ${rows.join(", ")}`;
