import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Hono } from "hono";
import { AppError, toAppError } from "../../contract/errors.ts";
import type { Log } from "../../contract/log.ts";
import type { AppEnv } from "./app_env.ts";
import { ConnectionLimit } from "./connection_limit.ts";
import { hasBodyHeaders, toRequest } from "./node_request.ts";
import { sendResponse } from "./node_response.ts";
import { problemResponse } from "./problem.ts";

export interface Listener {
  /** How a person or command on this machine reaches it. */
  readonly url: string;
  readonly port: number;
  /**
   * Ends event streams, takes no more requests, and waits for those in flight at most so long. What
   * takes longer goes on until the process ends.
   */
  shutdown(timeoutMs: number): Promise<void>;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly log?: Log;
  /** Whether all clients come through one reverse proxy, and so from one address. */
  readonly trustProxy?: boolean;
  readonly limits?: Partial<Limits>;
}

/** What a client may take of the server; see docs/operations.md. */
export interface Limits {
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** From the connection, or the request's first byte, to the end of its headers. */
  readonly headersMs: number;
  /** From its first byte to the end of its body. */
  readonly requestMs: number;
  /** Between two requests of one connection. */
  readonly idleMs: number;
  /** While a client takes nothing of a response. */
  readonly stallMs: number;
}

const MAX_CONNECTIONS = 2_000;
/** The rest is for the stores, the runs' processes and what comes in while a connection is closed. */
const SHARE_OF_FILES = 0.4;

const TIMES = { headersMs: 10_000, requestMs: 60_000, idleMs: 75_000, stallMs: 60_000 } as const;
const CHECK_EVERY_MS = 1_000;
const LOG_EVERY_MS = 60_000;

/**
 * Serves the app. Throws `conflict` for a port in use, `forbidden` for one that only root may have,
 * `invalid` for a host that is not this machine's.
 */
export async function listen(app: Hono<AppEnv>, options: ListenOptions): Promise<Listener> {
  const { host, port, log = () => {}, trustProxy = false } = options;
  const limits = { ...defaultLimits(trustProxy), ...options.limits };
  const closing = new AbortController();
  const server = createServer({
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: CHECK_EVERY_MS,
  });
  const connections = new ConnectionLimit({
    total: limits.connections,
    perAddress: limits.connectionsPerAddress,
    onFull: createFullLog(log, limits),
  });
  server.on("connection", (socket: Socket) => {
    socket.on("error", () => {});
    connections.admit(socket);
  });
  server.on("clientError", refuseClient);
  server.on("request", (incoming: IncomingMessage, outgoing: ServerResponse) => {
    trackPhase(connections, incoming, outgoing);
    void serveRequest(app, incoming, outgoing, { closing: closing.signal, stallMs: limits.stallMs, log });
  });
  const bound = await bind(server, host, port);
  return {
    url: `http://${reachableHost(host)}:${bound}`,
    port: bound,
    shutdown: (timeoutMs) => shutdown(server, closing, timeoutMs),
  };
}

/** As many connections as the process has files for, and of one address half of them. */
function defaultLimits(trustProxy: boolean): Limits {
  const files = readFileLimit();
  const connections = Math.min(MAX_CONNECTIONS, Math.max(16, Math.floor(files * SHARE_OF_FILES)));
  return {
    ...TIMES,
    connections,
    connectionsPerAddress: trustProxy ? connections : Math.ceil(connections / 2),
  };
}

/** How many files the process may have open; a careful guess where the system does not say. */
function readFileLimit(): number {
  try {
    const found = /^Max open files\s+(\d+)/m.exec(Deno.readTextFileSync("/proc/self/limits"))?.[1];
    return found === undefined ? 1_024 : Number(found);
  } catch {
    return 1_024;
  }
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
function trackPhase(connections: ConnectionLimit, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { socket } = incoming;
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

interface ServeContext {
  readonly closing: AbortSignal;
  readonly stallMs: number;
  readonly log: Log;
}

async function serveRequest(
  app: Hono<AppEnv>,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { closing, stallMs, log }: ServeContext,
): Promise<void> {
  incoming.on("error", () => {});
  outgoing.on("error", () => {});
  const { remoteAddress } = incoming.socket;
  try {
    const response = await respond(() =>
      app.fetch(toRequest(incoming), {
        ...(remoteAddress === undefined ? {} : { remoteAddress }),
        // Made when it is asked for: few requests are.
        get signal() {
          return AbortSignal.any([goneSignal(outgoing), closing]);
        },
      })
    );
    // What is left of the body would be taken for the next request.
    if (!incoming.complete || closing.aborted) outgoing.setHeader("connection", "close");
    await sendResponse(response, outgoing, { stallMs });
  } catch (error) {
    if (!outgoing.destroyed) log("error", `A response broke off: ${toAppError(error).message}`);
    outgoing.destroy();
  }
}

/** The app renders its own errors: what is thrown here is about a request that never reached it. */
async function respond(ask: () => Response | Promise<Response>): Promise<Response> {
  try {
    return await ask();
  } catch (error) {
    return problemResponse(toAppError(error), crypto.randomUUID());
  }
}

function goneSignal(outgoing: ServerResponse): AbortSignal {
  const gone = new AbortController();
  if (outgoing.destroyed) gone.abort();
  outgoing.once("close", () => gone.abort());
  return gone.signal;
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
