import { quoteLiteral } from "../../contract/sql.ts";
import { createSqlText, utcText } from "../sql_text.ts";
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
import { configSchema, type MysqlConfig, showServer } from "./config.ts";
import { loadSchema, type MysqlStream, type MysqlTarget, streamSchema } from "./options.ts";
import type { SessionOptions } from "./session/connection_options.ts";
import { parseTableName, textLiteral, writeTableName } from "./table_name.ts";
import { usedTable } from "../used_table.ts";

/** MySQL 5.7 and later, MariaDB 10.3 and later, by the text protocol. */
export const mysql = {
  name: "mysql",
  description: "MySQL and MariaDB: tables and queries as a source, tables as a destination.",
  configSchema,
  streamSchema,
  loadSchema,
  sqlText: createSqlText({
    rules: [{ isMysql: true }, { isMysql: true, backslashes: "all" }],
    text: textLiteral,
    // Neither knows zones everywhere; sessions are in UTC.
    timestamp: (iso) => `TIMESTAMP ${quoteLiteral(utcText(iso))}`,
  }),
  followsChanges: true,
  apartBy: "schema",
  loadModes: ["replace", "append", "merge", "delete_insert", "scd2"],
  readBack: ({ table }) => ({ stream: { stream: table } }),
  // A load keeps other writers from its own table, and no reader.
  stagesWhileReading: () => true,
  secrets: ({ password }) => formsOf(password),
  dataset,
  access,
  open,
} satisfies Connector<MysqlConfig, MysqlStream, MysqlTarget>;

function dataset(
  { host, port, database }: MysqlConfig,
  use: ConnectorUse<MysqlStream, MysqlTarget>,
): DatasetName | undefined {
  const named = usedTable(use);
  if (named === undefined) return undefined;
  const table = parseTableName(named, database);
  return {
    namespace: `mysql://${hostPermission(host, port)}`,
    name: `${table.database}.${table.table}`,
  };
}

/** The server, and the PEM files that the config names. */
function access(
  config: MysqlConfig,
  use: ConnectorUse<MysqlStream, MysqlTarget>,
  place: ConnectorPlace,
): Access {
  return {
    hosts: [config.socket === undefined ? hostPermission(config.host, config.port) : `unix:${config.socket}`],
    read: [],
    write: [],
    config: Object.values(pemPathsOf(config, place.projectDir)),
    plain: plainLines(config, config.socket === undefined ? [config] : []),
    tables: tablesOf(config, use),
  };
}

/** Which hosts are one server, the names of this machine apart, is not known here. */
function tablesOf(config: MysqlConfig, use: ConnectorUse<MysqlStream, MysqlTarget>): TableUse[] {
  const name = usedTable(use);
  const action = use.kind === "destination" ? "write" : "read";
  try {
    if (name === undefined) return [];
    const table = writeTableName(parseTableName(name, config.database));
    return [{ action, database: `mysql ${config.socket ?? serverName(config.host, config.port)}`, table }];
  } catch {
    // What is wrong with the name is said where it is used.
    return [];
  }
}

async function open(config: MysqlConfig, context: ConnectorContext): Promise<Connection> {
  // The server wants the schemas only; the driver is for the run's process.
  const { SessionPool } = await import("./session_pool.ts");
  const { createSource } = await import("./read/source.ts");
  const { createDestination } = await import("./load/destination.ts");
  const pool = new SessionPool(await sessionOptions(config, context), showServer(config), context.budget);
  // One session now, so that a wrong password or host is reported here; the first use takes it.
  await (await pool.lease(context.signal))[Symbol.asyncDispose]();
  const names = { name: context.name, defaultDatabase: config.database };
  return {
    test: async (signal) => {
      const { checkGrants } = await import("./read/grants.ts");
      return await checkGrants(pool, config.database, signal);
    },
    source: createSource(pool, names),
    destination: createDestination(pool, names),
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  };
}

async function sessionOptions(config: MysqlConfig, context: ConnectorContext): Promise<SessionOptions> {
  const pems = await readPems(config, context);
  const { host, port, socket, ssl, tlsDemands, connectTimeoutMs, user, database, applicationName } = config;
  return {
    host,
    port,
    socket,
    ssl,
    tlsDemands,
    ...pems,
    connectTimeoutMs,
    user,
    database,
    applicationName,
    revealPassword: () => config.password?.reveal(),
  };
}
