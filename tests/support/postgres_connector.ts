import type { RecordBatch } from "apache-arrow";
import * as v from "valibot";
import { postgres } from "../../connectors/postgres/connector.ts";
import type {
  Connection,
  ConnectorContext,
  Cursor,
  Destination,
  LoadMode,
  LoadRequest,
  LoadResult,
  Source,
  StreamRef,
} from "../../contract/connector.ts";
import { batchOf, schemaOf, type TestColumn } from "./arrow_rows.ts";

/** A connection of the connector, for tests; `source` and `destination` are there for certain. */
export interface TestConnection extends AsyncDisposable {
  readonly source: Source;
  readonly destination: Destination;
  readonly messages: readonly string[];
}

export const never = (): AbortSignal => new AbortController().signal;

export function testContext(messages: string[] = []): ConnectorContext {
  return {
    name: "shop",
    projectDir: "/nowhere",
    signal: never(),
    log: (level, message) => void messages.push(`${level}: ${message}`),
  };
}

export async function openPostgres(
  url: string,
  entry: Readonly<Record<string, unknown>> = {},
): Promise<TestConnection> {
  const messages: string[] = [];
  const config = v.parse(postgres.configSchema, { url, ssl: "disable", ...entry });
  const connection: Connection = await postgres.open(config, testContext(messages));
  const { source, destination } = connection;
  if (source === undefined || destination === undefined) {
    throw new Error("expected a source and a destination");
  }
  return { source, destination, messages, [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose]() };
}

type Address = { readonly stream: string } | { readonly query: string };

export const streamRef = (address: Address, options: Readonly<Record<string, unknown>> = {}): StreamRef => ({
  name: "orders",
  options,
  ...address,
});

export async function readAll(
  connection: TestConnection,
  address: Address,
  more: { readonly options?: Readonly<Record<string, unknown>>; readonly cursor?: Cursor } = {},
): Promise<RecordBatch[]> {
  const { options, ...rest } = more;
  return await Array.fromAsync(
    connection.source.read({ stream: streamRef(address, options), ...rest }, never()),
  );
}

export interface TestLoad {
  readonly target: string;
  readonly mode: LoadMode;
  readonly columns: readonly TestColumn[];
  readonly primaryKey?: readonly string[];
  readonly loadId?: string;
}

export function loadRequest({ target, mode, columns, primaryKey = [], loadId }: TestLoad): LoadRequest {
  const batch = batchOf(columns);
  return batchesRequest(
    { target, mode, primaryKey, loadId: loadId ?? crypto.randomUUID() },
    [batch],
    schemaOf(columns),
  );
}

export function batchesRequest(
  load: Pick<LoadRequest, "target" | "mode" | "primaryKey" | "loadId">,
  batches: readonly RecordBatch[],
  schema = batches[0]?.schema,
): LoadRequest {
  if (schema === undefined) throw new Error("expected a schema");
  return {
    ...load,
    options: {},
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

export const load = (connection: TestConnection, request: TestLoad): Promise<LoadResult> =>
  connection.destination.load(loadRequest(request), never());
