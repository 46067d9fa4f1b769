import type { Connection, ConnectorContext } from "../../contract/connector/connector.ts";
import type { Source } from "../../contract/connector/source.ts";
import { onlyStream } from "../one_stream.ts";
import type { SqliteStream } from "../sqlite/options.ts";
import { discoverStreams } from "../sqlite/read/discover.ts";
import { planStream } from "../sqlite/read/plan.ts";
import { readStream } from "../sqlite/read/read_rows.ts";
import { hostOf, type LibsqlConfig } from "./config.ts";
import { createDestination } from "./load/destination.ts";
import { type HranaServer, HranaStream } from "./hrana/client.ts";
import { LibsqlReader } from "./read/reader.ts";

const CONNECT_TIMEOUT_MS = 15_000;

/** Throws where the server cannot be reached, is none, or does not accept the token. */
export async function openConnection(config: LibsqlConfig, context: ConnectorContext): Promise<Connection> {
  const server: HranaServer = {
    url: config.url,
    shown: hostOf(config),
    authToken: config.authToken,
    clock: context.clock,
  };
  await greet(server, context);
  return {
    source: sourceOf(server, context),
    destination: createDestination(server, context.name),
    async [Symbol.asyncDispose]() {
      // Each use has a stream of its own.
    },
  };
}

async function greet(server: HranaServer, { name, signal }: ConnectorContext): Promise<void> {
  const stream = new HranaStream(server, signal);
  await stream.executeAll(`connect to ${name}`, [{ sql: "SELECT 1" }], {
    isLast: true,
    withinMs: CONNECT_TIMEOUT_MS,
  });
}

function sourceOf(server: HranaServer, context: ConnectorContext): Source<SqliteStream> {
  const subject = `read ${context.name}`;
  return {
    pushdown: { columns: true, where: true },
    async *discover(signal) {
      using _place = await context.budget.acquire(signal);
      await using reader = await LibsqlReader.begin(server, subject, signal);
      yield* discoverStreams(
        reader,
        (message) => context.log("warn", `Discovering "${context.name}": ${message}`),
      );
    },
    async describe(stream, signal) {
      using _place = await context.budget.acquire(signal);
      await using reader = await LibsqlReader.begin(server, subject, signal);
      const { schema, primaryKey } = await planStream(reader, stream);
      return primaryKey.length === 0 ? { schema } : { schema, primaryKey };
    },
    async *read({ streams }, signal) {
      const stream = onlyStream(streams);
      using _place = await context.budget.acquire(signal);
      await using reader = await LibsqlReader.begin(server, subject, signal);
      for await (const part of readStream(reader, stream, signal)) {
        yield "batch" in part
          ? { type: "rows", stream: stream.name, batch: part.batch }
          : { type: "reject", stream: stream.name, reject: part.reject };
      }
    },
  };
}
