import type { Context } from "hono";

/**
 * How the client reached us: straight, or through a reverse proxy, whose X-Forwarded-* headers count
 * only where the operator says that there is one, since any client can send them.
 */
export interface ClientView {
  addressOf(c: Context): string;
  /** Whether the browser spoke https. */
  isSecure(c: Context): boolean;
}

export function createClientView(options: { readonly trustProxy: boolean }): ClientView {
  // The last entry is the one that the proxy next to us added.
  const forwarded = (c: Context, header: string) =>
    options.trustProxy ? c.req.header(header)?.split(",").at(-1)?.trim() || undefined : undefined;
  return {
    addressOf: (c) => forwarded(c, "x-forwarded-for") ?? remoteAddressOf(c),
    isSecure: (c) =>
      (forwarded(c, "x-forwarded-proto") ?? new URL(c.req.url).protocol.slice(0, -1)).toLowerCase() ===
        "https",
  };
}

function remoteAddressOf(c: Context): string {
  const env: unknown = c.env;
  if (typeof env !== "object" || env === null || !("remoteAddress" in env)) return "unknown";
  return typeof env.remoteAddress === "string" ? env.remoteAddress : "unknown";
}
