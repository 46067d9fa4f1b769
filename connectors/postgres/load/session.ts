import type { RecordBatch } from "apache-arrow";
import { AppError } from "../../../contract/errors.ts";
import { columnList } from "../../destination/plan.ts";
import type { Cell, LoadColumn, SentRows, SqlSession } from "../../destination/system.ts";
import { toPostgresError } from "../errors.ts";
import { ConnectionLostError, ServerError } from "../session/server_error.ts";
import { setLocal, TEXT_SETTINGS } from "../session/text_settings.ts";
import type { Session } from "../session/session.ts";
import type { PostgresColumn } from "./catalogue.ts";
import { encoderFor } from "./dialect.ts";
import { BatchEncoder, UnfitRowError } from "./encode/batch_encoder.ts";

/**
 * Casts that do not depend on the server's settings; row security may fail us but not hide rows from us.
 * Between the claim and the first row, the transaction waits for the source.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  ...TEXT_SETTINGS,
  row_security: "off",
  idle_in_transaction_session_timeout: "0",
};

/**
 * A search_path that names pg_catalog behind other schemas would find their functions, types and operators in
 * the place of PostgreSQL's. Any other is left to the table's triggers as it is.
 */
const CATALOG_FIRST = `SELECT pg_catalog.set_config('search_path',
  CASE WHEN pg_catalog.strpos(pg_catalog.current_setting('search_path'), 'pg_catalog') > 0
       THEN pg_catalog.concat('pg_catalog, ', pg_catalog.current_setting('search_path'))
       ELSE pg_catalog.current_setting('search_path') END, true)`;

const BEGIN = [
  "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
  CATALOG_FIRST,
  ...setLocal(SETTINGS),
].join("; ");

/** A session of PostgreSQL as the mode planner uses it. What it throws are AppErrors that begin with `action`. */
export class LoadSession implements SqlSession<PostgresColumn> {
  readonly #session: Session;
  readonly #action: string;

  constructor(session: Session, action: string) {
    this.#session = session;
    this.#action = action;
  }

  get isUnicode(): boolean {
    return this.#session.serverEncoding.toUpperCase() === "UTF8";
  }

  async begin(): Promise<void> {
    await this.run(BEGIN);
  }

  async commit(): Promise<void> {
    try {
      const { tag } = await this.#session.query("COMMIT");
      if (tag !== "COMMIT") {
        throw new AppError("internal", `${this.#action}: the server answered COMMIT with ${tag}`);
      }
    } catch (error) {
      if (!(error instanceof ConnectionLostError)) throw toPostgresError(this.#action, error);
      throw new AppError(
        "unavailable",
        `${this.#action}: the connection ended before the server answered COMMIT (${error.message}); ` +
          `whether it took effect is found by the load id when the load is tried again`,
        { cause: error },
      );
    }
  }

  async rollback(): Promise<void> {
    await this.run("ROLLBACK");
  }

  async run(sql: string): Promise<number> {
    const { tag } = await this.#query(sql);
    return Number(/ (\d+)$/.exec(tag)?.[1] ?? 0);
  }

  async rows(sql: string): Promise<readonly (readonly Cell[])[]> {
    return (await this.#query(sql)).rows;
  }

  /** By binary COPY. */
  async send(
    relation: string,
    columns: readonly LoadColumn<PostgresColumn>[],
    batches: AsyncIterable<RecordBatch>,
  ): Promise<SentRows> {
    const encoder = new BatchEncoder(columns.map(encoderFor));
    try {
      const taken = await this.#session.copyIn(
        `COPY ${relation} (${columnList(columns)}) FROM STDIN (FORMAT binary)`,
        encoder.encode(batches),
      );
      const { rows, sizeBytes } = encoder.totals;
      return { sent: rows, taken, sizeBytes };
    } catch (error) {
      throw explainCopyError(this.#action, columns, error);
    }
  }

  async #query(sql: string) {
    try {
      return await this.#session.query(sql);
    } catch (error) {
      throw toPostgresError(this.#action, error);
    }
  }
}

/** `COPY orders, line 3, column amount`: the line is the row, the header does not count. */
const COPY_PLACE = /^COPY .*, line (\d+)(?:, column (.*?))?(?::|$)/m;

function explainCopyError(
  action: string,
  columns: readonly LoadColumn<PostgresColumn>[],
  error: unknown,
): unknown {
  if (error instanceof UnfitRowError) {
    const name = JSON.stringify(columns[error.column]?.name ?? "");
    return new AppError("invalid", `${action} row ${error.row}: column ${name} ${error.message}`, {
      cause: error,
    });
  }
  if (!(error instanceof ServerError)) return error;
  const [, row, column] = COPY_PLACE.exec(error.fields.where ?? "") ?? [];
  if (row === undefined) return error;
  const place = column === undefined
    ? `${action} row ${row}`
    : `${action} row ${row}, column ${JSON.stringify(column)}`;
  return toPostgresError(place, error);
}
