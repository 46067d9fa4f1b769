/**
 * Connection URLs as MySQL's and MariaDB's own clients and the drivers of several languages write them.
 * Source: https://dev.mysql.com/doc/refman/8.4/en/connecting-using-uri-or-key-value-pairs.html
 */

/** Keys of a connectors.yaml entry, not yet checked. */
export type UrlKeys = Readonly<Record<string, string | number>>;

/** scheme://[user[:password]@]host[:port]/database[?parameters]; what looks like the one may be the other's. */
const URI =
  /^(?:mysql|mariadb):\/\/(?:([^/?#]*)@)?(\[[^\]]*\]|[^/?#@:]*)(?::(\d*))?(?:\/([^?#]*))?(?:\?([^#]*))?$/;

const NOT_A_URL = "url is not mysql://user:password@host:port/database; " +
  "write special characters of the password percent-encoded, as %23 for #";

/** Parameters in lower case without - and _, and the entry's key for each. */
const KEYS: Readonly<Record<string, string>> = {
  applicationname: "application_name",
  connecttimeout: "connect_timeout",
  database: "database",
  host: "host",
  password: "password",
  port: "port",
  programname: "application_name",
  socket: "socket",
  sslca: "ssl_ca",
  sslcert: "ssl_cert",
  sslkey: "ssl_key",
  sslminversion: "ssl_min_version",
  sslmode: "ssl",
  sslrootcert: "ssl_ca",
  unixsocket: "socket",
  user: "user",
};

/** What other clients call the modes of TLS. */
const SSL_WORDS: Readonly<Record<string, string>> = {
  disabled: "disable",
  preferred: "prefer",
  required: "require",
  trust: "require",
  verify_ca: "verify-ca",
  verify_identity: "verify-full",
};

/** Parameters that switch TLS on or off, and the mode for each of their values. */
const SSL_SWITCHES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ssl: { true: "require", false: "disable" },
  tls: { true: "verify-full", false: "disable", preferred: "prefer", "skip-verify": "require" },
  usessl: { true: "require", false: "disable" },
};

/** Parameters whose only value here is what this client does anyway. */
const FIXED: Readonly<Record<string, readonly string[]>> = {
  allowpublickeyretrieval: ["false"],
  characterencoding: ["UTF-8", "utf8", "utf8mb4"],
  charset: ["utf8mb4", "utf8"],
  getserverpublickey: ["false", "0"],
  timezone: ["Z", "UTC", "+00:00"],
};

/** Keys of a URL. Faults go into `faults` and never show a value, which may be a piece of the password. */
export function parseUrl(text: string, faults: string[]): UrlKeys {
  const match = URI.exec(text);
  const [, credentials = "", host = "", port = "", path = "", query = ""] = match ?? [];
  // A / or ? in the password looks like the begin of the database's name or of the parameters.
  if (match === null || /[@/]/.test(path) || query.includes("@")) {
    faults.push(NOT_A_URL);
    return {};
  }
  try {
    const [user = "", ...password] = credentials.split(":");
    return {
      ...present("host", decodeURIComponent(host)),
      ...(port === "" ? {} : { port: Number(port) }),
      ...present("database", decodeURIComponent(path)),
      ...present("user", decodeURIComponent(user)),
      ...present("password", decodeURIComponent(password.join(":"))),
      ...parseParameters(query, faults),
    };
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    faults.push("url has a % that is not followed by two hexadecimal digits; write a plain % as %25");
    return {};
  }
}

const present = (key: string, value: string): UrlKeys => value === "" ? {} : { [key]: value };

function parseParameters(query: string, faults: string[]): UrlKeys {
  const found: Record<string, string | number> = {};
  for (const pair of query.split("&").filter((one) => one !== "")) {
    const at = pair.indexOf("=");
    const written = decodeURIComponent(at < 0 ? pair : pair.slice(0, at));
    const value = at < 0 ? "" : decodeURIComponent(pair.slice(at + 1));
    const name = written.toLowerCase().replaceAll(/[-_]/g, "");
    const key = KEYS[name];
    const mode = SSL_SWITCHES[name]?.[value];
    if (key !== undefined) found[key] = valueOf(key, written, value);
    else if (mode !== undefined) found.ssl = mode;
    else checkFixed(name, written, value, faults);
  }
  return found;
}

function valueOf(key: string, written: string, value: string): string | number {
  if (key === "ssl") return SSL_WORDS[value.toLowerCase().replaceAll("-", "_")] ?? value;
  if (key === "port") return Number(value);
  if (key !== "connect_timeout") return value;
  // connectTimeout is JDBC's and JavaScript's, in milliseconds; the others are in seconds.
  return written === "connectTimeout" ? Math.max(Number(value) / 1000, 1) : Number(value);
}

function checkFixed(name: string, written: string, value: string, faults: string[]): void {
  const values = FIXED[name] ?? Object.keys(SSL_SWITCHES[name] ?? {});
  if (FIXED[name]?.includes(value) === true) return;
  if (values.length > 0) {
    faults.push(`url has a value for ${written} that is not possible here; expected ${values.join(" or ")}`);
  } else if (/^[A-Za-z_-]{1,40}$/.test(written)) {
    faults.push(`url has a parameter "${written}" that has no meaning here`);
  } else faults.push(NOT_A_URL);
}
