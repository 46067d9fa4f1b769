import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import type { Socket } from "node:net";
import type { Hono } from "hono";
import { AppError } from "../../contract/errors.ts";
import type { Log } from "../../contract/log.ts";
import type { AppEnv } from "./app_env.ts";
import { BodyBudget } from "./body_budget.ts";
import { ConnectionLimit } from "./connection_limit.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import { hasBodyHeaders } from "./node_request.ts";
import { serveRequest } from "./serve_request.ts";
import type { ServerCertificate } from "./tls/certificate.ts";
import { createSecureServer, type SecureOptions } from "./tls/secure_listener.ts";

const CHECK_EVERY_MS = 1_000;
const LOG_EVERY_MS = 60_000;

export interface Listener {
  /** How a person or command on this machine reaches it. */
  readonly url: string;
  readonly port: number;
  /**
   * Ends event streams, takes no more requests, and waits for those in flight at most so long. What
   * takes longer goes on until the process ends.
   */
  shutdown(timeoutMs: number): Promise<void>;
  /** With TLS: new connections get this certificate. */
  useCertificate(certificate: ServerCertificate): void;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly log?: Log;
  /** Whether all clients come through one reverse proxy, and so from one address. */
  readonly trustProxy?: boolean;
  readonly limits?: Partial<Limits>;
  /** HTTPS, and nothing else; plain HTTP by default. */
  readonly tls?: SecureOptions;
}

/**
 * Serves the app. Throws `conflict` for a port in use, `forbidden` for one that only root may have,
 * `invalid` for a host that is not this machine's.
 */
export async function listen(app: Hono<AppEnv>, options: ListenOptions): Promise<Listener> {
  const { host, port, log = () => {}, trustProxy = false, tls } = options;
  const limits = { ...defaultLimits(trustProxy), ...options.limits };
  const closing = new AbortController();
  const connections = new ConnectionLimit({
    total: limits.connections,
    perAddress: limits.connectionsPerAddress,
    onFull: createFullLog(log, limits),
  });
  const bodies = new BodyBudget({ total: limits.bodyBytes, perAddress: limits.bodyBytesPerAddress });
  const serving = { closing: closing.signal, stallMs: limits.stallMs, log, bodies };
  const times = {
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: CHECK_EVERY_MS,
  };
  const secure = tls && createSecureServer(
    tls,
    { ...times, handshakeMs: limits.headersMs },
    (socket) => connections.admit(socket),
  );
  const server = secure?.server ?? createPlainServer(times, connections);
  const socketUnder = secure?.socketUnder ?? ((socket: Socket) => socket);
  server.on("clientError", refuseClient);
  server.on("request", (incoming: IncomingMessage, outgoing: ServerResponse) => {
    trackPhase(connections, socketUnder(incoming.socket), incoming, outgoing);
    void serveRequest(app, incoming, outgoing, serving);
  });
  const bound = await bind(server, host, port);
  return {
    url: `${secure === undefined ? "http" : "https"}://${reachableHost(host)}:${bound}`,
    port: bound,
    shutdown(timeoutMs) {
      secure?.closeUnsecured();
      return shutdown(server, closing, timeoutMs);
    },
    useCertificate: (certificate) => secure?.use(certificate),
  };
}

function createPlainServer(times: ServerOptions, connections: ConnectionLimit): Server {
  const server = createServer(times);
  server.on("connection", (socket: Socket) => {
    socket.on("error", () => {});
    connections.admit(socket);
  });
  return server;
}

function createFullLog(log: Log, { connections, connectionsPerAddress }: Limits): (address: string) => void {
  let toldAtMs = -Infinity;
  return (address) => {
    if (performance.now() - toldAtMs < LOG_EVERY_MS) return;
    toldAtMs = performance.now();
    log("warn", "Too many connections are open: idle ones are closed to make room", {
      address,
      limit: connections,
      limit_of_one_address: connectionsPerAddress,
    });
  };
}

/** What the connection is at, so that the limit knows whom it may close. */
function trackPhase(
  connections: ConnectionLimit,
  socket: Socket,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): void {
  connections.enter(socket, hasBodyHeaders(incoming) ? "receiving" : "responding");
  incoming.once("end", () => connections.enter(socket, outgoing.writableEnded ? "idle" : "responding"));
  outgoing.once("finish", () => connections.enter(socket, incoming.complete ? "idle" : "receiving"));
}

/** A request that is none, or that did not come in time: there is nothing to route. */
function refuseClient(error: Error & { readonly code?: string }, socket: Socket): void {
  if (!socket.writable) return void socket.destroy();
  const line = error.code === "ERR_HTTP_REQUEST_TIMEOUT"
    ? "408 Request Timeout"
    : error.code === "HPE_HEADER_OVERFLOW"
    ? "431 Request Header Fields Too Large"
    : "400 Bad Request";
  socket.end(`HTTP/1.1 ${line}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  socket.destroySoon();
}

async function bind(server: Server, host: string, port: number): Promise<number> {
  const listening = Promise.withResolvers<void>();
  server.once("error", listening.reject);
  server.listen({ host, port }, listening.resolve);
  try {
    await listening.promise;
  } catch (error) {
    throw listenError(host, port, error);
  }
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}

async function shutdown(server: Server, closing: AbortController, timeoutMs: number): Promise<void> {
  const done = Promise.withResolvers<void>();
  server.close(() => done.resolve());
  closing.abort();
  server.closeIdleConnections();
  const timer = setTimeout(done.resolve, timeoutMs);
  try {
    await done.promise;
  } finally {
    clearTimeout(timer);
  }
}

function listenError(host: string, port: number, error: unknown): AppError {
  const where = `Cannot listen on ${host.includes(":") ? `[${host}]` : host}:${port}`;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE") {
    return new AppError(
      "conflict",
      `${where}: the port is in use. Stop what uses it, or choose another with --port (0 picks a free one)`,
      { cause: error },
    );
  }
  if (code === "EACCES" || code === "EPERM") {
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
