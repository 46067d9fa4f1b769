import type { Duplex } from "node:stream";
import { ConnectionLostError, describeSocketError } from "./failures.ts";

/** A socket whose data is always there starves timers (signals, progress): breathe this often. */
const YIELD_EVERY_MS = 8;
/** Bytes that may wait here unread before the socket is paused. */
const READ_AHEAD_BYTES = 262_144;
/** What comes in smaller pieces while much is to come is left to gather for so long. */
const SMALL_BYTES = 32_768;
const GATHER_MS = 1;

/** The bytes of a socket, pulled: nothing is read from the network that nobody asked for. */
export class SocketBytes {
  readonly #socket: Duplex;
  readonly #chunks: Uint8Array[] = [];
  #waitingBytes = 0;
  #isGathering = false;
  #isLastSmall = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;
  #lastYieldMs = performance.now();

  constructor(socket: Duplex) {
    this.#socket = socket;
    socket.pause();
    socket.on("data", (chunk: Uint8Array) => {
      this.#chunks.push(chunk);
      this.#waitingBytes += chunk.length;
      this.#isLastSmall = chunk.length < SMALL_BYTES;
      if (this.#waitingBytes >= READ_AHEAD_BYTES || this.#mayGather) socket.pause();
      this.#wakeReader();
    });
    socket.on("end", () => this.fail(new ConnectionLostError("the server closed the connection")));
    socket.on("error", (error: Error) => this.fail(error));
    socket.on("close", () => this.fail(new ConnectionLostError("the connection was closed")));
  }

  /**
   * Whether much is to come. Each piece that is read costs the same, however small it is, and a reader that
   * is faster than the server would get all in small ones: there, bytes are left for a moment where the
   * system collects them.
   */
  set gathers(isGathering: boolean) {
    this.#isGathering = isGathering;
  }

  get #mayGather(): boolean {
    return this.#isGathering && this.#isLastSmall;
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
      if (this.#mayGather && this.#socket.isPaused()) {
        await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
        this.#isLastSmall = false;
        // The connection may have ended meanwhile.
        continue;
      }
      this.#socket.resume();
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#lastYieldMs = performance.now();
    }
  }

  /** What `read` throws once the bytes that came are read. The first reason stays. */
  fail(error: Error): void {
    this.#failure ??= error instanceof ConnectionLostError || !("code" in error)
      ? error
      : new ConnectionLostError(describeSocketError(error), { cause: error });
    this.#wakeReader();
  }

  #wakeReader(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
