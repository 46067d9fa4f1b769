import type { ResultColumn, SqliteReader, SqliteRow, SqliteValue } from "../../sqlite/database.ts";
import { type HranaServer, HranaStream } from "../hrana/client.ts";

const BEGIN_TIMEOUT_MS = 30_000;

/** One read transaction of a database behind a server; disposing of it ends it. */
export class LibsqlReader implements SqliteReader, AsyncDisposable {
  readonly #server: HranaServer;
  readonly #signal: AbortSignal;
  readonly #stream: HranaStream;
  readonly #subject: string;
  readonly keepsTexts = false;
  #isRead = false;

  private constructor(server: HranaServer, subject: string, signal: AbortSignal) {
    this.#server = server;
    this.#signal = signal;
    this.#subject = subject;
    this.#stream = new HranaStream(server, signal);
  }

  /** `subject` is what a message calls it: `read shop`. */
  static async begin(server: HranaServer, subject: string, signal: AbortSignal): Promise<LibsqlReader> {
    const reader = new LibsqlReader(server, subject, signal);
    await reader.#stream.executeAll(subject, [{ sql: "BEGIN" }], { withinMs: BEGIN_TIMEOUT_MS });
    return reader;
  }

  bytesOf(value: string): string {
    return `CAST(${value} AS BLOB)`;
  }

  async all(sql: string, subject = this.#subject): Promise<readonly SqliteRow[]> {
    return (await this.#stream.execute(subject, sql)).rows;
  }

  async columns(sql: string): Promise<readonly ResultColumn[]> {
    const columns = await this.#stream.describe(this.#subject, sql);
    // A description is that of the first statement, whatever follows it; within parentheses nothing can.
    await this.#stream.execute(this.#subject, `EXPLAIN SELECT 1 FROM (${sql}\n)`);
    return columns;
  }

  /** The first are of the transaction; what is read later, as to explain an error, is of a moment of its own. */
  async *slices(
    select: string,
    params: readonly SqliteValue[],
    subject: string,
  ): AsyncGenerator<readonly SqliteRow[]> {
    const statement = { sql: select, args: params };
    if (!this.#isRead) {
      this.#isRead = true;
      yield* this.#stream.cursor(subject, statement);
      return;
    }
    const stream = new HranaStream(this.#server, this.#signal);
    try {
      yield* stream.cursor(subject, statement);
    } finally {
      await stream.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stream.close();
  }
}
