import { AppError } from "../../contract/errors.ts";
import { isLoopback } from "./listen.ts";

/** What the operator says of how clients reach the server. */
export interface ProxySettings {
  /** Whether X-Forwarded-For and X-Forwarded-Proto come from a reverse proxy. */
  readonly trustProxy: boolean;
  /** The names that are accepted, beside localhost and addresses; undefined: any. */
  readonly allowedHosts: readonly string[] | undefined;
}

/**
 * From SLUICE_TRUST_PROXY (`1` or `0`) and SLUICE_ALLOWED_HOSTS (names with commas between). A server
 * that only this machine can reach accepts no other name than localhost by default, so that no web
 * site can pose as it by DNS rebinding. Throws `invalid`.
 */
export function readProxySettings(env: (name: string) => string | undefined, host: string): ProxySettings {
  const trust = env("SLUICE_TRUST_PROXY") ?? "";
  if (!["", "0", "1"].includes(trust)) {
    throw new AppError("invalid", `SLUICE_TRUST_PROXY is "${trust}", expected 1 or 0`);
  }
  const trustProxy = trust === "1";
  const names = (env("SLUICE_ALLOWED_HOSTS") ?? "").split(",").map((name) => name.trim()).filter((name) =>
    name !== ""
  );
  const allowedHosts = names.length > 0 ? names : isLoopback(host) && !trustProxy ? [] : undefined;
  return { trustProxy, allowedHosts };
}
