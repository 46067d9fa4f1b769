import { quoteLiteral } from "../../contract/sql.ts";
import { createSqlText } from "../sql_text.ts";
import type {
  Access,
  Connection,
  Connector,
  ConnectorContext,
  ConnectorPlace,
  ConnectorUse,
  DatasetName,
  TableUse,
} from "../../contract/connector/connector.ts";
import { formsOf, pemPathsOf, readPems } from "../network/credentials.ts";
import { plainLines } from "../network/config_entry.ts";
import { hostPermission, serverName } from "../network/hosts.ts";
import { configSchema, type PostgresConfig, showServer } from "./config.ts";
import { loadSchema, type PostgresStream, type PostgresTarget, streamSchema } from "./options.ts";
import { type SessionOptions, socketPath } from "./session/connection_options.ts";
import { parseTableName, writeTableName } from "./table_name.ts";
import { usedTable } from "../used_table.ts";

/** PostgreSQL 12 and later, read and written by binary COPY. */
export const postgres = {
  name: "postgres",
  description: "PostgreSQL: tables and queries as a source, tables as a destination.",
  configSchema,
  streamSchema,
  followsChanges: true,
  loadSchema,
  sqlText: createSqlText({
    rules: (["escape strings", "all"] as const).map((backslashes) => ({
      dollarQuotes: true,
      nestedComments: true,
      backslashes,
    })),
    text: (value) =>
      value.includes("\\") ? `E${quoteLiteral(value.replaceAll("\\", "\\\\"))}` : quoteLiteral(value),
  }),
  apartBy: "schema",
  loadModes: ["replace", "append", "merge", "delete_insert", "scd2"],
  readBack: ({ table }) => ({ stream: { stream: table } }),
  // A load keeps other writers from its own table, and no reader.
  stagesWhileReading: () => true,
  secrets: ({ password }) => formsOf(password),
  dataset,
  access,
  open,
} satisfies Connector<PostgresConfig, PostgresStream, PostgresTarget>;

/** By the first of its hosts. */
function dataset(
  { hosts: [first], database, schema }: PostgresConfig,
  use: ConnectorUse<PostgresStream, PostgresTarget>,
): DatasetName | undefined {
  const named = usedTable(use);
  if (named === undefined || first === undefined) return undefined;
  const table = parseTableName(named, schema);
  return {
    namespace: `postgres://${hostPermission(first.host, first.port)}`,
    name: `${database}.${table.schema}.${table.table}`,
  };
}

/** Every host that may be tried, and the PEM files that the config names. */
function access(
  config: PostgresConfig,
  use: ConnectorUse<PostgresStream, PostgresTarget>,
  place: ConnectorPlace,
): Access {
  return {
    hosts: config.hosts.map((host) => {
      const socket = socketPath(host);
      return socket === undefined ? hostPermission(host.host, host.port) : `unix:${socket}`;
    }),
    read: [],
    write: [],
    config: Object.values(pemPathsOf(config, place.projectDir)),
    plain: plainLines(config, config.hosts),
    tables: tablesOf(config, use),
  };
}

/** The table at each of the hosts. Which hosts are one server, the names of this machine apart, is not known here. */
function tablesOf(
  { hosts, database, schema }: PostgresConfig,
  use: ConnectorUse<PostgresStream, PostgresTarget>,
): TableUse[] {
  const name = usedTable(use);
  const action = use.kind === "destination" ? "write" : "read";
  try {
    if (name === undefined) return [];
    const table = writeTableName(parseTableName(name, schema));
    return hosts.map((host) => {
      const server = socketPath(host) ?? serverName(host.host, host.port);
      return { action, database: `postgres ${server}/${database}`, table };
    });
  } catch {
    // What is wrong with the name is said where it is used.
    return [];
  }
}

async function open(config: PostgresConfig, context: ConnectorContext): Promise<Connection> {
  // The server wants the schemas only; the driver is for the run's process.
  const { SessionPool } = await import("./session_pool.ts");
  const { createSource } = await import("./read/source.ts");
  const { createDestination } = await import("./load/destination.ts");
  const pool = new SessionPool(await sessionOptions(config, context), showServer(config), context.budget);
  // One session now, so that a wrong password or host is reported here; the first use takes it.
  await (await pool.lease(context.signal))[Symbol.asyncDispose]();
  const names = { name: context.name, defaultSchema: config.schema };
  const underWay = new Set<Promise<void>>();
  return {
    test: async (signal) => {
      const { checkGrants } = await import("./read/grants.ts");
      const { checkSlots } = await import("./changes/slot.ts");
      return [...await checkGrants(pool, config.schema, signal), await checkSlots(pool, signal)];
    },
    source: createSource(pool, names),
    destination: createDestination(pool, {
      ...names,
      warn: (message) => context.log("warn", message),
      untilEnd: (work) => {
        underWay.add(work);
        void work.finally(() => underWay.delete(work));
      },
    }),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(underWay);
      await pool[Symbol.asyncDispose]();
    },
  };
}

/** Log lines for what the server says on its own; one that never stops saying something is not listened to. */
const MAX_NOTICES = 1_000;

async function sessionOptions(config: PostgresConfig, context: ConnectorContext): Promise<SessionOptions> {
  const pems = await readPems(config, context);
  let notices = 0;
  return {
    hosts: config.hosts,
    targetSession: config.targetSession,
    tlsDemands: config.tlsDemands,
    ssl: config.ssl,
    sslNegotiation: config.sslNegotiation,
    ...pems,
    channelBinding: config.channelBinding,
    authMethods: config.authMethods,
    connectTimeoutMs: config.connectTimeoutMs,
    user: config.user,
    database: config.database,
    applicationName: config.applicationName,
    options: config.options,
    revealPassword: () => config.password?.reveal(),
    onNotice: ({ severity, message }) => {
      if (++notices > MAX_NOTICES) return;
      context.log(severity === "WARNING" ? "warn" : "debug", `${context.name}: ${message}`);
      if (notices === MAX_NOTICES) context.log("warn", `${context.name}: further notices are not logged`);
    },
  };
}
