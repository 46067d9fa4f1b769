/**
 * libpq's connection URIs.
 * Source: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
 */

/** Keys of a connectors.yaml entry, not yet checked. */
export type UrlKeys = Readonly<Record<string, string | number>>;

/** scheme://[user[:password]@]hosts[/database][?parameters]; what looks like the one may be the other's. */
const URI = /^postgres(?:ql)?:\/\/(?:([^/?#]*)@)?([^/?#@]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/;

/** One of the hosts: a name, an address, one in brackets, or a percent-encoded folder; and its port. */
const HOST = /^(\[[^\]]*\]|[^:[\]]*)(?::(\d*))?$/;

const NOT_A_URL = "url is not postgres://user:password@host:port/database; " +
  "write special characters of the password percent-encoded, as %23 for #";

/** libpq's parameters and the entry's key for each. */
const KEYS: Readonly<Record<string, string>> = {
  application_name: "application_name",
  channel_binding: "channel_binding",
  connect_timeout: "connect_timeout",
  dbname: "database",
  fallback_application_name: "application_name",
  host: "host",
  options: "options",
  password: "password",
  port: "port",
  require_auth: "require_auth",
  ssl_min_protocol_version: "ssl_min_version",
  sslcert: "ssl_cert",
  sslkey: "ssl_key",
  sslmode: "ssl",
  sslnegotiation: "ssl_negotiation",
  sslrootcert: "ssl_ca",
  target_session_attrs: "target_session_attrs",
  user: "user",
};

/** Parameters whose only value here is what this client does anyway. */
const FIXED: Readonly<Record<string, readonly string[]>> = {
  client_encoding: ["utf8", "UTF8", "utf-8", "UTF-8", "auto"],
  gssencmode: ["disable", "prefer"],
  gssdelegation: ["0"],
  keepalives: ["1"],
  load_balance_hosts: ["disable"],
  replication: ["false", "off", "no", "0"],
  sslcompression: ["0"],
  sslsni: ["1"],
};

/** Keys of a URL. Faults go into `faults` and never show a value, which may be a piece of the password. */
export function parseUrl(text: string, faults: string[]): UrlKeys {
  const [, credentials = "", hosts = "", path = "", query = ""] = URI.exec(text) ?? [];
  // A / or ? in the password looks like the begin of the database's name or of the parameters.
  if (!URI.test(text) || /[@/]/.test(path) || query.includes("@")) {
    faults.push(NOT_A_URL);
    return {};
  }
  try {
    const [user = "", ...password] = credentials.split(":");
    return {
      ...parseHosts(hosts, faults),
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

function parseHosts(text: string, faults: string[]): UrlKeys {
  if (text === "") return {};
  const hosts = text.split(",").map((host) => HOST.exec(host));
  if (hosts.includes(null)) {
    faults.push(NOT_A_URL);
    return {};
  }
  const names = hosts.map((host) => decodeURIComponent(host?.[1] ?? ""));
  const ports = hosts.map((host) => host?.[2] ?? "");
  return {
    ...(names.every((name) => name === "") ? {} : { host: names.join(",") }),
    ...(ports.every((port) => port === "") ? {} : { port: ports.map((port) => port || "5432").join(",") }),
  };
}

function parseParameters(query: string, faults: string[]): UrlKeys {
  const found: Record<string, string | number> = {};
  for (const pair of query.split("&").filter((one) => one !== "")) {
    const at = pair.indexOf("=");
    const name = decodeURIComponent(at < 0 ? pair : pair.slice(0, at));
    const value = at < 0 ? "" : decodeURIComponent(pair.slice(at + 1));
    // In libpq's URIs, other than in those of the web, a + is a +. ssl=true is JDBC's.
    const key = KEYS[name];
    if (key !== undefined) {
      if (name === "fallback_application_name" && found[key] !== undefined) continue;
      found[key] = key === "connect_timeout"
        ? connectTimeout(value)
        : key === "ssl_min_version"
        ? value.replace(/^TLSv/, "")
        : value;
    } else if (name === "ssl" && value === "true") found.ssl = "require";
    else checkFixed(name, value, faults);
  }
  return found;
}

/** libpq waits at least two seconds; 0 or less means for ever, which nothing here does. */
const connectTimeout = (value: string): number => Number(value) <= 0 ? 600 : Math.min(Number(value), 600);

function checkFixed(name: string, value: string, faults: string[]): void {
  const values = FIXED[name];
  if (values?.includes(value) === true) return;
  if (values !== undefined) {
    faults.push(`url has a value for ${name} that is not possible here; expected ${values.join(" or ")}`);
  } else if (/^[a-z_]{1,40}$/.test(name)) {
    faults.push(`url has a parameter "${name}" that has no meaning here`);
  } else faults.push(NOT_A_URL);
}
