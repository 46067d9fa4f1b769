import type { RecordBatch } from "apache-arrow";
import * as v from "valibot";
import { duckdbWindowCondition } from "../../connectors/cursor.ts";
import type {
  Destination,
  LoadInput,
  LoadMode,
  LoadReceipt,
  LoadRequest,
  LoadShape,
} from "../../contract/connector/destination.ts";
import type { Cursor, Source, StreamRequest } from "../../contract/connector/source.ts";
import { loadSchema, loadShapeOf } from "../../contract/pipeline/load.ts";
import { pipelineSchema } from "../../contract/pipeline/pipeline.ts";
import { streamSchema } from "../../contract/pipeline/stream.ts";
import { type Column, quoteIdentifier, quoteLiteral } from "../../contract/sql.ts";
import { type Database, openDatabase } from "../../engine/duckdb/database.ts";
import { copyRows } from "../../engine/duckdb/from/copy.ts";
import { exportRows } from "../../engine/duckdb/from/export.ts";
import { ingest } from "../../engine/duckdb/into/ingest.ts";
import type { DuckSession } from "../../engine/duckdb/session.ts";
import { prepareWarehouse } from "../../engine/warehouse/warehouse.ts";
import { DESCRIBE_TIMEOUT_MS, describeStreams } from "../../engine/worker/describe_streams.ts";
import { extractStream } from "../../engine/worker/extract/extract.ts";
import { StreamShape } from "../../engine/worker/extract/stream_shape.ts";
import { loadRelation } from "../../engine/worker/load.ts";
import { sentRows } from "../../engine/worker/loads/rows_to_load.ts";
import { pointsOf } from "../../engine/worker/points.ts";
import { batchesOf } from "../support/connections.ts";

const BACK = "back";
const HISTORY = ["valid_from", "valid_to", "is_current"];

