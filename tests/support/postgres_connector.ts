import type { RecordBatch } from "apache-arrow";
import * as v from "valibot";
import { postgres } from "../../connectors/postgres/connector.ts";
import type { Connection, ConnectorContext } from "../../contract/connector/connector.ts";
import type {
  Destination,
  LoadMode,
  LoadReceipt,
  LoadRequest,
} from "../../contract/connector/destination.ts";
import type { Cursor, Source, StreamRequest } from "../../contract/connector/source.ts";
import { batchesOf, connectorContext, never, performLoad, streamOf, type WholeLoad } from "./connections.ts";
import { batchOf, schemaOf, type TestColumn } from "./arrow_rows.ts";

/** A connection of the connector, for tests; `source` and `destination` are there for certain. */
export interface TestConnection extends AsyncDisposable {
  readonly source: Source;
  readonly destination: Destination;
  readonly messages: readonly string[];
}

export function testContext(messages: string[] = []): ConnectorContext {
  return connectorContext("/nowhere", {
    name: "shop",
    log: (level, message) => void messages.push(`${level}: ${message}`),
  });
}

export async function openPostgres(
  url: string | undefined,
  entry: Readonly<Record<string, unknown>> = {},
): Promise<TestConnection> {
  const messages: string[] = [];
  // Without a url, the entry says everything.
  const defaults = url === undefined ? {} : { url, ssl: "disable" };
  const config = v.parse(postgres.configSchema, { ...defaults, ...entry });
  const connection: Connection = await postgres.open(config, testContext(messages));
  const { source, destination } = connection;
  if (source === undefined || destination === undefined) {
    throw new Error("expected a source and a destination");
  }
  return { source, destination, messages, [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose]() };
}

type Address = { readonly stream: string } | { readonly query: string };

export const streamRequest = (
  address: Address,
  options: Readonly<Record<string, unknown>> = {},
  cursor?: Cursor,
): StreamRequest => streamOf(postgres, { ...address, options }, cursor);

/** The batches of one stream. */
export function read(
  connection: TestConnection,
  address: Address,
  signal: AbortSignal = never(),
): AsyncIterable<RecordBatch> {
  return batchesOf(connection.source.read({ streams: [streamRequest(address)] }, signal));
}

export async function readAll(
  connection: TestConnection,
  address: Address,
  more: { readonly options?: Readonly<Record<string, unknown>>; readonly cursor?: Cursor } = {},
): Promise<RecordBatch[]> {
  const streams = [streamRequest(address, more.options, more.cursor)];
  return await Array.fromAsync(batchesOf(connection.source.read({ streams }, never())));
}

export interface TestLoad {
  readonly target: string;
  readonly mode: LoadMode;
  readonly columns: readonly TestColumn[];
  readonly primaryKey?: readonly string[];
  readonly loadId?: string;
}

export function loadRequest({ target, mode, columns, primaryKey = [], loadId }: TestLoad): WholeLoad {
  const batch = batchOf(columns);
  return batchesRequest(
    { target, mode, primaryKey, loadId: loadId ?? crypto.randomUUID() },
    [batch],
    schemaOf(columns),
  );
}

export function batchesRequest(
  load: Pick<LoadRequest, "mode" | "primaryKey" | "loadId"> & { readonly target: string },
  batches: readonly RecordBatch[],
  schema = batches[0]?.schema,
): WholeLoad {
  if (schema === undefined) throw new Error("expected a schema");
  return {
    ...load,
    target: { table: load.target, options: {} },
    input: {
      schema,
      rows: batches.reduce((sum, batch) => sum + batch.numRows, 0),
      async *batches() {
        yield* batches;
      },
      copyTo: () => Promise.reject(new Error("not used by this connector")),
    },
  };
}

export const load = (connection: TestConnection, request: TestLoad): Promise<LoadReceipt> =>
  performLoad(connection.destination, loadRequest(request), never());
