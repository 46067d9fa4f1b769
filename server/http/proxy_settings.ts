import { AppError } from "../../contract/errors.ts";

/** What the operator says of how clients reach the server. */
export interface ProxySettings {
  /** Whether X-Forwarded-For and X-Forwarded-Proto come from a reverse proxy. */
  readonly trustProxy: boolean;
  /** The names that are accepted, beside localhost and addresses; undefined: any. */
  readonly allowedHosts: readonly string[] | undefined;
}

export interface ProxyOptions {
  /** `--allow-host`, each a name. */
  readonly allowHost: readonly string[];
  /** `--trust-proxy`. */
  readonly trustProxy: boolean;
  /** The address to listen on. */
  readonly host: string;
}

/**
 * From the options, else SLUICE_ALLOWED_HOSTS (names with commas between) and SLUICE_TRUST_PROXY (`1`
 * or `0`). A server that only this machine can reach accepts no other name than localhost by default,
 * so that no web site can pose as it by DNS rebinding. Throws `invalid`.
 */
export function readProxySettings(
  { allowHost, trustProxy, host }: ProxyOptions,
  env: (name: string) => string | undefined,
): ProxySettings {
  const isTrusted = trustProxy || readTrust(env("SLUICE_TRUST_PROXY") ?? "");
  const given = allowHost.length > 0 ? allowHost : (env("SLUICE_ALLOWED_HOSTS") ?? "").split(",");
  const names = given.map((name) => name.trim()).filter((name) => name !== "");
  for (const name of names) checkHostName(name);
  const allowedHosts = names.length > 0 ? names : isLoopback(host) && !isTrusted ? [] : undefined;
  return { trustProxy: isTrusted, allowedHosts };
}

function readTrust(text: string): boolean {
  if (["", "0", "1"].includes(text)) return text === "1";
  throw new AppError("invalid", `SLUICE_TRUST_PROXY is "${text}", expected 1 or 0`);
}

/** A name that could never be in a Host header would refuse everybody without a word. */
function checkHostName(name: string): void {
  if (/^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(name)) return;
  throw new AppError(
    "invalid",
    `"${name}" is no name that browsers could use for the server: expected one such as sluice.example.com, without port`,
  );
}

/** Whether only this machine can reach a server at the host. */
function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\./.test(host);
}
