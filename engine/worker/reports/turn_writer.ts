import { setImmediate } from "node:timers";

/** More than this does not wait for the end of the turn. */
const MAX_WAITING_BYTES = 256 * 1024;

/**
 * Writes together what is written in one turn of the event loop: the end of a step, its line in the log and the beginning
 * of the next are one write, and one read for who gets them.
 */
export class TurnWriter {
  readonly #write: (bytes: Uint8Array) => void;
  #waiting: Uint8Array[] = [];
  #size = 0;

  /** `write` takes all of the bytes before it returns. */
  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  write(bytes: Uint8Array): void {
    if (this.#waiting.length === 0) setImmediate(() => this.flush());
    this.#waiting.push(bytes);
    this.#size += bytes.length;
    if (this.#size > MAX_WAITING_BYTES) this.flush();
  }

  /** Writes what waits at once. */
  flush(): void {
    if (this.#waiting.length === 0) return;
    const bytes = new Uint8Array(this.#size);
    let at = 0;
    for (const one of this.#waiting) {
      bytes.set(one, at);
      at += one.length;
    }
    this.#waiting = [];
    this.#size = 0;
    this.#write(bytes);
  }
}
