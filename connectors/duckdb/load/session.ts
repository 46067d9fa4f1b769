import type { RecordBatch } from "apache-arrow";
import type { DuckdbSession } from "../../../contract/duckdb.ts";
import type { Cell, LoadColumn, SentRows, SqlSession, TargetColumn } from "../../destination/system.ts";
import type { TableName } from "../table_name.ts";

export const STAGE = "_sluice_stage";
export const GONE = "_sluice_gone";

/** A temporary table as SQL. */
export const relationOf = (name: string): string => `temp."${name}"`;

/** A session of a DuckDB file as the mode planner uses it. */
export class LoadSession implements SqlSession<TargetColumn> {
  readonly isUnicode = true;
  readonly #session: DuckdbSession;
  readonly #target: TableName;

  constructor(session: DuckdbSession, target: TableName) {
    this.#session = session;
    this.#target = target;
  }

  async begin(): Promise<void> {
    await this.#session.run("BEGIN TRANSACTION");
  }

  async commit(): Promise<void> {
    await this.#session.run("COMMIT");
  }

  async rollback(): Promise<void> {
    await this.#session.run("ROLLBACK");
  }

  run(sql: string): Promise<number> {
    return this.#session.run(sql);
  }

  async rows(sql: string): Promise<Cell[][]> {
    const rows = await this.#session.rows(sql);
    return rows.map((row) => Object.values(row).map((value) => (value === null ? null : String(value))));
  }

  /** By DuckDB's appender. `relation` is the target, or a staging table. */
  async send(
    relation: string,
    columns: readonly LoadColumn<TargetColumn>[],
    batches: AsyncIterable<RecordBatch>,
  ): Promise<SentRows> {
    const counted = { sent: 0, sizeBytes: 0 };
    const staged = [STAGE, GONE].find((name) => relation === relationOf(name));
    const table = staged !== undefined
      ? { schema: "temp", name: staged }
      : { schema: this.#target.schema, name: this.#target.table };
    const taken = await this.#session.append(table, count(batches, counted));
    // Without a batch nothing was appended; then there is no row either.
    return { ...counted, taken: columns.length === 0 ? 0 : taken };
  }
}

async function* count(
  batches: AsyncIterable<RecordBatch>,
  counted: { sent: number; sizeBytes: number },
): AsyncIterable<RecordBatch> {
  for await (const batch of batches) {
    counted.sent += batch.numRows;
    counted.sizeBytes += batch.data.byteLength;
    yield batch;
  }
}
