import * as v from "valibot";
import { Secret } from "../../contract/secret.ts";
import { listWords } from "../../text/suggest.ts";
import type {
  AuthMethod,
  ChannelBinding,
  Host,
  SslMode,
  SslNegotiation,
  TargetSession,
} from "./session/connection_options.ts";
import {
  checkUrlKeys,
  defaultTlsMode,
  type TlsDemands,
  tlsDemands,
  tlsEntries,
  tlsMode,
} from "../network/config_entry.ts";
import { parseUrl } from "./url.ts";

/** A connection to one PostgreSQL database, as connectors.yaml says it. */
export interface PostgresConfig {
  /** Tried in order; never empty. */
  readonly hosts: readonly Host[];
  readonly database: string;
  readonly user: string;
  readonly password: Secret | undefined;
  readonly ssl: SslMode;
  readonly sslNegotiation: SslNegotiation;
  /** The file with the authorities that `verify-ca` and `verify-full` trust, absolute or relative to the project. */
  readonly sslCa: string | undefined;
  /** The files of this client's own certificate and its key; both or neither. */
  readonly sslCert: string | undefined;
  readonly sslKey: string | undefined;
  readonly tlsDemands: TlsDemands;
  readonly channelBinding: ChannelBinding;
  readonly authMethods: ReadonlySet<AuthMethod>;
  readonly targetSession: TargetSession;
  /** Command-line options for the server's process, as `-c statement_timeout=5min`. */
  readonly options: string | undefined;
  /** Where a table without a schema is looked for and made. */
  readonly schema: string;
  readonly connectTimeoutMs: number;
  readonly applicationName: string;
}

const DEFAULT_PORT = 5432;
const DEFAULT_CONNECT_TIMEOUT_S = 10;
const SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;
const CHANNEL_BINDINGS = ["disable", "prefer", "require"] as const;
const TARGET_SESSIONS = ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"] as const;
const AUTH_METHODS = ["none", "password", "md5", "scram-sha-256"] as const;

const text = v.pipe(v.string(), v.nonEmpty("expected some text"));
const portNumber = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535));

