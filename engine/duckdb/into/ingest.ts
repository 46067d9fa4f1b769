import type { Field, RecordBatch, Schema } from "apache-arrow";
import { AppError } from "../../../contract/errors.ts";
import { type Column, nameKey, quoteIdentifier, SqlError } from "../../../contract/sql.ts";
import { BatchAppender, type IngestTable } from "./batch_appender.ts";
import { isChangedByCast } from "../exact_cast.ts";
import type { DuckSession } from "../session.ts";
import { abortError } from "../sql_error.ts";
import { chooseStringWay, type StringWay } from "../string_cell.ts";

const MAX_SHOWN = 100;
const STAGING: IngestTable = { schema: "temp", name: "_sluice_staging" };

export interface IngestOptions {
  readonly signal?: AbortSignal;
  /** The rows taken so far, after each batch. */
  readonly onProgress?: (rows: number) => void;
  /** Left out: what fits this DuckDB. For tests. */
  readonly stringWay?: StringWay;
}

/**
 * Appends all batches to a table that exists, inside the caller's transaction, and returns the
 * number of rows. Columns meet by name, as DuckDB compares names; a column of the table that no
 * batch has becomes NULL. Where types differ from what `columnsOf` gives, and for JSON, the rows
 * wait in a temporary table and are cast, exactly or not at all. `schema` may be `temp`.
 *
 * @throws AppError invalid for an unknown column, a batch of another schema, and a value that does
 * not fit, with its column and row (from 1); SqlError from the table, as for NOT NULL.
 */
export async function ingest(
  session: DuckSession,
  table: IngestTable,
  batches: AsyncIterable<RecordBatch>,
  options: IngestOptions = {},
): Promise<number> {
  using _interrupt = options.signal === undefined ? undefined : session.interruptOn(options.signal);
  let run: TableIngest | undefined;
  let rows = 0;
  try {
    for await (const batch of batches) {
      if (options.signal?.aborted) throw abortError(options.signal);
      run ??= await TableIngest.start(session, table, batch.schema, options.stringWay);
      await run.append(batch);
      rows += batch.numRows;
      options.onProgress?.(rows);
    }
    if (options.signal?.aborted) throw abortError(options.signal);
    await run?.finish();
  } finally {
    await run?.[Symbol.asyncDispose]();
  }
  return rows;
}

/** Creates a table with the columns that hold the schema's values. Throws SqlError where it exists. */
export async function createTable(session: DuckSession, table: IngestTable, schema: Schema): Promise<void> {
  await session.run(createStatement(table, session.columnsOf(schema)));
}

