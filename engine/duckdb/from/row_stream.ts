import duckdb from "@duckdb/node-bindings";
import { SqlError } from "../../../contract/sql.ts";
import { type DuckType, readDuckType } from "../duck_type.ts";
import type { DuckSession } from "../session.ts";
import { toSqlError } from "../sql_error.ts";

const EXPLAIN = "EXPLAIN ANALYZE ";

/**
 * The chunks of one query while it runs, with bounded memory. From `open` until it is disposed, the
 * session refuses other statements.
 *
 * The driver returns a chunk that failed just as it returns the end of the rows. Only the transaction
 * knows: a failed query has aborted it. So a stream outside of a transaction begins one of its own,
 * and asks after the last chunk.
 */
export class RowStream implements AsyncDisposable {
  readonly types: readonly DuckType[];
  readonly #session: DuckSession;
  readonly #connection: duckdb.Connection;
  readonly #result: duckdb.Result;
  readonly #sql: string;
  readonly #ownsTransaction: boolean;
  readonly #lease: Disposable;
  #isAtEnd = false;

  private constructor(
    session: DuckSession,
    connection: duckdb.Connection,
    result: duckdb.Result,
    sql: string,
  ) {
    this.#session = session;
    this.#connection = connection;
    this.#result = result;
    this.#sql = sql;
    this.#ownsTransaction = !session.isInTransaction;
    this.#lease = session.beginStream();
    this.types = Array.from(
      { length: duckdb.column_count(result) },
      (_, i) => readDuckType(duckdb.column_logical_type(result, i)),
    );
  }

  static open(session: DuckSession, sql: string): Promise<RowStream> {
    return session.withConnection(sql, async (connection) => {
      const statement = await duckdb.prepare(connection, sql);
      try {
        if (!session.isInTransaction) await duckdb.query(connection, "BEGIN TRANSACTION");
        const result = await duckdb.execute_prepared_streaming(statement);
        return new RowStream(session, connection, result, sql);
      } catch (error) {
        if (!session.isInTransaction) await rollback(connection);
        throw error;
      } finally {
        duckdb.destroy_prepare_sync(statement);
      }
    });
  }

  /** The next chunk, never empty; null at the end. Throws SqlError where the query has failed. */
  next(): Promise<duckdb.DataChunk | null> {
    return this.#session.streamStep(this.#sql, async () => {
      const chunk = await this.#fetch();
      if (chunk === null) await this.#throwIfFailed();
      return chunk;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#drop();
      if (this.#ownsTransaction) await rollback(this.#connection);
    } finally {
      this.#lease[Symbol.dispose]();
    }
  }

  async #fetch(): Promise<duckdb.DataChunk | null> {
    if (this.#isAtEnd) return null;
    const chunk = await duckdb.fetch_chunk(this.#result);
    if (chunk !== null && duckdb.data_chunk_get_size(chunk) > 0) return chunk;
    this.#isAtEnd = true;
    return null;
  }

  async #throwIfFailed(): Promise<void> {
    try {
      await duckdb.query(this.#connection, "SELECT 1");
    } catch (aborted) {
      throw await this.#reason(aborted);
    }
  }

  /** The driver does not report what failed: the query runs once more, without its rows. */
  async #reason(aborted: unknown): Promise<unknown> {
    if (!this.#ownsTransaction) return failedStream(aborted);
    try {
      await rollback(this.#connection);
      await duckdb.query(this.#connection, EXPLAIN + this.#sql);
      return failedStream(aborted);
    } catch (error) {
      const explained = toSqlError(error, EXPLAIN + this.#sql);
      if (!(explained instanceof SqlError)) return explained;
      const { code, message, type, position } = explained;
      return new SqlError(code, message, {
        type,
        ...(position === undefined || position < EXPLAIN.length
          ? {}
          : { position: position - EXPLAIN.length }),
        cause: error,
      });
    }
  }

  /**
   * A result that is not read to its end keeps the database open until it is collected, so it is
   * interrupted and read out. That would fail the caller's transaction; there the next statement
   * ends it.
   */
  async #drop(): Promise<void> {
    if (this.#isAtEnd) return;
    try {
      if (!this.#ownsTransaction) {
        await duckdb.query(this.#connection, "SELECT 1");
        return;
      }
      duckdb.interrupt(this.#connection);
      while (await this.#fetch() !== null) {
        // Nobody wants the chunks that were ready.
      }
    } catch {
      // A transaction that has failed already: the stream is gone either way.
    }
  }
}

function failedStream(cause: unknown): SqlError {
  const message = "The query has failed while its rows were read";
  return new SqlError("internal", message, { type: "Unknown", cause });
}

async function rollback(connection: duckdb.Connection): Promise<void> {
  try {
    await duckdb.query(connection, "ROLLBACK");
  } catch {
    // There is none any more.
  }
}
