import type { RecordBatch } from "apache-arrow";
import * as v from "valibot";
import { mysql } from "../../connectors/mysql/connector.ts";
import type { Connection } from "../../contract/connector/connector.ts";
import type { Part, Source, StreamRequest } from "../../contract/connector/source.ts";
import { batchesOf, connectorContext, never, streamOf } from "./connections.ts";

/** A connection of the connector, for tests; `source` is there for certain. */
export interface MysqlConnection extends AsyncDisposable {
  readonly source: Source;
  readonly connection: Connection;
  readonly messages: readonly string[];
}

export async function openMysql(
  url: string | undefined,
  entry: Readonly<Record<string, unknown>> = {},
): Promise<MysqlConnection> {
  const messages: string[] = [];
  // Without a url, the entry says everything.
  const defaults = url === undefined ? {} : { url, ssl: "disable" };
  const config = v.parse(mysql.configSchema, { ...defaults, ...entry });
  const connection: Connection = await mysql.open(
    config,
    connectorContext("/nowhere", {
      name: "shop",
      log: (level, message) => void messages.push(`${level}: ${message}`),
    }),
  );
  const { source } = connection;
  if (source === undefined) throw new Error("expected a source");
  return { source, connection, messages, [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose]() };
}

export type Own = Readonly<Record<string, unknown>>;

/** The request for a stream whose own keys (`stream`, `query`, `options`) are written as in a pipeline. */
export const mysqlRequest = (own: Own, more: Partial<StreamRequest> = {}): StreamRequest => ({
  ...streamOf(mysql, own),
  ...more,
});

/** The batches of one stream, as they come. */
export function readBatches(
  { source }: MysqlConnection,
  own: Own,
  more: Partial<StreamRequest> & { readonly part?: Part } = {},
  signal: AbortSignal = never(),
): AsyncIterable<RecordBatch> {
  const { part, ...stream } = more;
  const request = { streams: [mysqlRequest(own, stream)], ...(part === undefined ? {} : { part }) };
  return batchesOf(source.read(request, signal));
}

export const readAll = (
  connection: MysqlConnection,
  own: Own,
  more: Partial<StreamRequest> & { readonly part?: Part } = {},
): Promise<RecordBatch[]> => Array.fromAsync(readBatches(connection, own, more));
