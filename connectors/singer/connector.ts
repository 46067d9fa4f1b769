import { resolve } from "node:path";
import type { Access, Connection, Connector, ConnectorContext } from "../../contract/connector/connector.ts";
import type { DeliveringDestination } from "../../contract/connector/destination.ts";
import type { Source } from "../../contract/connector/source.ts";
import { AppError } from "../../contract/errors.ts";
import { configSchema, secretsOf, type SingerConfig } from "./config.ts";
import { loadSchema, type SingerStream, type SingerTarget, streamSchema } from "./options.ts";
import type { TapSource } from "./tap/tap_source.ts";

/** Taps and targets of Singer: programs that read and write JSON messages, one a line. */
export const singer = {
  name: "singer",
  description: "Singer taps and targets: programs that the operator's policy allows.",
  configSchema,
  streamSchema,
  isScanned: () => true,
  loadSchema,
  loadModes: ["append", "merge"],
  refusesLoad: (_, { preSql = [], postSql = [] }) =>
    preSql.length + postSql.length > 0
      ? "a target runs no SQL of ours: leave out pre_sql and post_sql"
      : undefined,
  secrets: secretsOf,
  access: ({ command: [program], catalog }, _use, { projectDir }): Access => ({
    hosts: [],
    read: [],
    write: [],
    commands: [program],
    config: catalog.kind === "file" ? [resolve(projectDir, catalog.path)] : [],
  }),
  open: (config, context) => Promise.resolve(open(config, context)),
} satisfies Connector<SingerConfig, SingerStream, SingerTarget>;

function open(config: SingerConfig, context: ConnectorContext): Connection {
  const ended = new AbortController();
  let tap: Promise<TapSource> | undefined;
  const opened = async () =>
    await (tap ??= import("./tap/tap_source.ts").then(({ TapSource }) => new TapSource(config, context)));
  const during = (signal: AbortSignal) => AbortSignal.any([signal, context.signal, ended.signal]);
  const source: Source<SingerStream> = {
    pushdown: { columns: true, where: false },
    // A target has no --discover, nor have some taps.
    ...(config.catalog.kind === "none" ? {} : {
      async *discover(signal: AbortSignal) {
        yield* (await opened()).discover(during(signal));
      },
    }),
    scan: async (request, signal) => await (await opened()).scan(request, during(signal)),
    describe: () => Promise.reject(new AppError("internal", "A tap is scanned, and not read")),
    read: () => {
      throw new AppError("internal", "A tap is scanned, and not read");
    },
  };
  const destination: DeliveringDestination<SingerTarget> = {
    kind: "delivering",
    batchRows: ({ options: { batch } }) => batch,
    async deliver(rows, request, signal) {
      const { deliverRows } = await import("./target/deliver_rows.ts");
      return await deliverRows(config, context, rows, request, during(signal));
    },
  };
  return {
    unasked: "its command is started when it lists, reads or takes streams",
    source,
    destination,
    [Symbol.asyncDispose]() {
      ended.abort();
      return Promise.resolve();
    },
  };
}
