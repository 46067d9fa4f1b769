import { once } from "node:events";
import { connect as connectTo, createServer, type Server, type Socket } from "node:net";
import { AppError, toAppError } from "../../../contract/errors.ts";
import type { HostGuard, JudgedHost } from "./host_guard.ts";
import { type ByteSource, readRequest, REPLY, type Reply, replyBytes, signIn, SocksFault } from "./socks.ts";

/** How long a client may take to say where it wants to go. */
const OPENING_MS = 10_000;
/** How long an address may take to accept a connection, before the next one is tried. */
const CONNECTING_MS = 10_000;
/** Connections of one process at a time. */
const MAX_CONNECTIONS = 256;

/** A process that may use the proxy. Disposing of it ends its connections. */
export interface Admission extends Disposable {
  /** What the process signs in with. */
  readonly token: string;
}

interface Guest {
  readonly guard: HostGuard;
  /** Those of its clients; what they are joined with goes with them. */
  readonly clients: Set<Socket>;
}

/**
 * The way out for requests whose address comes from a definition or from a server's answer: a process says which host it
 * wants, and the connection is made here, to the address that was judged. So a name that changes its meaning between the
 * judgement and the connection leads nowhere, and a redirect is judged as the first request is. Listens on the loopback
 * address once the first process needs it.
 */
export class EgressProxy implements AsyncDisposable {
  readonly #guests = new Map<string, Guest>();
  readonly #clients = new Set<Socket>();
  #listening: Promise<Server> | undefined;

  /** Where it listens, as `127.0.0.1:1080`. Throws `unavailable` where it cannot. */
  async open(): Promise<string> {
    const address = (await (this.#listening ??= this.#listen())).address();
    if (address === null || typeof address === "string") throw new Error("The server has no port");
    return `${address.address}:${address.port}`;
  }

  admit(guard: HostGuard): Admission {
    const token = crypto.randomUUID();
    const guest: Guest = { guard, clients: new Set() };
    this.#guests.set(token, guest);
    return {
      token,
      [Symbol.dispose]: () => {
        this.#guests.delete(token);
        for (const client of guest.clients) client.resetAndDestroy();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const server = await this.#listening?.catch(() => undefined);
    this.#guests.clear();
    if (server === undefined) return;
    const closed = once(server, "close");
    server.close();
    for (const client of this.#clients) client.resetAndDestroy();
    await closed;
  }

  async #listen(): Promise<Server> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      this.#clients.add(client);
      client.once("close", () => this.#clients.delete(client));
      // What ends a connection is seen by whoever waits for its bytes.
      client.on("error", () => {});
      void this.#serve(client).catch(() => client.resetAndDestroy());
    });
    try {
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
    } catch (error) {
      throw new AppError("unavailable", "Cannot listen on 127.0.0.1 for the requests of connectors", {
        cause: error,
      });
    }
    // It alone keeps no program alive.
    server.unref();
    return server;
  }

  /** Throws where the client is to be cut off. */
  async #serve(client: Socket): Promise<void> {
    const timer = setTimeout(() => client.resetAndDestroy(), OPENING_MS);
    try {
      const source = new SocketBytes(client);
      const write = (bytes: Uint8Array) => client.write(bytes);
      const guest = this.#guests.get(await signIn(source, write, (password) => this.#guests.has(password)));
      const asked = await readRequest(source);
      clearTimeout(timer);
      if (guest === undefined || guest.clients.size >= MAX_CONNECTIONS) throw new SocksFault("no room");
      guest.clients.add(client);
      client.once("close", () => guest.clients.delete(client));
      const target = typeof asked === "string" ? await connect(guest.guard, asked) : asked;
      if (typeof target === "number") client.end(replyBytes(target));
      else {
        client.write(replyBytes(REPLY.done));
        join(client, target);
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

/** The first of the judged addresses that accepts a connection. */
async function connect(guard: HostGuard, host: string): Promise<Socket | Reply> {
  let judged: JudgedHost;
  try {
    judged = await guard.judge(host);
  } catch (error) {
    return toAppError(error).code === "forbidden" ? REPLY.refused : REPLY.unreachable;
  }
  let reply: Reply = REPLY.unreachable;
  for (const address of judged.addresses) {
    const socket = connectTo({ host: address, port: judged.port, allowHalfOpen: true, noDelay: true });
    try {
      await once(socket, "connect", { signal: AbortSignal.timeout(CONNECTING_MS) });
      return socket;
    } catch (error) {
      // The next one may accept it.
      socket.destroy();
      const isRefused = error instanceof Error && "code" in error && error.code === "ECONNREFUSED";
      reply = isRefused ? REPLY.connectionRefused : REPLY.unreachable;
    }
  }
  return reply;
}

/** Passes on what comes from either side, and how it ends: what was cut must not look as if it had ended. */
function join(client: Socket, target: Socket): void {
  for (const [from, to] of [[client, target], [target, client]] as const) {
    from.pipe(to);
    from.once("error", () => to.resetAndDestroy());
    from.once("close", () => {
      if (!from.readableEnded) to.resetAndDestroy();
      else to.end();
    });
    if (from.destroyed) to.resetAndDestroy();
  }
}

class SocketBytes implements ByteSource {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** No more than that, since what follows is not for the proxy. */
  async take(count: number): Promise<Uint8Array> {
    if (count === 0) return new Uint8Array();
    while (true) {
      const bytes: unknown = this.#socket.read(count);
      if (bytes instanceof Uint8Array && bytes.length === count) return bytes;
      if (bytes !== null || this.#socket.readableEnded || this.#socket.destroyed) {
        throw new SocksFault("it ended");
      }
      const changed = new AbortController();
      const { signal } = changed;
      try {
        await Promise.race(
          ["readable", "end", "close"].map((event) => once(this.#socket, event, { signal })),
        );
      } finally {
        changed.abort();
      }
    }
  }
}