const tableText = ({ schema, name }: IngestTable): string =>
  `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;

function createStatement(table: IngestTable, columns: readonly Column[]): string {
  const list = columns.map(({ name, type }) => `${quoteIdentifier(name)} ${type}`);
  const isTemporary = table.schema === "temp";
  const target = isTemporary ? `TEMP TABLE ${quoteIdentifier(table.name)}` : `TABLE ${tableText(table)}`;
  return `CREATE ${target} (${list.join(", ")})`;
}

/**
 * What `ingest` does, step by step, for callers that are given batches: `start` with the schema of
 * all batches, `append` each, `finish` writes what is left. Disposing without `finish` drops what
 * was not written yet. Throws as `ingest` does.
 */
export class TableIngest implements AsyncDisposable {
  readonly #session: DuckSession;
  readonly #table: IngestTable;
  readonly #appender: BatchAppender;
  /** What is cast from the staging table; empty where the rows go straight to their table. */
  readonly #casts: readonly Cast[];

  private constructor(
    session: DuckSession,
    table: IngestTable,
    appender: BatchAppender,
    casts: readonly Cast[],
  ) {
    this.#session = session;
    this.#table = table;
    this.#appender = appender;
    this.#casts = casts;
  }

  static async start(
    session: DuckSession,
    table: IngestTable,
    schema: Schema,
    way: StringWay = chooseStringWay(),
  ): Promise<TableIngest> {
    const columns = await session.describe(`SELECT * FROM ${tableText(table)} LIMIT 0`);
    const casts = matchColumns(session, table, columns, schema);
    const fields = new Map(casts.map(({ field, column }) => [column.name, field]));
    if (casts.every(({ column, given }) => given === column.type && !holdsJson(given))) {
      const appender = await BatchAppender.open(
        session,
        table,
        columns.map(({ name }) => fields.get(name)),
        way,
      );
      return new TableIngest(session, table, appender, []);
    }
    // Text in DuckDB's JSON columns is checked by the cast alone, so JSON is staged as text too.
    const staged = casts.map(({ field, given }, i) => ({
      name: `c${i}`,
      type: given.replace(/\bJSON\b/g, "VARCHAR"),
      field,
    }));
    await session.run(createStatement(STAGING, staged));
    const appender = await BatchAppender.open(session, STAGING, staged.map(({ field }) => field), way);
    return new TableIngest(session, table, appender, casts);
  }

  append(batch: RecordBatch): Promise<void> {
    return this.#appender.append(batch);
  }

  async finish(): Promise<void> {
    await this.#appender.finish();
    if (this.#casts.length === 0) return;
    await this.#moveStaged();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#appender[Symbol.asyncDispose]();
  }

  async #moveStaged(): Promise<void> {
    await this.#refuseChanges();
    const names = this.#casts.map(({ column }) => quoteIdentifier(column.name)).join(", ");
    let sql = `INSERT INTO ${tableText(this.#table)} (${names}) SELECT `;
    const starts = this.#casts.map(({ column }, i) => {
      const start = sql.length;
      sql += `CAST(c${i} AS ${column.type}), `;
      return start;
    });
    sql = `${sql.slice(0, -2)} FROM ${tableText(STAGING)}`;
    try {
      await this.#session.run(sql);
    } catch (error) {
      throw this.#withColumn(error, starts);
    }
    await this.#session.run(`DROP TABLE ${tableText(STAGING)}`);
  }

  /** A cast may round or cut without an error. */
  async #refuseChanges(): Promise<void> {
    for (const [i, { column, given }] of this.#casts.entries()) {
      if (given === column.type || holdsJson(given) || holdsJson(column.type)) continue;
      const [changed] = await this.#session.rows(
        `SELECT CAST(c${i} AS VARCHAR) AS v FROM ${tableText(STAGING)} WHERE ${
          isChangedByCast(`c${i}`, given, column.type)
        } AND TRY_CAST(c${i} AS ${column.type}) IS NOT NULL LIMIT 1`,
      );
      if (changed === undefined) continue;
      throw new AppError(
        "invalid",
        `Cannot store column "${column.name}" of table "${this.#table.name}" as ${column.type}: it has the ${given} ${
          String(changed["v"]).slice(0, MAX_SHOWN)
        }, which would be changed`,
      );
    }
  }

  /** DuckDB's error has the place of the cast that failed, which says the column. */
  #withColumn(error: unknown, starts: readonly number[]): unknown {
    if (!(error instanceof SqlError) || error.position === undefined) return error;
    const { position } = error;
    const cast = this.#casts[starts.findLastIndex((start) => start <= position)];
    if (cast === undefined) return error;
    return new AppError(
      error.code,
      `Cannot store column "${cast.column.name}" of table "${this.#table.name}" as ${cast.column.type}: ${error.message}`,
      { cause: error },
    );
  }
}

interface Cast {
  readonly field: Field;
  readonly column: Column;
  /** The DuckDB type of the field's values. */
  readonly given: string;
}

const holdsJson = (type: string): boolean => /\bJSON\b/.test(type);

function matchColumns(
  session: DuckSession,
  table: IngestTable,
  columns: readonly Column[],
  schema: Schema,
): Cast[] {
  const byName = new Map(columns.map((column) => [nameKey(column.name), column]));
  const given = session.columnsOf(schema);
  const taken = new Set<Column>();
  return schema.fields.map((field, i) => {
    const column = byName.get(nameKey(field.name));
    if (column === undefined) {
      const known = columns.map(({ name }) => name).join(", ");
      throw new AppError("invalid", `Table "${table.name}" has no column "${field.name}" (it has ${known})`);
    }
    if (taken.has(column)) {
      throw new AppError("invalid", `Two columns of the input are "${column.name}" of table "${table.name}"`);
    }
    taken.add(column);
    return { field, column, given: given[i]?.type ?? "" };
  });
}
