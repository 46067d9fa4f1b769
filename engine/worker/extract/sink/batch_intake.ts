import type { RecordBatch, Schema } from "apache-arrow";
import { type Column, findColumn, quoteIdentifier } from "../../../../contract/sql.ts";
import type { IngestTable } from "../../../duckdb/into/batch_appender.ts";
import { createTable, TableIngest } from "../../../duckdb/into/ingest.ts";
import type { DuckSession } from "../../../duckdb/session.ts";
import { joinRows } from "../../../warehouse/join_rows.ts";
import { isSameSchema } from "../../pass_through/schema_as_stored.ts";

/** Rows whose columns are others than those of the table that they belong to, until they are put there. */
const BESIDE: IngestTable = { schema: "temp", name: "_sluice_segment" };

export interface IntakeTarget {
  readonly table: IngestTable;
  /** Otherwise it is made for the first batch. */
  readonly isThere: boolean;
}

/** A table that is to be made, as SQL: its name, and what begins the statement. */
export interface FilledTable {
  readonly name: string;
  readonly create: string;
}

/**
 * Batches on their way into a table, also where their columns differ from those that it has: it gets what it
 * lacks, and types that hold all values exactly. All of them are in it after `finish`.
 */
export class BatchIntake implements AsyncDisposable {
  readonly #session: DuckSession;
  /** The stream's, for messages. */
  readonly #name: string;
  #schema: Schema | undefined;
  #ingest: TableIngest | undefined;
  #joins: { readonly into: IngestTable; readonly held: readonly Column[] } | undefined;

  constructor(session: DuckSession, name: string) {
    this.#session = session;
    this.#name = name;
  }

  /** `target` is asked where batches of a schema begin, and after `finish`. */
  async append(batch: RecordBatch, target: () => Promise<IntakeTarget>): Promise<void> {
    if (this.#schema !== undefined && !isSameSchema(this.#schema, batch.schema)) await this.finish();
    this.#schema = batch.schema;
    this.#ingest ??= await this.#begin(batch.schema, await target());
    await this.#ingest.append(batch);
  }

  /** What is to be made of rows that do not come as batches: all of them are in the target after `finish`. */
  async beside({ table, isThere }: IntakeTarget): Promise<FilledTable> {
    if (!isThere) return { name: quoted(table), create: `CREATE TABLE ${quoted(table)}` };
    const held = await this.#session.describe(`SELECT * FROM ${quoted(table)} LIMIT 0`);
    this.#joins = { into: table, held };
    return { name: quoted(BESIDE), create: `CREATE TEMPORARY TABLE ${quoted(BESIDE)}` };
  }

  async finish(): Promise<void> {
    const session = this.#session;
    await this.#ingest?.finish();
    this.#ingest = undefined;
    if (this.#joins === undefined) return;
    const { into, held } = this.#joins;
    this.#joins = undefined;
    const from = quoted(BESIDE);
    const given = await session.describe(`SELECT * FROM ${from} LIMIT 0`);
    await joinRows(session, this.#name, { into: quoted(into), held, from, given });
    await session.run(`DROP TABLE ${from}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ingest?.[Symbol.asyncDispose]();
  }

  async #begin(schema: Schema, { table, isThere }: IntakeTarget): Promise<TableIngest> {
    const session = this.#session;
    if (!isThere) {
      await createTable(session, table, schema);
      return await TableIngest.start(session, table, schema);
    }
    const held = await session.describe(`SELECT * FROM ${quoted(table)} LIMIT 0`);
    const isHeld = ({ name, type }: Column) => findColumn(held, name)?.type === type;
    if (session.columnsOf(schema).every(isHeld)) return await TableIngest.start(session, table, schema);
    await createTable(session, BESIDE, schema);
    this.#joins = { into: table, held };
    return await TableIngest.start(session, BESIDE, schema);
  }
}

const quoted = ({ schema, name }: IngestTable): string => `${schema}.${quoteIdentifier(name)}`;
