import { HEAD_BYTES, KEY_BYTES, writeHead } from "../sandbox/frames.ts";
import { Arena } from "./arena.ts";

/** What a frame is read from and written to; taken before the script runs. */
export interface Ends {
  read(bytes: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
}

/** Frames are written one after the other while the script goes on; so many may wait. */
const MAX_WAITING = 2;

/** The runner's side of the frames. */
export class Channel {
  readonly #ends: Ends;
  readonly #free: Arena[] = [];
  #key = new Uint8Array(KEY_BYTES);
  #written: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(ends: Ends) {
    this.#ends = ends;
  }

  set key(key: string) {
    this.#key = Uint8Array.fromHex(key);
  }

  /** The next frame of the run's process; undefined where it is gone. */
  async next(): Promise<{ readonly kind: number; readonly payload: Uint8Array } | undefined> {
    const head = await this.#read(HEAD_BYTES);
    if (head === undefined) return undefined;
    const length = new DataView(head.buffer).getUint32(0, true);
    const payload = await this.#read(length);
    return payload === undefined ? undefined : { kind: head[4] ?? 0, payload };
  }

  arena(): Arena {
    return this.#free.pop() ?? new Arena();
  }

  /** Sends the frame that was made in the arena, which belongs to the channel from now on. */
  sendArena(kind: number, arena: Arena): void {
    writeHead(arena.bytes, kind, arena.used - HEAD_BYTES, this.#key);
    this.#send(arena.bytes.subarray(0, arena.used), () => this.#free.push(arena));
  }

  send(kind: number, value: unknown): void {
    this.sendBytes(kind, new TextEncoder().encode(JSON.stringify(value)));
  }

  sendBytes(kind: number, payload: Uint8Array): void {
    const bytes = new Uint8Array(HEAD_BYTES + payload.length);
    writeHead(bytes, kind, payload.length, this.#key);
    bytes.set(payload, HEAD_BYTES);
    this.#send(bytes, () => {});
  }

  /** Waits until few frames wait. */
  async room(): Promise<void> {
    while (this.#waiting >= MAX_WAITING) await this.#written;
  }

  /** Waits until all frames are written. */
  async flush(): Promise<void> {
    await this.#written;
  }

  #send(bytes: Uint8Array, onWritten: () => void): void {
    this.#waiting++;
    const before = this.#written;
    this.#written = (async () => {
      await before;
      for (let at = 0; at < bytes.length;) at += await this.#ends.write(bytes.subarray(at));
      this.#waiting--;
      onWritten();
    })();
  }

  async #read(length: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const bytes = new Uint8Array(length);
    for (let filled = 0; filled < length;) {
      const count = await this.#ends.read(bytes.subarray(filled));
      if (count === null) return undefined;
      filled += count;
    }
    return bytes;
  }
}
