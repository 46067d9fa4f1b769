import { isIP, type Socket } from "node:net";
import net from "node:net";
import tls from "node:tls";
import { sslRequest } from "./messages.ts";
import { ConnectionLostError, HandshakeError } from "./server_error.ts";
import { socketPath } from "../socket_path.ts";

/** A socket whose data is always there starves timers (signals, progress): breathe this often. */
const YIELD_EVERY_MS = 8;

export type SslMode = "disable" | "prefer" | "require" | "verify-full";

export interface Endpoint {
  /** A host's name or address, or the absolute path of the folder that holds the Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly ssl: SslMode;
  /** PEM text of the authorities that may vouch for the server, with `verify-full`. */
  readonly authorities: string | undefined;
  readonly connectTimeoutMs: number;
}

/** Bytes that may wait here unread before the socket is paused. */
const READ_AHEAD_BYTES = 262_144;
const KEEP_ALIVE_MS = 30_000;

/** A connection as bytes that are pulled: nothing is read from the network that nobody asked for. */
export class WireSocket {
  readonly #socket: Socket;
  readonly #isLocal: boolean;
  readonly #chunks: Uint8Array[] = [];
  #waitingBytes = 0;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;
  #rejectWrite: ((error: Error) => void) | undefined;
  #lastYieldMs = performance.now();
  readonly #closed = Promise.withResolvers<void>();

  private constructor(socket: Socket, isLocal: boolean) {
    this.#socket = socket;
    this.#isLocal = isLocal;
    this.#listen(socket);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.setNoDelay(true);
  }

  /** Throws ConnectionLostError where nobody answers in time, HandshakeError where TLS fails. */
  static async connect(endpoint: Endpoint, signal: AbortSignal): Promise<WireSocket> {
    signal.throwIfAborted();
    const path = socketPath(endpoint);
    const socket = path === undefined
      ? net.connect({ host: endpoint.host, port: endpoint.port })
      : net.connect({ path });
    const timeout = AbortSignal.timeout(endpoint.connectTimeoutMs);
    const stop = AbortSignal.any([signal, timeout]);
    const abort = () => socket.destroy();
    stop.addEventListener("abort", abort, { once: true });
    try {
      await settled(socket, "connect");
      const isPlain = path !== undefined || endpoint.ssl === "disable";
      return new WireSocket(isPlain ? socket : await secure(socket, endpoint), path !== undefined);
    } catch (error) {
      socket.destroy();
      signal.throwIfAborted();
      if (timeout.aborted) {
        throw new ConnectionLostError(`no answer within ${endpoint.connectTimeoutMs / 1000} s`, {
          cause: error,
        });
      }
      throw error;
    } finally {
      stop.removeEventListener("abort", abort);
    }
  }

  /** Whether nobody on the network can read along. */
  get isPrivate(): boolean {
    return this.#isLocal || this.#socket instanceof tls.TLSSocket;
  }

  /** Whether bytes of the server wait to be read. */
  get hasUnread(): boolean {
    return this.#waitingBytes > 0;
  }

