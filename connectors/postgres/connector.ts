import type {
  Access,
  Connection,
  Connector,
  ConnectorContext,
  ConnectorPlace,
  ConnectorUse,
} from "../../contract/connector.ts";
import { AppError } from "../../contract/errors.ts";
import { caPathOf, configSchema, type PostgresConfig, secretsOf, showServer } from "./config.ts";
import { loadSchema, type PostgresStream, type PostgresTarget, streamSchema } from "./options.ts";
import { socketPath } from "./socket_path.ts";

/** PostgreSQL 12 and later, read and written by binary COPY. */
export const postgres = {
  name: "postgres",
  description: "PostgreSQL: tables and queries as a source, tables as a destination.",
  configSchema,
  streamSchema,
  loadSchema,
  loadModes: ["replace", "append", "merge"],
  secrets: secretsOf,
  access,
  open,
} satisfies Connector<PostgresConfig, PostgresStream, PostgresTarget>;

function access(config: PostgresConfig, _use: ConnectorUse, place: ConnectorPlace): Access {
  const authorities = caPathOf(config, place.projectDir);
  const read = authorities === undefined ? [] : [authorities];
  const socket = socketPath(config);
  if (socket === undefined) return { hosts: [`${showHost(config.host)}:${config.port}`], read, write: [] };
  return { hosts: [`unix:${socket}`], read: [...read, config.host], write: [config.host] };
}

/** An IPv6 address in brackets, as Deno's permissions want it. */
const showHost = (host: string): string => host.includes(":") ? `[${host}]` : host;

async function open(config: PostgresConfig, context: ConnectorContext): Promise<Connection> {
  // The server wants the schemas only; the driver is for the run's process.
  const { SessionPool } = await import("./session_pool.ts");
  const { createSource } = await import("./read/source.ts");
  const { createDestination } = await import("./load/destination.ts");
  const pool = new SessionPool({
    host: config.host,
    port: config.port,
    ssl: config.ssl,
    authorities: await readAuthorities(config, context),
    connectTimeoutMs: config.connectTimeoutMs,
    user: config.user,
    database: config.database,
    applicationName: config.applicationName,
    revealPassword: () => config.password?.reveal(),
    onNotice: ({ severity, message }) =>
      context.log(severity === "WARNING" ? "warn" : "debug", `${context.name}: ${message}`),
  }, showServer(config));
  // One session now, so that a wrong password or host is told here; the first use takes it.
  await pool.give(await pool.connect(context.signal));
  const names = { name: context.name, defaultSchema: config.schema };
  return {
    source: createSource(pool, names),
    destination: createDestination(pool, names),
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  };
}

async function readAuthorities(
  config: PostgresConfig,
  context: ConnectorContext,
): Promise<string | undefined> {
  const path = caPathOf(config, context.projectDir);
  if (path === undefined) return undefined;
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new AppError("invalid", `Cannot read the ssl_ca "${path}" of ${context.name}`, { cause: error });
  }
}
