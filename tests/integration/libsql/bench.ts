import type { RecordBatch } from "apache-arrow";
import * as v from "valibot";
import { libsql } from "../../../connectors/libsql/connector.ts";
import type { Connection, ConnectorContext } from "../../../contract/connector/connector.ts";
import type { LoadMode, LoadReceipt } from "../../../contract/connector/destination.ts";
import type { Reject } from "../../../contract/connector/source.ts";
import { connectorContext, never, performLoad, streamOf, targetOf } from "../../support/connections.ts";
import { Warehouse } from "../../conformance/warehouse.ts";

/** What these tests do with a server by the connector. */

export async function connect(
  config: Readonly<Record<string, unknown>>,
  context: Partial<ConnectorContext> = {},
): Promise<Connection> {
  const parsed = v.parse(libsql.configSchema, config);
  return await libsql.open(parsed, connectorContext("/no/such/folder", context));
}

export interface Read {
  readonly batches: readonly RecordBatch[];
  readonly rejects: readonly Reject[];
}

/** Reads the stream whose own keys are given; `onBatch` is called with each batch as it comes. */
export async function read(
  connection: Connection,
  own: Readonly<Record<string, unknown>>,
  options: { readonly setsAside?: boolean; onBatch?(): Promise<void> } = {},
): Promise<Read> {
  const stream = { ...streamOf(libsql, own), setsAside: options.setsAside ?? false };
  const batches: RecordBatch[] = [];
  const rejects: Reject[] = [];
  for await (const message of connection.source?.read({ streams: [stream] }, never()) ?? []) {
    if (message.type === "reject") rejects.push(message.reject);
    if (message.type !== "rows") continue;
    batches.push(message.batch);
    await options.onBatch?.();
  }
  return { batches, rejects };
}

export const countOf = ({ batches }: Read): number => batches.reduce((sum, { numRows }) => sum + numRows, 0);

export interface LoadOptions {
  readonly loadId: string;
  readonly mode: LoadMode;
  /** Called before each batch is sent. */
  whileSending?(): Promise<void>;
}

/** Loads the rows of DuckDB's SELECT into the table `t`. */
export async function load(
  connection: Connection,
  select: string,
  options: LoadOptions,
): Promise<LoadReceipt> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-libsql-" });
  try {
    await using warehouse = await Warehouse.open(folder);
    const input = await warehouse.input(select, never(), options.mode);
    const { loadId, mode, whileSending } = options;
    const primaryKey = mode === "merge" ? ["id"] : [];
    return await performLoad(connection.destination, {
      loadId,
      mode,
      primaryKey,
      target: targetOf(libsql, { table: "t" }),
      input: {
        ...input,
        async *batches() {
          for await (const batch of input.batches()) {
            await whileSending?.();
            yield batch;
          }
        },
      },
    }, never());
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