const entrySchema = v.strictObject({
  url: v.optional(v.pipe(
    text,
    v.description(
      "postgres://user:password@host:port/database, with libpq's parameters; special characters percent-encoded. Other keys win over it.",
    ),
  )),
  host: v.optional(v.pipe(
    text,
    v.description(
      "The server's name or address, or the folder of its Unix socket; several with commas between are tried in order. localhost by default.",
    ),
  )),
  port: v.optional(v.pipe(
    v.union([portNumber, v.pipe(text, v.regex(/^\d+(?:,\d+)*$/, "expected a port, or ports with commas"))]),
    v.description("5432 by default; one for all hosts, or as many as hosts with commas between."),
  )),
  database: v.optional(v.pipe(text, v.description("The user's name by default."))),
  user: v.optional(v.pipe(text, v.description("Who to sign in as."))),
  password: v.optional(v.pipe(text, v.description("Best a reference, as ${secret:SHOP_PASSWORD}."))),
  ssl: v.optional(v.pipe(
    v.picklist(SSL_MODES),
    v.description(
      "As libpq's sslmode: disable, allow, prefer (TLS where the server has it), require (TLS, any certificate), verify-ca or verify-full; verify-full by default, on this machine prefer.",
    ),
  )),
  ssl_negotiation: v.optional(v.pipe(
    v.picklist(["postgres", "direct"]),
    v.description("direct begins TLS without asking first, as PostgreSQL 17 knows it; postgres by default."),
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
  channel_binding: v.optional(v.pipe(
    v.picklist(CHANNEL_BINDINGS),
    v.description(
      "Whether signing in is bound to the TLS connection: disable, prefer or require; prefer by default.",
    ),
  )),
  require_auth: v.optional(v.pipe(
    text,
    v.description(
      "Ways to sign in that are allowed, as scram-sha-256,md5, or not allowed, as !password; any by default.",
    ),
  )),
  target_session_attrs: v.optional(v.pipe(
    v.picklist(TARGET_SESSIONS),
    v.description(
      "Which of several hosts will do: read-write, read-only, primary, standby or prefer-standby; the first that answers by default.",
    ),
  )),
  options: v.optional(v.pipe(
    text,
    v.description("Settings of the session, as -c statement_timeout=5min -c search_path=shop."),
  )),
  schema: v.optional(v.pipe(text, v.description("The schema of a table without one; public by default."))),
  connect_timeout: v.optional(v.pipe(
    v.number(),
    v.minValue(1),
    v.maxValue(600),
    v.description(`Seconds to wait for each server; ${DEFAULT_CONNECT_TIMEOUT_S} by default.`),
  )),
  application_name: v.optional(v.pipe(
    text,
    v.description("What the server shows in pg_stat_activity; sluice by default."),
  )),
});

export type Entry = v.InferOutput<typeof entrySchema>;

/** `unknown` in, a frozen PostgresConfig out. No fault shows a value of the URL, which may hold a password. */
export const configSchema = v.pipe(
  entrySchema,
  v.rawTransform<Entry, PostgresConfig>(({ dataset, addIssue, NEVER }) => {
    const faults: string[] = [];
    const config = toConfig(dataset.value, faults);
    for (const message of faults) addIssue({ message });
    return config ?? NEVER;
  }),
);

function keysOfUrl(url: string | undefined, faults: string[]): Entry | undefined {
  return url === undefined ? undefined : checkUrlKeys(entrySchema, parseUrl(url, faults), faults);
}

function toConfig(entry: Entry, faults: string[]): PostgresConfig | undefined {
  const merged: Entry = { ...keysOfUrl(entry.url, faults), ...entry };
  const { user } = merged;
  if (user === undefined && faults.length === 0) faults.push("expected user, or a url with one");
  const authMethods = parseAuthMethods(merged.require_auth, faults);
  const hosts = parseHosts(merged.host, merged.port, faults);
  const ssl = sslMode(merged, hosts, faults);
  if (merged.channel_binding === "require" && ssl === "disable") {
    faults.push("channel_binding: require needs TLS, and ssl is disable");
  }
  if (faults.length > 0 || user === undefined) return undefined;
  return Object.freeze({
    hosts,
    database: merged.database ?? user,
    user,
    password: merged.password === undefined ? undefined : new Secret(merged.password),
    ssl,
    sslNegotiation: merged.ssl_negotiation ?? "postgres",
    sslCa: merged.ssl_ca === "system" ? undefined : merged.ssl_ca,
    sslCert: merged.ssl_cert,
    sslKey: merged.ssl_key,
    tlsDemands: tlsDemands(merged),
    channelBinding: merged.channel_binding ?? "prefer",
    authMethods,
    targetSession: merged.target_session_attrs ?? "any",
    options: merged.options,
    schema: merged.schema ?? "public",
    connectTimeoutMs: (merged.connect_timeout ?? DEFAULT_CONNECT_TIMEOUT_S) * 1000,
    applicationName: merged.application_name ?? "sluice",
  });
}

/** As libpq has it, but for what is meant where nothing is said. */
function sslMode(entry: Entry, hosts: readonly Host[], faults: string[]): SslMode {
  const ssl = entry.ssl ?? defaultTlsMode(hosts.map(({ host }) => host), entry);
  if (entry.ssl_negotiation === "direct" && ["disable", "allow", "prefer"].includes(ssl)) {
    faults.push("ssl_negotiation: direct needs ssl: require, verify-ca or verify-full");
  }
  if (entry.ssl_ca === "system" && ssl !== "verify-full") {
    faults.push("ssl_ca: system needs ssl: verify-full");
  }
  return tlsMode(ssl, entry, faults);
}

function parseHosts(host = "localhost", port: string | number = DEFAULT_PORT, faults: string[]): Host[] {
  const names = host.split(",").map((name) => name.trim() === "" ? "localhost" : name.trim());
  const ports = String(port).split(",").map(Number);
  if (ports.length > 1 && ports.length !== names.length) {
    faults.push(`port lists ${ports.length} ports for ${names.length} hosts; expected one, or one for each`);
  }
  if (ports.some((one) => !(one >= 1 && one <= 65_535))) faults.push("expected ports from 1 to 65535");
  return names.map((name, i) => ({
    host: name.replace(/^\[(.*)\]$/, "$1"),
    port: ports[i] ?? ports[0] ?? DEFAULT_PORT,
  }));
}

/** A list of methods, or of methods with ! that are not wanted. */
function parseAuthMethods(list: string | undefined, faults: string[]): ReadonlySet<AuthMethod> {
  if (list === undefined) return new Set(AUTH_METHODS);
  const words = list.split(",").map((word) => word.trim());
  const isNegative = words.every((word) => word.startsWith("!"));
  const named = new Set(words.map((word) => isNegative ? word.slice(1) : word));
  const unknown = [...named].filter((name) => !AUTH_METHODS.some((method) => method === name));
  if (unknown.length > 0) {
    faults.push(
      `require_auth has a method that is not known here; expected ${
        listWords(AUTH_METHODS)
      }, or each with ! before it`,
    );
  }
  return new Set(AUTH_METHODS.filter((method) => named.has(method) !== isNegative));
}

/** `user@host:port/database`, for messages. */
export function showServer({ user, hosts, database }: PostgresConfig): string {
  return `${user}@${hosts.map(({ host, port }) => `${host}:${port}`).join(",")}/${database}`;
}
