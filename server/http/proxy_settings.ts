import { AppError } from "../../contract/errors.ts";
import { readSwitch, type Variables } from "../../contract/settings/variables.ts";
import { isThisMachine } from "../../contract/network/this_machine.ts";

/** What the operator says of how clients reach the server. */
export interface ProxySettings {
  /** Whether X-Forwarded-For and X-Forwarded-Proto come from a reverse proxy. */
  readonly trustProxy: boolean;
  /** The names that are accepted, beside localhost and addresses; undefined: any. */
  readonly allowedHosts: readonly string[] | undefined;
  /** For how long a browser that spoke https is to use nothing else. */
  readonly strictSeconds: number;
  /** Whether people may sign in over plain HTTP from other machines. */
  readonly allowsPlainHttp: boolean;
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
  env: Variables,
): ProxySettings {
  const isTrusted = trustProxy || readSwitch(env, "SLUICE_TRUST_PROXY");
  const given = allowHost.length > 0 ? allowHost : (env("SLUICE_ALLOWED_HOSTS") ?? "").split(",");
  const names = given.map((name) => name.trim()).filter((name) => name !== "");
  for (const name of names) checkHostName(name);
  const allowedHosts = names.length > 0 ? names : isThisMachine(host) && !isTrusted ? [] : undefined;
  return {
    trustProxy: isTrusted,
    allowedHosts,
    strictSeconds: readSeconds(env("SLUICE_HSTS") ?? ""),
    allowsPlainHttp: readSwitch(env, "SLUICE_ALLOW_PLAIN_HTTP"),
  };
}

/** What browsers take for a lasting promise. */
const YEAR_S = 31_536_000;

function readSeconds(text: string): number {
  if (text === "") return YEAR_S;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new AppError("invalid", `SLUICE_HSTS is "${text}", expected seconds: ${YEAR_S} is a year, 0 ends it`);
}

/** A name that could never be in a Host header would refuse everybody without a word. */
function checkHostName(name: string): void {
  if (/^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(name)) return;
  throw new AppError(
    "invalid",
    `"${name}" is no name that browsers could use for the server: expected one such as sluice.example.com, without port`,
  );
}
