import type { Hono } from "hono";
import { AppError } from "../../contract/errors.ts";
import type { AppEnv } from "./app_env.ts";

export interface Listener {
  /** How a person or command on this machine reaches it. */
  readonly url: string;
  readonly port: number;
  /**
   * Ends event streams, takes no more requests, and waits for those in flight at most so long. What
   * takes longer goes on until the process ends: Deno has no way to cut it after a shutdown.
   */
  shutdown(timeoutMs: number): Promise<void>;
}

/**
 * Serves the app. `port` 0 picks a free one. Throws `conflict` for a port in use, `forbidden` for one
 * that only root may have, `invalid` for a host that is not this machine's.
 */
export function listen(app: Hono<AppEnv>, address: { host: string; port: number }): Listener {
  const closing = new AbortController();
  const server = serve(
    address,
    (request, { remoteAddr }) =>
      app.fetch(request, { remoteAddress: remoteAddr.hostname, closing: closing.signal }),
  );
  const { port } = server.addr;
  return {
    url: `http://${reachableHost(address.host)}:${port}`,
    port,
    async shutdown(timeoutMs) {
      closing.abort();
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, timeoutMs);
      try {
        await Promise.race([server.shutdown(), late.promise]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

function serve(
  { host, port }: { host: string; port: number },
  handler: Deno.ServeHandler<Deno.NetAddr>,
): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({ hostname: host, port, onListen: () => {} }, handler);
  } catch (error) {
    throw listenError(host, port, error);
  }
}

function listenError(host: string, port: number, error: unknown): AppError {
  const where = `Cannot listen on ${host.includes(":") ? `[${host}]` : host}:${port}`;
  if (error instanceof Deno.errors.AddrInUse) {
    return new AppError(
      "conflict",
      `${where}: the port is in use. Stop what uses it, or choose another with --port (0 picks a free one)`,
      { cause: error },
    );
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return new AppError("forbidden", `${where}: this user may not have that port; choose one above 1023`, {
      cause: error,
    });
  }
  return new AppError("invalid", `${where}: the host is not an address or name of this machine`, {
    cause: error,
  });
}

/** A wildcard address is no place to go to: this machine itself is behind it. */
function reachableHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}

/** Whether only this machine can reach a server at the host. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\./.test(host);
}
