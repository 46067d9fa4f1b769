import type { ConnectorDefinition } from "../connector/entry.ts";

/** Where what a load writes is, so that two loads can be told apart. */

/** Keys of an entry that say who signs in and how, and nothing of where it is. */
const NOT_THE_PLACE = new Set([
  "user",
  "username",
  "password",
  "token",
  "auth",
  "access_key_id",
  "secret_access_key",
  "session_token",
  "private_key",
  "private_key_passphrase",
  "max_connections",
  "mask_salt",
  "ssl",
  "ssl_ca",
  "ssl_cert",
  "ssl_key",
  "timeout",
  "connect_timeout",
]);

const DEFAULT_PORTS: Readonly<Record<string, number>> = { postgres: 5432, mysql: 3306, sftp: 22 };
const THIS_MACHINE = new Set(["localhost", "127.0.0.1", "::1", "[::1]"]);

/**
 * Where the system of a connector is, as its entry says it: the same text for two entries of one place, whoever signs in and
 * whether they give an URL or its parts. References are taken as they are, so that of entries in which they are resolved more
 * is known.
 */
export function addressOf(entry: ConnectorDefinition | Readonly<Record<string, unknown>>): string {
  const { url, host, port, database, ...others } = Object.fromEntries(
    Object.entries(entry).filter(([key]) => !NOT_THE_PLACE.has(key)),
  );
  const place = placeOf(url, String(entry["type"])) ??
    { host: hostOf(host), port: portOf(port, String(entry["type"])), database: textOf(database) };
  // One that has none of them has an empty place.
  const rest = Object.entries(others).sort(([a], [b]) => a < b ? -1 : 1);
  return JSON.stringify([place, ...rest]);
}

/** Names that differ in case or quotes alone count as the same: they may be. */
export const normalizedTarget = (target: string): string => target.replaceAll(/["`[\]]/g, "").toLowerCase();

/** Undefined for what is no URL; a text that is not whole, as one with a reference, stands for itself. */
function placeOf(url: unknown, type: string): unknown {
  if (typeof url !== "string") return undefined;
  const withoutUser = url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^@/]*@/i, "$1");
  const parsed = withoutUser.includes("$") ? null : URL.parse(withoutUser);
  if (parsed === null || parsed.hostname === "") return withoutUser.toLowerCase();
  return {
    host: hostOf(parsed.hostname),
    port: portOf(parsed.port === "" ? undefined : parsed.port, type),
    database: textOf(decodeURIComponent(parsed.pathname.replace(/^\//, ""))),
  };
}

function hostOf(host: unknown): string {
  const name = textOf(host).toLowerCase();
  return THIS_MACHINE.has(name) ? "localhost" : name;
}

const portOf = (port: unknown, type: string): string => textOf(port) || String(DEFAULT_PORTS[type] ?? "");

const textOf = (value: unknown): string => value === undefined || value === null ? "" : String(value);