  /** The next bytes. Throws ConnectionLostError at the end: the protocol never ends by silence. */
  async read(): Promise<Uint8Array> {
    if (performance.now() - this.#lastYieldMs > YIELD_EVERY_MS) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      this.#lastYieldMs = performance.now();
    }
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#waitingBytes -= chunk.length;
        return chunk;
      }
      if (this.#failure !== undefined) throw this.#failure;
      this.#socket.resume();
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#lastYieldMs = performance.now();
    }
  }

  /** Resolves when the bytes may be changed again. */
  write(bytes: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // A write that is under way when the socket closes may never be called back.
    this.#rejectWrite = reject;
    this.#socket.write(bytes, (error) => error ? reject(this.#fail(error)) : resolve());
    return promise;
  }

  /** Ends the connection after what was written; the promise resolves when the socket is closed. */
  async end(bytes: Uint8Array): Promise<void> {
    if (this.#failure === undefined) {
      this.#socket.resume();
      this.#socket.end(bytes);
      const tooLong = setTimeout(() => this.#socket.destroy(), 1_000);
      await this.#closed.promise;
      clearTimeout(tooLong);
    }
    await this.#closed.promise;
  }

  /** Cuts the connection; reads and writes under way throw `reason`. */
  async destroy(reason?: Error): Promise<void> {
    this.#fail(reason ?? new ConnectionLostError("the connection was closed"));
    this.#socket.destroy();
    await this.#closed.promise;
  }

  #listen(socket: Socket): void {
    socket.pause();
    socket.on("data", (chunk: Uint8Array) => {
      this.#chunks.push(chunk);
      this.#waitingBytes += chunk.length;
      if (this.#waitingBytes >= READ_AHEAD_BYTES) socket.pause();
      this.#wakeReader();
    });
    socket.on("end", () => this.#fail(new ConnectionLostError("the server closed the connection")));
    socket.on("error", (error: Error) => this.#fail(error));
    socket.on("close", () => {
      this.#fail(new ConnectionLostError("the connection was closed"));
      this.#closed.resolve();
    });
  }

  #fail(error: Error): Error {
    this.#failure ??= error instanceof ConnectionLostError || !("code" in error)
      ? error
      : new ConnectionLostError(describeSocketError(error), { cause: error });
    this.#wakeReader();
    this.#rejectWrite?.(this.#failure);
    return this.#failure;
  }

  #wakeReader(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}

/** Waits for the event; throws what the socket reports instead. */
async function settled(socket: Socket, event: "connect" | "secureConnect"): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const closed = () => reject(new ConnectionLostError("the connection was closed"));
  const failed = (error: Error) =>
    reject(new ConnectionLostError(describeSocketError(error), { cause: error }));
  socket.once(event, resolve).once("error", failed).once("close", closed);
  try {
    await promise;
  } finally {
    socket.off(event, resolve).off("error", failed).off("close", closed);
  }
}

/** Asks the server for TLS as libpq does, then shakes hands. */
async function secure(socket: Socket, endpoint: Endpoint): Promise<Socket> {
  const answer = await firstByte(socket);
  if (answer === "N" && endpoint.ssl === "prefer") return socket;
  if (answer !== "S") {
    throw new HandshakeError(
      "encryption",
      "the server does not offer TLS; set ssl: disable if that is right",
    );
  }
  const verified = endpoint.ssl === "verify-full";
  const secured = tls.connect({
    socket,
    rejectUnauthorized: verified,
    ...(isIP(endpoint.host) === 0 ? { servername: endpoint.host } : { host: endpoint.host }),
    ...(endpoint.authorities === undefined ? {} : { ca: endpoint.authorities }),
  });
  try {
    await settled(secured, "secureConnect");
  } catch (error) {
    secured.destroy();
    const met = error instanceof Error ? error.message : String(error);
    throw new HandshakeError("encryption", `the TLS handshake failed: ${met}`, { cause: error });
  }
  return secured;
}

async function firstByte(socket: Socket): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const data = (bytes: Uint8Array) => {
    // Pausing here keeps a byte of the handshake from being read before TLS listens.
    socket.pause();
    // More than the one byte could be a middleman's plain text put before the TLS stream.
    if (bytes.length === 1) resolve(String.fromCharCode(bytes[0] ?? 0));
    else {reject(
        new HandshakeError("encryption", "the server answered the TLS request with more than a byte"),
      );}
  };
  const closed = () => reject(new ConnectionLostError("the server closed the connection"));
  socket.once("data", data).once("close", closed);
  socket.write(sslRequest());
  try {
    return await promise;
  } finally {
    socket.off("data", data).off("close", closed);
  }
}

function describeSocketError(error: Error): string {
  const code = "code" in error ? String(error.code) : "";
  const known: Readonly<Record<string, string>> = {
    ECONNREFUSED: "connection refused",
    ECONNRESET: "the connection was reset",
    EPIPE: "the connection was reset",
    ENOTFOUND: "no host of that name",
    ETIMEDOUT: "no answer",
    EHOSTUNREACH: "the host cannot be reached",
    ENETUNREACH: "the network cannot be reached",
    ENOENT: "no socket at that path",
  };
  return known[code] ?? error.message;
}
