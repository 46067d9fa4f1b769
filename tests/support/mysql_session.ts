import type { SessionOptions } from "../../connectors/mysql/session/connection_options.ts";
import { Session } from "../../connectors/mysql/session/session.ts";
import { never } from "./connections.ts";

/** The options of a session at that URL, without TLS. */
export function sessionOptions(url: string, more: Partial<SessionOptions> = {}): SessionOptions {
  const { hostname, port, username, password, pathname } = new URL(url);
  return {
    host: hostname,
    port: Number(port || 3306),
    socket: undefined,
    tlsDemands: { minVersion: "TLSv1.2", serverName: undefined },
    ssl: "disable",
    authorities: undefined,
    certificate: undefined,
    connectTimeoutMs: 10_000,
    user: decodeURIComponent(username),
    database: pathname.slice(1),
    applicationName: "sluice",
    revealPassword: () => decodeURIComponent(password),
    ...more,
  };
}

/** A session of the connector's own that closes with its block. */
export async function openSession(
  url: string,
  more: Partial<SessionOptions> = {},
  signal: AbortSignal = never(),
): Promise<AsyncDisposable & { readonly session: Session }> {
  const session = await Session.connect(sessionOptions(url, more), signal);
  return { session, [Symbol.asyncDispose]: () => session.close() };
}
