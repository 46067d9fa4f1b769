import type { Schema } from "apache-arrow";
import type { InputBatch } from "../../../contract/connector/source.ts";
import type { ScriptJob } from "../../../contract/jobs/script_job.ts";
import { openDatabase } from "../../duckdb/database.ts";
import { type ExportedRows, exportRows } from "../../duckdb/from/export.ts";
import type { Connections } from "../connections.ts";
import { databaseLimits, scratchOf } from "../database_limits.ts";
import { BACK, readBack } from "../loads/read_back.ts";

/** Of a file without a record: it has no rows, and a table wants a column. */
const NO_COLUMNS = [{ name: "nothing", type: "VARCHAR" }];

/** The rows of files that a script is given in a trial, as a run gives it those of streams that have read them. */
export class TrialInputs {
  readonly #job: ScriptJob;
  readonly #connections: Connections;
  readonly #signal: AbortSignal;

  constructor(job: ScriptJob, connections: Connections, signal: AbortSignal) {
    this.#job = job;
    this.#connections = connections;
    this.#signal = signal;
  }

  /** One file behind the other, at most so many rows a batch; see StreamRequest.inputRows. Throws what reading throws. */
  async *rows(batchRows: number): AsyncGenerator<InputBatch, void, undefined> {
    for await (const { stream, rows } of this.#files(batchRows)) {
      for await (const batch of rows.batches) yield { stream, batch };
    }
  }

  /** Their columns; see StreamRequest.inputSchemas. Throws what reading throws. */
  async schemas(): Promise<Schema[]> {
    const schemas: Schema[] = [];
    for await (const { rows } of this.#files(1)) schemas.push(rows.schema);
    return schemas;
  }

  async *#files(batchRows: number): AsyncGenerator<{ stream: string; rows: ExportedRows }, void, undefined> {
    const { tempDir, duckdb, inputs = {} } = this.#job;
    await using database = await openDatabase({
      path: ":memory:",
      tempDirectory: tempDir,
      ...databaseLimits(duckdb, scratchOf(tempDir)),
      signal: this.#signal,
    });
    for (const [name, stream] of Object.entries(inputs)) {
      await using session = await database.session();
      await readBack(session, await this.#connections.source(name, stream), NO_COLUMNS, this.#signal);
      const options = { batchRows, signal: this.#signal };
      yield { stream: name, rows: await exportRows(session, `SELECT * FROM ${BACK}`, options) };
    }
  }
}
