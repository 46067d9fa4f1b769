import type { RecordBatch } from "apache-arrow";
import { parseStream, parseTarget } from "../../connectors/parse.ts";
import { systemClock } from "../../contract/clock.ts";
import type { Connector, ConnectorContext } from "../../contract/connector/connector.ts";
import type {
  Destination,
  LoadInput,
  LoadReceipt,
  LoadRequest,
} from "../../contract/connector/destination.ts";
import type { Cursor, ReadMessage, StreamRequest } from "../../contract/connector/source.ts";
import { loadSchema } from "../../contract/pipeline/load.ts";
import { streamSchema } from "../../contract/pipeline/stream.ts";
import { duckdbOpener } from "../../engine/duckdb/file.ts";
import { carryOut } from "../../engine/worker/load.ts";
import * as v from "valibot";

/** What tests need to use a connection of a connector without a run around it. */

export const never = (): AbortSignal => new AbortController().signal;

export function connectorContext(projectDir: string, more: Partial<ConnectorContext> = {}): ConnectorContext {
  const budget = { limit: 4, acquire: () => Promise.resolve({ [Symbol.dispose]: () => {} }) };
  return {
    name: "it",
    projectDir,
    signal: never(),
    clock: systemClock,
    budget,
    openDuckdb: duckdbOpener(`${projectDir}/.spill`),
    scratchDir: `${projectDir}/.scratch`,
    log: () => {},
    secret: (name) => Promise.reject(new Error(`there is no secret ${name}`)),
    wayOut: (host) => Promise.reject(new Error(`there is no way to ${host}`)),
    turn: () => Promise.resolve(),
    accessToken: async ({ refreshToken }, renew) => (await renew([refreshToken])).access,
    hold: () => {},
    sandbox: undefined,
    script: (path) => {
      throw new Error(`there is no script ${path}`);
    },
    posted: () => Promise.resolve(undefined),
    memoryOf: () => Promise.resolve(null),
    ...more,
  };
}

/** The request for a stream whose own keys (`stream`, `path`, `options` …) are written as in a pipeline. */
export function streamOf(
  connector: Connector,
  own: Readonly<Record<string, unknown>>,
  cursor?: Cursor,
): StreamRequest {
  const address = parseStream(connector, "s", v.parse(streamSchema, { connector: "it", ...own }));
  return { name: "s", address, ...(cursor === undefined ? {} : { cursor }) };
}

/** A target whose own keys are written as in a pipeline. */
export function targetOf(connector: Connector, own: Readonly<Record<string, unknown>>): unknown {
  return parseTarget(connector, v.parse(loadSchema, { connector: "it", ...own }));
}

export async function* batchesOf(messages: AsyncIterable<ReadMessage>): AsyncIterable<RecordBatch> {
  for await (const message of messages) if (message.type === "rows") yield message.batch;
}

/** A load with its rows. */
export interface WholeLoad extends LoadRequest {
  readonly input: Omit<LoadInput, "hash"> & Partial<Pick<LoadInput, "hash">>;
}

/** Carries a load out as the engine does, in this process. */
export async function performLoad(
  destination: Destination | undefined,
  { input, ...request }: WholeLoad,
  signal: AbortSignal,
): Promise<LoadReceipt> {
  if (destination?.kind !== "transactional") throw new Error("expected a transactional destination");
  await using load = await destination.begin(request, signal);
  const whole = { hash: () => Promise.resolve(null), ...input };
  return await carryOut(load, () => Promise.resolve(whole), { reach: () => {} });
}
