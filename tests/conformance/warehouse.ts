import type { RecordBatch } from "apache-arrow";
import { duckdbCursorCondition } from "../../connectors/cursor.ts";
import type { Connection, LoadInput, LoadRequest, StreamRequest } from "../../contract/connector.ts";
import { type Column, quoteIdentifier } from "../../contract/sql.ts";
import { copyRows } from "../../engine/duckdb/from/copy.ts";
import { type Database, openDatabase } from "../../engine/duckdb/database.ts";
import { exportRows } from "../../engine/duckdb/from/export.ts";
import { batchesOf } from "../support/connections.ts";
import { ingest } from "../../engine/duckdb/into/ingest.ts";
import type { DuckSession } from "../../engine/duckdb/session.ts";

/** A small DuckDB on the other side of the connector, used as a run's process uses its own. */
export class Warehouse implements AsyncDisposable {
  readonly session: DuckSession;
  readonly #database: Database;

  private constructor(database: Database, session: DuckSession) {
    this.#database = database;
    this.session = session;
  }

  static async open(folder: string): Promise<Warehouse> {
    const database = await openDatabase({ path: ":memory:", allowedDirectories: [folder], threads: 1 });
    const session = await database.session();
    await session.run("SET TimeZone = 'UTC'").catch(() => {});
    return new Warehouse(database, session);
  }

  /** The rows of a SELECT as a load's input. */
  async input(select: string, signal: AbortSignal): Promise<LoadInput> {
    const { session } = this;
    const [counted] = await session.rows(`SELECT count(*) AS n FROM (${select})`);
    const { schema } = await exportRows(session, `SELECT * FROM (${select}) LIMIT 0`, { signal });
    return {
      schema,
      rows: Number(counted?.["n"]),
      batches: async function* () {
        const { batches } = await exportRows(session, select, { signal });
        yield* batches;
      },
      copyTo: async (path, options) => await copyRows(session, select, path, options),
      hash: () => Promise.resolve(null),
    };
  }

  /** Reads the stream into a table of that name, as an extract step does; answers its columns. */
  async extract(
    connection: Connection,
    stream: StreamRequest,
    table: string,
    signal: AbortSignal,
  ): Promise<Column[]> {
    const { session } = this;
    const { cursor } = stream;
    const source = connection.source;
    if (source === undefined) throw new Error("the connector is no source");
    const scan = await source.scan?.(stream, signal);
    const name = quoteIdentifier(table);
    if (scan !== undefined) {
      const where = cursor === undefined ? "" : ` WHERE ${duckdbCursorCondition(cursor)}`;
      try {
        await session.run(
          `CREATE OR REPLACE TABLE ${name} AS SELECT * FROM ${scan.relation}${where}`,
          cursor === undefined ? [] : [cursor.value],
        );
      } catch (error) {
        throw await scan.explain(error);
      }
    } else {
      await this.#readInto(table, batchesOf(source.read({ streams: [stream] }, signal)), signal);
    }
    return await session.describe(`SELECT * FROM ${name}`);
  }

  async #readInto(
    table: string,
    batches: AsyncIterable<RecordBatch>,
    signal: AbortSignal,
  ): Promise<void> {
    const { session } = this;
    let columns: Column[] | undefined;
    for await (const batch of batches) {
      if (columns === undefined) {
        columns = session.columnsOf(batch.schema);
        const definitions = columns.map((column) => `${quoteIdentifier(column.name)} ${column.type}`).join(
          ", ",
        );
        await session.run(`CREATE OR REPLACE TABLE ${quoteIdentifier(table)} (${definitions})`);
      }
      const one = async function* () {
        yield batch;
      };
      await ingest(session, { schema: "main", name: table }, one(), { signal });
    }
    if (columns === undefined) throw new Error("the source gave no batch, not even an empty one");
  }

  /** The rows of a SELECT, each as text of its values, in an order of their own. */
  async texts(select: string): Promise<string[]> {
    const rows = await this.session.rows(`SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (${select})`);
    return rows.map((row) => JSON.stringify(Object.values(row))).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session[Symbol.asyncDispose]();
    await this.#database[Symbol.asyncDispose]();
  }
}

export type PartialLoad = Pick<LoadRequest, "loadId" | "mode"> & { readonly primaryKey?: readonly string[] };
