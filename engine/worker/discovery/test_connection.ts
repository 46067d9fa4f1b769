import * as v from "valibot";
import type { Connection } from "../../../contract/connector/connector.ts";
import type { DiscoveredStream } from "../../../contract/connector/source.ts";
import type { ConnectionCheck } from "../../../contract/discovery.ts";
import { toAppError } from "../../../contract/errors.ts";
import { streamSchema } from "../../../contract/pipeline/stream.ts";
import { formatPlural } from "../../../text/format.ts";
import { askSource, type DescribeContext } from "../describe_streams.ts";
import type { Connections } from "../connections.ts";

export interface TestContext extends Pick<DescribeContext, "session" | "signal"> {
  readonly connections: Pick<Connections, "connection" | "source" | "shape">;
  /** Its name. */
  readonly connector: string;
}

/** More are not listed just to see that it works. */
const MAX_STREAMS = 1_000;

/** Tries what a pipeline would do with the connector, and changes nothing. Fails nothing: each check says how it went. */
export async function testConnection(context: TestContext): Promise<ConnectionCheck[]> {
  const { connections, connector, signal } = context;
  const checks: ConnectionCheck[] = [];
  const skip = (name: string, message: string) => checks.push({ name, state: "skipped", message });
  const attempt: Attempt = async (name, work) => {
    try {
      const { value, message, name: known = name } = await work();
      checks.push({ name: known, state: "ok", message });
      return value;
    } catch (error) {
      signal.throwIfAborted();
      const { message, detail } = toAppError(error);
      checks.push({
        name,
        state: "failed",
        message: detail === undefined ? message : `${message} (${detail})`,
      });
      return undefined;
    }
  };
  const connection = await attempt("connect", async () => {
    const value = await connections.connection(connector);
    if (value.unasked !== undefined) {
      return {
        value,
        name: "configuration",
        message: `it is right; there is nothing to ask: ${value.unasked}`,
      };
    }
    await value.reach?.(signal);
    return { value, message: "it can be reached, and takes the sign-in" };
  });
  if (connection === undefined) {
    for (const name of ["list", "read", "write"]) skip(name, "there is no connection");
    return checks;
  }
  const streams = await listStreams(connection, attempt, skip, signal);
  await readOne(context, connection, streams, attempt, skip);
  const own = connection.test === undefined ? undefined : await attempt("grants", async () => ({
    value: await connection.test?.(signal) ?? [],
    message: "what its user may do is known",
  }));
  if (own !== undefined) checks.push(...own);
  else if (connection.destination === undefined) skip("write", "it is no destination");
  else skip("write", "it is a destination; whether a load may write is seen by the first load");
  return checks;
}

/** Undefined where the work failed. Its result may name the check by what was really tried. */
type Attempt = <T>(
  name: string,
  work: () => Promise<{ value: T; message: string; name?: string }>,
) => Promise<T | undefined>;
type Skip = (name: string, message: string) => void;

async function listStreams(
  { source, destination, unasked }: Connection,
  attempt: Attempt,
  skip: Skip,
  signal: AbortSignal,
): Promise<readonly DiscoveredStream[]> {
  if (source?.discover === undefined) {
    skip("list", source === undefined ? "it is no source" : "it cannot say what streams it has");
    return [];
  }
  const { discover } = source;
  return await attempt("list", async () => {
    const found: DiscoveredStream[] = [];
    try {
      for await (const stream of discover.call(source, signal)) {
        found.push(stream);
        if (found.length >= MAX_STREAMS) break;
      }
    } catch (error) {
      // A file of this machine that loads are to make.
      const isToCome = unasked !== undefined && destination !== undefined &&
        toAppError(error).code === "not_found";
      if (!isToCome) throw error;
      return { value: [], message: "it is not there yet; a load makes it" };
    }
    const count = found.length >= MAX_STREAMS
      ? `${MAX_STREAMS} streams and more`
      : formatPlural(found.length, "stream");
    return { value: found, message: `${count} can be read` };
  }) ?? [];
}

async function readOne(
  context: TestContext,
  { source }: Connection,
  streams: readonly DiscoveredStream[],
  attempt: Attempt,
  skip: Skip,
): Promise<void> {
  const stream = streams.find(({ kind }) => kind === "table") ?? streams[0];
  if (source === undefined || stream === undefined) {
    skip("read", source === undefined ? "it is no source" : "there is no stream to try");
    return;
  }
  await attempt("read", async () => {
    const { connector, connections, signal } = context;
    const definition = v.parse(streamSchema, { connector, ...stream.address });
    const columns = await askSource(context, stream.name, definition, signal);
    const { source: asked, request } = await connections.source(stream.name, definition);
    if (await asked.scan?.(request, signal) === undefined) {
      for await (const message of asked.read({ streams: [request] }, signal)) {
        if (message.type === "rows") break;
      }
    }
    return {
      value: true,
      message: `${stream.name} with ${formatPlural(columns?.length ?? 0, "column")}`,
    };
  });
}
