import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { join } from "node:path";
import type { Hono } from "hono";
import { AppError } from "../../../contract/errors.ts";
import type { Log } from "../../../contract/log.ts";
import type { AppEnv } from "../app_env.ts";
import { serveRequest } from "../serve_request.ts";

/** A socket's address in the kernel has 108 bytes, on some systems 104, and a zero at its end. */
const MAX_PATH_BYTES = 103;
const STALL_MS = 60_000;

/** Where commands on this machine reach a server that speaks TLS with all others. */
export interface LocalSocket extends AsyncDisposable {
  /** Absolute. */
  readonly path: string;
}

export interface LocalSocketOptions {
  /** The data folder: nobody but its user gets into it. */
  readonly dataDir: string;
  readonly log: Log;
}

/**
 * Serves the app at a Unix socket in the data folder. The kernel lets in whoever may open that folder: there
 * is no line that others could listen to, and no certificate that commands would have to know. Throws `invalid`
 * where no socket can be made.
 */
export async function listenLocally(
  app: Hono<AppEnv>,
  { dataDir, log }: LocalSocketOptions,
): Promise<LocalSocket> {
  const closing = new AbortController();
  const open = new Set<Socket>();
  const server = createServer();
  server.on("connection", (socket: Socket) => {
    socket.on("error", () => {});
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  server.on("request", (incoming: IncomingMessage, outgoing: ServerResponse) => {
    void serveRequest(app, incoming, outgoing, { closing: closing.signal, stallMs: STALL_MS, log });
  });
  const { path, folder } = await bindIn(server, dataDir);
  return {
    path,
    async [Symbol.asyncDispose]() {
      closing.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of open) socket.destroy();
      await closed;
      await Deno.remove(folder ?? path, { recursive: true }).catch(() => {});
    },
  };
}

interface Place {
  readonly path: string;
  /** Made for the socket alone. */
  readonly folder: string | undefined;
}

/** In the data folder; where its path is too long or its disk takes no sockets, in a folder of its own. */
async function bindIn(server: Server, dataDir: string): Promise<Place> {
  const usual = join(dataDir, "server.sock");
  if (new TextEncoder().encode(usual).length <= MAX_PATH_BYTES) {
    // Who holds the data folder is alone: the socket of one that was killed is nobody's.
    await Deno.remove(usual).catch(() => {});
    if (await bind(server, usual) === undefined) return { path: usual, folder: undefined };
  }
  const folder = await Deno.makeTempDir({ prefix: "sluice-" });
  const path = join(folder, "server.sock");
  const error = await bind(server, path);
  if (error === undefined) return { path, folder };
  await Deno.remove(folder, { recursive: true });
  throw new AppError("invalid", `Cannot make a socket for commands on this machine: ${error.message}`, {
    cause: error,
  });
}

/** Undefined where it went well. */
async function bind(server: Server, path: string): Promise<Error | undefined> {
  const { promise, resolve } = Promise.withResolvers<Error | undefined>();
  server.once("error", resolve);
  server.listen({ path }, () => resolve(undefined));
  const error = await promise;
  server.off("error", resolve);
  if (error === undefined) await Deno.chmod(path, 0o600);
  return error;
}
