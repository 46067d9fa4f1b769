import { isAbsolute } from "node:path";
import * as v from "valibot";
import { Secret } from "../../contract/secret.ts";
import type { SslMode } from "./session/connection_options.ts";
import {
  checkUrlKeys,
  defaultTlsMode,
  type TlsDemands,
  tlsDemands,
  tlsEntries,
  tlsMode,
} from "../network/config_entry.ts";
import { parseUrl } from "./url.ts";

/** A connection to one database of MySQL or MariaDB, as connectors.yaml says it. */
export interface MysqlConfig {
  readonly host: string;
  readonly port: number;
  /** The path of the server's Unix socket, instead of host and port; absolute. */
  readonly socket: string | undefined;
  /** Where a table without a database is looked for and made. */
  readonly database: string;
  readonly user: string;
  readonly password: Secret | undefined;
  readonly ssl: SslMode;
  /** The file with the authorities that `verify-ca` and `verify-full` trust, absolute or relative to the project. */
  readonly sslCa: string | undefined;
  /** The files of this client's own certificate and its key; both or neither. */
  readonly sslCert: string | undefined;
  readonly sslKey: string | undefined;
  readonly tlsDemands: TlsDemands;
  readonly connectTimeoutMs: number;
  readonly applicationName: string;
}

const DEFAULT_PORT = 3306;
const DEFAULT_CONNECT_TIMEOUT_S = 10;
const SSL_MODES = ["disable", "prefer", "require", "verify-ca", "verify-full"] as const;

const text = v.pipe(v.string(), v.nonEmpty("expected some text"));

const entrySchema = v.strictObject({
  url: v.optional(v.pipe(
    text,
    v.description(
      "mysql://user:password@host:port/database; special characters percent-encoded. Other keys win over it.",
    ),
  )),
  host: v.optional(v.pipe(text, v.description("The server's name or address; localhost by default."))),
  port: v.optional(v.pipe(
    v.number(),
    v.integer(),
    v.minValue(1),
    v.maxValue(65_535),
    v.description(`${DEFAULT_PORT} by default.`),
  )),
  socket: v.optional(v.pipe(
    text,
    v.check((path) => isAbsolute(path), "expected an absolute path"),
    v.description("The absolute path of the server's Unix socket, instead of host and port."),
  )),
  database: v.optional(
    v.pipe(text, v.description("Where a table without a database is; required here or in url.")),
  ),
  user: v.optional(v.pipe(text, v.description("Who to sign in as."))),
  password: v.optional(v.pipe(text, v.description("Best a reference, as ${secret:SHOP_PASSWORD}."))),
  ssl: v.optional(v.pipe(
    v.picklist(SSL_MODES),
    v.description(
      "disable, prefer (TLS where the server has it), require (TLS, any certificate), verify-ca or verify-full; verify-full by default, on this machine prefer.",
    ),
  )),
  ssl_ca: v.optional(v.pipe(
    text,
    v.description(
      "A PEM file with the authorities to trust; the system's by default. With require, it means verify-ca.",
    ),
  )),
  ssl_cert: v.optional(v.pipe(text, v.description("A PEM file with this client's own certificate."))),
  ssl_key: v.optional(
    v.pipe(text, v.description("A PEM file with the key of ssl_cert, without a passphrase.")),
  ),
  ...tlsEntries,
  connect_timeout: v.optional(v.pipe(
    v.number(),
    v.minValue(1),
    v.maxValue(600),
    v.description(`Seconds to wait for the server; ${DEFAULT_CONNECT_TIMEOUT_S} by default.`),
  )),
  application_name: v.optional(v.pipe(
    text,
    v.description("What the server shows as program_name; sluice by default."),
  )),
});

type Entry = v.InferOutput<typeof entrySchema>;

/** `unknown` in, a frozen MysqlConfig out. No fault shows a value of the URL, which may hold a password. */
export const configSchema = v.pipe(
  entrySchema,
  v.rawTransform<Entry, MysqlConfig>(({ dataset, addIssue, NEVER }) => {
    const faults: string[] = [];
    const config = toConfig(dataset.value, faults);
    for (const message of faults) addIssue({ message });
    return config ?? NEVER;
  }),
);

function keysOfUrl(url: string | undefined, faults: string[]): Entry | undefined {
  return url === undefined ? undefined : checkUrlKeys(entrySchema, parseUrl(url, faults), faults);
}

function toConfig(entry: Entry, faults: string[]): MysqlConfig | undefined {
  const merged: Entry = { ...keysOfUrl(entry.url, faults), ...entry };
  const { user, database } = merged;
  if (faults.length === 0) {
    if (user === undefined) faults.push("expected user, or a url with one");
    if (database === undefined) faults.push("expected database, or a url with one");
  }
  const host = (merged.host ?? "localhost").replace(/^\[(.*)\]$/, "$1");
  const ssl = tlsMode(merged.ssl ?? defaultTlsMode([merged.socket ?? host], merged), merged, faults);
  if (faults.length > 0 || user === undefined || database === undefined) return undefined;
  return Object.freeze({
    host,
    port: merged.port ?? DEFAULT_PORT,
    socket: merged.socket,
    database,
    user,
    password: merged.password === undefined ? undefined : new Secret(merged.password),
    ssl,
    sslCa: merged.ssl_ca,
    sslCert: merged.ssl_cert,
    sslKey: merged.ssl_key,
    tlsDemands: tlsDemands(merged),
    connectTimeoutMs: (merged.connect_timeout ?? DEFAULT_CONNECT_TIMEOUT_S) * 1000,
    applicationName: merged.application_name ?? "sluice",
  });
}

/** `user@host:port/database`, for messages. */
export function showServer({ user, host, port, socket, database }: MysqlConfig): string {
  return `${user}@${socket ?? `${host}:${port}`}/${database}`;
}
