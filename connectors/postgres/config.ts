import { isAbsolute, join } from "node:path";
import * as v from "valibot";
import { Secret } from "../../contract/secret.ts";
import type { SslMode } from "./wire/wire_socket.ts";

/** A connection to one PostgreSQL database, as connectors.yaml says it. */
export interface PostgresConfig {
  /** A host's name or address, or the absolute path of the folder that holds the Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: Secret | undefined;
  readonly ssl: SslMode;
  /** The file with the authorities for `verify-full`, absolute or relative to the project. */
  readonly sslCa: string | undefined;
  /** Where a table without a schema is looked for and made. */
  readonly schema: string;
  readonly connectTimeoutMs: number;
  readonly applicationName: string;
}

const DEFAULT_PORT = 5432;
const DEFAULT_CONNECT_TIMEOUT_S = 10;
const SSL_MODES = ["disable", "prefer", "require", "verify-full"] as const;

const text = v.pipe(v.string(), v.nonEmpty("expected some text"));
const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535));

const entrySchema = v.strictObject({
  url: v.optional(v.pipe(
    text,
    v.description(
      "postgres://user:password@host:port/database; special characters percent-encoded. Other keys win over it.",
    ),
  )),
  host: v.optional(v.pipe(
    text,
    v.description("The server's name or address, or the folder of its Unix socket; localhost by default."),
  )),
  port: v.optional(v.pipe(port, v.description("5432 by default."))),
  database: v.optional(v.pipe(text, v.description("The user's name by default."))),
  user: v.optional(v.pipe(text, v.description("Who to sign in as."))),
  password: v.optional(v.pipe(text, v.description("Best a reference, as ${secret:SHOP_PASSWORD}."))),
  ssl: v.optional(v.pipe(
    v.picklist(SSL_MODES),
    v.description(
      "disable, prefer (TLS where the server has it), require (TLS, any certificate) or verify-full; prefer by default.",
    ),
  )),
  ssl_ca: v.optional(v.pipe(
    text,
    v.description("A PEM file with the authorities that verify-full trusts; the system's by default."),
  )),
  schema: v.optional(v.pipe(text, v.description("The schema of a table without one; public by default."))),
  connect_timeout: v.optional(v.pipe(
    v.number(),
    v.minValue(1),
    v.maxValue(600),
    v.description(`Seconds to wait for the server; ${DEFAULT_CONNECT_TIMEOUT_S} by default.`),
  )),
  application_name: v.optional(v.pipe(
    text,
    v.description("What the server shows in pg_stat_activity; sluice by default."),
  )),
});

type Entry = v.InferOutput<typeof entrySchema>;
type Faults = string[];

/** `unknown` in, a frozen PostgresConfig out. No fault shows a value of the URL, which may hold a password. */
export const configSchema = v.pipe(
  entrySchema,
  v.rawTransform<Entry, PostgresConfig>(({ dataset, addIssue, NEVER }) => {
    const faults: Faults = [];
    const config = toConfig(dataset.value, faults);
    for (const message of faults) addIssue({ message });
    return config ?? NEVER;
  }),
);

function toConfig(entry: Entry, faults: Faults): PostgresConfig | undefined {
  const fromUrl = entry.url === undefined ? {} : parseUrl(entry.url, faults);
  const merged: Entry = { ...fromUrl, ...entry };
  const { user, ssl = "prefer" } = merged;
  if (user === undefined && faults.length === 0) faults.push("expected user, or a url with one");
  if (merged.ssl_ca !== undefined && ssl !== "verify-full") faults.push("ssl_ca needs ssl: verify-full");
  if (faults.length > 0 || user === undefined) return undefined;
  return Object.freeze({
    host: merged.host ?? "localhost",
    port: merged.port ?? DEFAULT_PORT,
    database: merged.database ?? user,
    user,
    password: merged.password === undefined ? undefined : new Secret(merged.password),
    ssl,
    sslCa: merged.ssl_ca,
    schema: merged.schema ?? "public",
    connectTimeoutMs: (merged.connect_timeout ?? DEFAULT_CONNECT_TIMEOUT_S) * 1000,
    applicationName: merged.application_name ?? "sluice",
  });
}

function parseUrl(text: string, faults: Faults): Partial<Entry> {
  const url = URL.parse(text);
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol) || url.hash !== "") {
    faults.push(
      "url is not postgres://user:password@host:port/database; " +
        "write special characters of the password percent-encoded, as %23 for #",
    );
    return {};
  }
  const decoded = decodeAll([url.hostname, url.pathname.slice(1), url.username, url.password]);
  if (decoded === undefined) {
    faults.push("url has a % that is not followed by two hexadecimal digits; write a plain % as %25");
    return {};
  }
  const [host = "", database = "", user = "", password = ""] = decoded;
  if (host.includes(",")) faults.push("url has more than one host; name one");
  return {
    ...(host === "" ? {} : { host: host.replace(/^\[(.*)\]$/, "$1") }),
    ...(url.port === "" ? {} : { port: Number(url.port) }),
    ...(database === "" ? {} : { database }),
    ...(user === "" ? {} : { user }),
    ...(password === "" ? {} : { password }),
    ...parseUrlParameters(url.searchParams, faults),
  };
}

/** The parameters of libpq that have a meaning here; another is a fault, never ignored. */
function parseUrlParameters(parameters: URLSearchParams, faults: Faults): Partial<Entry> {
  const found: { -readonly [key in keyof Entry]: Entry[key] } = {};
  for (const [name, value] of parameters) {
    if (name === "sslmode") {
      const mode = SSL_MODES.find((known) => known === value);
      if (mode === undefined) faults.push(`url has an unknown sslmode; expected ${SSL_MODES.join(", ")}`);
      else found.ssl = mode;
    } else if (name === "sslrootcert") found.ssl_ca = value;
    else if (name === "application_name") found.application_name = value;
    else if (name === "host") found.host = value;
    else if (name === "connect_timeout" && Number(value) >= 1) found.connect_timeout = Number(value);
    else faults.push(`url has a parameter ${JSON.stringify(name)} that has no meaning here`);
  }
  return found;
}

function decodeAll(parts: readonly string[]): string[] | undefined {
  try {
    return parts.map((part) => decodeURIComponent(part));
  } catch {
    return undefined;
  }
}

/** The password as it is and as a URL carries it. */
export function secretsOf(config: PostgresConfig): string[] {
  if (config.password === undefined) return [];
  const password = config.password.reveal();
  const strict = encodeURIComponent(password).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);
  return [...new Set([password, encodeURIComponent(password), strict, encodeURI(password)])];
}

/** The authorities' file as an absolute path. */
export function caPathOf(config: PostgresConfig, projectDir: string): string | undefined {
  if (config.sslCa === undefined) return undefined;
  return isAbsolute(config.sslCa) ? config.sslCa : join(projectDir, config.sslCa);
}

/** `user@host:port/database`, for messages. */
export const showServer = (config: PostgresConfig): string =>
  `${config.user}@${config.host}:${config.port}/${config.database}`;
