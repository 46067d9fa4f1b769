import type { Context } from "hono";
import { isThisMachine } from "../../contract/network/this_machine.ts";

/**
 * How the client reached us: straight, or through a reverse proxy, whose X-Forwarded-* headers count
 * only where the operator says that there is one, since any client can send them.
 */
export interface ClientView {
  addressOf(c: Context): string;
  /** Whether the browser spoke https. */
  isSecure(c: Context): boolean;
  /**
   * Whether others could read along what the client sends: it is another machine, speaks plain HTTP, and the
   * operator has neither allowed that nor named a proxy, for whose side of the line they answer.
   */
  isExposed(c: Context): boolean;
}

export interface ClientViewOptions {
  readonly trustProxy: boolean;
  /** The operator's word that nobody listens. */
  readonly allowsPlainHttp?: boolean;
}

export function createClientView(options: ClientViewOptions): ClientView {
  // The last entry is the one that the proxy next to us added.
  const forwarded = (c: Context, header: string) =>
    options.trustProxy ? c.req.header(header)?.split(",").at(-1)?.trim() || undefined : undefined;
  const isSecure = (c: Context) =>
    (forwarded(c, "x-forwarded-proto") ?? new URL(c.req.url).protocol.slice(0, -1)).toLowerCase() === "https";
  return {
    addressOf: (c) => forwarded(c, "x-forwarded-for") ?? remoteAddressOf(c),
    isSecure,
    isExposed: (c) =>
      !options.trustProxy && options.allowsPlainHttp !== true && !isSecure(c) &&
      isElsewhere(remoteAddressOf(c)),
  };
}

/** A Unix socket has no address. */
const isElsewhere = (address: string): boolean => address !== UNKNOWN && !isThisMachine(address);

/** Of what came by a Unix socket, as local commands do. */
export const UNKNOWN = "unknown";

function remoteAddressOf(c: Context): string {
  const env: unknown = c.env;
  if (typeof env !== "object" || env === null || !("remoteAddress" in env)) return UNKNOWN;
  return typeof env.remoteAddress === "string" ? env.remoteAddress : UNKNOWN;
}