async function* one(batch: RecordBatch): AsyncIterable<RecordBatch> {
  yield await Promise.resolve(batch);
}

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
    await prepareWarehouse(session);
    return new Warehouse(database, session);
  }

  /** The rows of a SELECT as a load's input, in the columns that the mode has. */
  async input(rows: string, signal: AbortSignal, mode: LoadMode): Promise<LoadInput> {
    const { session } = this;
    const definition = v.parse(loadSchema, { connector: "it", mode, ...keysFor(mode, ["id"]) });
    const select = sentRows({ rows }, definition, AT_MS);
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

  /** Loads the rows of a SELECT as a load step does. */
  load(
    destination: Destination,
    target: unknown,
    select: string,
    { loadId, mode, primaryKey = [], partitionBy, atMs = AT_MS, keys = {} }: PartialLoad,
    signal: AbortSignal,
  ): Promise<LoadReceipt> {
    const { session } = this;
    const definition = v.parse(loadSchema, {
      connector: "it",
      mode,
      ...keysFor(mode, primaryKey, partitionBy),
      ...keys,
    });
    const context = {
      session,
      runId: loadId,
      run: { runId: loadId, pipeline: "it", params: {}, windowStartMs: null, windowEndMs: atMs },
      atMs,
      signal,
      points: pointsOf(undefined),
      onProgress: () => {},
      onTraffic: () => {},
      log: () => {},
      keepRejected: () => Promise.resolve(),
    };
    return loadRelation(context, destination, target, "load:t→it", `(${select})`, definition);
  }

  /** The columns of the stream as `check` finds them. Throws an error with what it complains of. */
  async describe(
    source: Source,
    request: StreamRequest,
    signal: AbortSignal,
    own: Readonly<Record<string, unknown>>,
    salt: string,
  ): Promise<readonly Column[]> {
    const stream = v.parse(streamSchema, { ...own, connector: "it" });
    const connections = {
      source: () => Promise.resolve({ source, request: { ...request, name: BACK } }),
      shape: () => Promise.resolve(new StreamShape(BACK, stream, salt)),
    };
    const { session } = this;
    const context = { session, connections, signal, timeoutMs: DESCRIBE_TIMEOUT_MS, onStream: () => {} };
    const definition = v.parse(pipelineSchema, {
      extract: { [BACK]: { ...own, connector: "it" } },
    });
    const { columns, faults } = await describeStreams(context, {
      name: "it",
      definition,
      files: [],
      mutedStreams: [],
      mutedParams: [],
      refusedModels: [],
      knownColumns: {},
    });
    if (faults.length > 0) throw new Error(faults.map(({ message }) => message).join("; "));
    return columns[BACK] ?? [];
  }

  /** Reads the stream into raw.back as an extract step does, and returns its columns. */
  async extract(
    source: Source,
    request: StreamRequest,
    signal: AbortSignal,
    own: Readonly<Record<string, unknown>> = {},
    salt?: string,
  ): Promise<readonly Column[]> {
    const { session } = this;
    const stream = v.parse(streamSchema, { ...own, connector: "it" });
    const context = {
      session,
      name: BACK,
      stream,
      shape: new StreamShape(BACK, stream, salt),
      runId: "run",
      attempt: 1,
      fullRefresh: false,
      signal,
      onProgress: () => {},
      onWarning: () => {},
      log: () => {},
    };
    const { columns } = await extractStream(
      context,
      source,
      { ...request, name: BACK },
      () => Promise.resolve(),
    );
    return columns;
  }

  /** The same for rows from the stream's own cursor on, which the engine would take from its warehouse. */
  async extractFrom(
    source: Source,
    stream: StreamRequest,
    cursor: Cursor,
    signal: AbortSignal,
  ): Promise<void> {
    const { session } = this;
    const scan = await source.scan?.(stream, signal);
    const table = { schema: "raw", name: BACK };
    await session.run(`DROP TABLE IF EXISTS raw.${BACK}`);
    if (scan !== undefined) {
      const where = duckdbWindowCondition(cursor, stream.until, quoteLiteral);
      await using prepared = await scan.prepare?.(signal);
      const relation = prepared?.relation ?? scan.relation;
      await session.run(`CREATE TABLE raw.${BACK} AS SELECT * FROM ${relation} WHERE ${where}`);
      return;
    }
    for await (const batch of batchesOf(source.read({ streams: [{ ...stream, cursor }] }, signal))) {
      const columns = session.columnsOf(batch.schema).map(({ name, type }) =>
        `${quoteIdentifier(name)} ${type}`
      );
      await session.run(`CREATE TABLE IF NOT EXISTS raw.${BACK} (${columns.join(", ")})`);
      await ingest(session, table, one(batch), { signal });
    }
  }

  /** The rows of a SELECT, each as text of its values, in an order of their own. */
  async texts(select: string): Promise<string[]> {
    const rows = await this.session.rows(`SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (${select})`);
    return rows.map((row) => JSON.stringify(Object.values(row))).sort();
  }

  /**
   * The rows that were read back, `id` first, since folders of partitions are read as the last columns, and
   * without the columns of a history.
   */
  async textsBack(): Promise<string[]> {
    const names = (await this.session.describe(`SELECT * FROM raw.${BACK}`)).map(({ name }) => name)
      .filter((name) => !HISTORY.includes(name));
    const key = names.filter((name) => name === "id");
    const list = [...key, ...names.filter((name) => name !== "id")].map(quoteIdentifier).join(", ");
    return await this.texts(`SELECT ${list} FROM raw.${BACK}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session[Symbol.asyncDispose]();
    await this.#database[Symbol.asyncDispose]();
  }
}

/** A delete_insert is by the primary key where nothing else is said. */
export type PartialLoad =
  & Pick<LoadRequest, "loadId" | "mode">
  & Partial<Pick<LoadRequest, "primaryKey" | "partitionBy">>
  & {
    /** From when on the rows of a history hold. */
    readonly atMs?: number;
    /** More keys of the load, as in a pipeline. */
    readonly keys?: Readonly<Record<string, unknown>>;
  };

const AT_MS = Date.parse("2024-01-31T10:00:00Z");

/** The request of a load by the mode. */
export function shapeFor(mode: LoadMode, primaryKey: readonly string[]): LoadShape {
  return loadShapeOf(v.parse(loadSchema, { connector: "it", mode, ...keysFor(mode, primaryKey) }), AT_MS);
}

function keysFor(
  mode: LoadMode,
  primaryKey: readonly string[],
  partitionBy = mode === "delete_insert" ? primaryKey : [],
): Readonly<Record<string, unknown>> {
  return {
    ...(primaryKey.length === 0 ? {} : { primary_key: primaryKey }),
    ...(partitionBy.length === 0 ? {} : { partition_by: partitionBy }),
  };
}
