import { dirname } from "node:path";
import type { Budget } from "../../../contract/connector/connector.ts";
import { fileError } from "../file_error.ts";
import type { FileReader, LocalCopy, StoredFile } from "../location.ts";
import { type FetchContext, fetchRange } from "./fetch_range.ts";
import type { ByteRange, RemoteObject } from "./remote_object.ts";

/** What is noted as here or missing. */
const BLOCK_BYTES = 1024 * 1024;
/** Blocks of one request, at most. */
const PART_BLOCKS = 8;
const PART_BYTES = PART_BLOCKS * BLOCK_BYTES;
const READ_BYTES = BLOCK_BYTES;

export interface Transfer extends FetchContext {
  /** Gives a place for each connection. */
  readonly budget: Budget;
}

/**
 * A remote file that is read by way of the local disk: what is asked for is brought there first, in parts and several
 * of them at a time, and once only. Who reads it from its beginning on gets what comes next brought ahead.
 */
export class FetchedFile implements StoredFile, LocalCopy {
  readonly path: string;
  readonly shown: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number | null;
  readonly etag: string | null;
  readonly localPath: string;
  readonly #object: RemoteObject;
  readonly #transfer: Transfer;
  /** A block that is here is `true`, one that is coming a promise. */
  #blocks: (true | Promise<void> | undefined)[] = [];
  #missingBytes: number;
  #made: Promise<void> | undefined;
  #isWhole = false;
  #isLeftOut = false;
  #followers: readonly FetchedFile[] = [];
  #stop = new AbortController();

  /** `localPath` is absolute; there is nothing yet. */
  constructor(object: RemoteObject, localPath: string, transfer: Transfer) {
    this.path = object.path;
    this.shown = object.shown;
    this.sizeBytes = object.sizeBytes;
    this.modifiedMs = object.modifiedMs;
    this.etag = object.etag;
    this.localPath = localPath;
    this.#object = object;
    this.#transfer = transfer;
    this.#missingBytes = object.sizeBytes;
  }

  get localCopy(): LocalCopy {
    return this;
  }

  get missingBytes(): number {
    return this.#missingBytes;
  }

  /** Files that will be read after this one: who begins to read it has their beginnings, or ends, brought ahead. */
  precede(followers: readonly FetchedFile[]): void {
    this.#followers = followers;
  }

  leaveOut(): void {
    this.#isLeftOut = true;
  }

  async *read(range?: ByteRange): AsyncIterable<Uint8Array> {
    const end = Math.min(range?.end ?? this.sizeBytes, this.sizeBytes);
    const start = range?.start ?? 0;
    await using reader = await this.#open();
    for (let position = start; position < end;) {
      const bytes = await reader.read(position, Math.min(READ_BYTES, end - position));
      position += bytes.length;
      yield bytes;
    }
    if (this.#missingBytes === 0) await this.#confirm(this.#transfer.signal);
  }

  open(): Promise<FileReader> {
    return this.#open();
  }

  async complete(signal: AbortSignal): Promise<void> {
    await this.#make();
    const lastBlock = blockCount(this.sizeBytes);
    let next = 0;
    const bringNext = async () => {
      while (next < lastBlock) {
        const first = next;
        next += PART_BLOCKS;
        await this.#bring(first, Math.min(next, lastBlock));
        signal.throwIfAborted();
      }
    };
    await Promise.all(Array.from({ length: this.#transfer.budget.limit }, bringNext));
    await this.#confirm(signal);
  }

  async checkUnchanged(): Promise<void> {
    // What is here, or was, is one state of the file, whatever it is there now.
    if (!this.#isWhole) await this.#object.checkUnchanged(this.#transfer.signal);
  }

  async remove(): Promise<void> {
    const coming = this.#blocks.filter((block) => block instanceof Promise);
    this.#stop.abort();
    await Promise.allSettled(coming);
    this.#stop = new AbortController();
    this.#blocks = [];
    this.#missingBytes = this.sizeBytes;
    this.#made = undefined;
    // What cannot be removed goes with the process's folder.
    await Deno.remove(this.localPath).catch(() => {});
  }

  async #confirm(signal: AbortSignal): Promise<void> {
    if (this.#isWhole) return;
    if (!this.#object.isPinned) await this.#object.checkUnchanged(signal);
    this.#isWhole = true;
  }

  async #open(): Promise<FetchedReader> {
    await this.#make();
    try {
      return new FetchedReader(this.sizeBytes, this.shown, await Deno.open(this.localPath), {
        bring: (range) => this.#bringRange(range),
        ahead: (range) => this.#ahead(range),
      });
    } catch (error) {
      throw fileError("read", this.shown, error);
    }
  }

  /** The file on the disk, as large as it will be, with nothing in it. */
  #make(): Promise<void> {
    this.#made ??= (async () => {
      try {
        await Deno.mkdir(dirname(this.localPath), { recursive: true });
        using file = await Deno.open(this.localPath, { write: true, create: true, truncate: true });
        await file.truncate(this.sizeBytes);
      } catch (error) {
        throw fileError("write", this.localPath, error);
      }
    })();
    return this.#made;
  }

  async #bringRange({ start, end }: ByteRange): Promise<void> {
    for (const follower of this.#followers) follower.#bringEnd(start > 0 && end === this.sizeBytes);
    this.#followers = [];
    await this.#bring(Math.floor(start / BLOCK_BYTES), blockCount(end));
  }

  #bringEnd(isTail: boolean): void {
    if (this.#isLeftOut) return;
    const blocks = blockCount(this.sizeBytes);
    const first = isTail ? Math.max(0, blocks - 1) : 0;
    // Whoever reads it will wait for it, and hear what went wrong.
    this.#bring(first, Math.min(first + 1, blocks)).catch(() => {});
  }

  /**
   * Whoever reads on will wait for it, and hear what went wrong. What is much is asked for in whole parts: each request
   * takes its time, whatever it brings.
   */
  #ahead({ start, end }: ByteRange): void {
    const whole = end - start < PART_BYTES ? end : Math.ceil(end / PART_BYTES) * PART_BYTES;
    this.#bringRange({ start, end: Math.min(whole, this.sizeBytes) }).catch(() => {});
  }

  /** Waits until all blocks from the first to before the last are here. */
  async #bring(first: number, last: number): Promise<void> {
    const waits: Promise<void>[] = [];
    for (let block = first; block < last; block++) {
      const known = this.#blocks[block];
      if (known === true) continue;
      if (known === undefined) this.#begin(block, this.#endOfGap(block, last));
      const coming = this.#blocks[block];
      if (coming instanceof Promise) waits.push(coming);
    }
    await Promise.all(waits);
  }

  #endOfGap(first: number, last: number): number {
    let end = first + 1;
    while (end < last && end - first < PART_BLOCKS && this.#blocks[end] === undefined) end++;
    return end;
  }

  /** Begins to bring blocks of which none is here or coming. */
  #begin(first: number, last: number): void {
    const blocks = Array.from({ length: last - first }, () => Promise.withResolvers<void>());
    blocks.forEach(({ promise }, index) => {
      promise.catch(() => {});
      this.#blocks[first + index] = promise;
    });
    const arrived = (index: number) => {
      this.#blocks[first + index] = true;
      this.#missingBytes -= Math.min(BLOCK_BYTES, this.sizeBytes - (first + index) * BLOCK_BYTES);
      blocks[index]?.resolve();
    };
    const failed = (error: unknown) => {
      blocks.forEach(({ promise, reject }, index) => {
        if (this.#blocks[first + index] === promise) this.#blocks[first + index] = undefined;
        reject(error);
      });
    };
    this.#fetch(first, last, arrived).catch(failed);
  }

  async #fetch(first: number, last: number, arrived: (index: number) => void): Promise<void> {
    const signal = AbortSignal.any([this.#transfer.signal, this.#stop.signal]);
    await this.#make();
    using _place = await this.#transfer.budget.acquire(signal);
    const range = { start: first * BLOCK_BYTES, end: Math.min(last * BLOCK_BYTES, this.sizeBytes) };
    using file = await this.#openAt(range.start);
    const held: Uint8Array[] = [];
    let position = range.start;
    let heldBytes = 0;
    let index = 0;
    for await (const bytes of fetchRange(this.#object, range, { ...this.#transfer, signal })) {
      held.push(bytes);
      heldBytes += bytes.length;
      position += bytes.length;
      if (heldBytes < READ_BYTES && position < range.end) continue;
      await this.#write(file, held.splice(0), heldBytes);
      heldBytes = 0;
      const whole = position === range.end ? last - first : Math.floor(position / BLOCK_BYTES) - first;
      while (index < whole) arrived(index++);
    }
  }

  async #openAt(position: number): Promise<Deno.FsFile> {
    try {
      const file = await Deno.open(this.localPath, { write: true });
      await file.seek(position, Deno.SeekMode.Start);
      return file;
    } catch (error) {
      throw fileError("write", this.localPath, error);
    }
  }

  async #write(file: Deno.FsFile, chunks: readonly Uint8Array[], length: number): Promise<void> {
    const [only] = chunks;
    let bytes = only !== undefined && chunks.length === 1 ? only : new Uint8Array(length);
    if (chunks.length > 1) {
      let at = 0;
      for (const chunk of chunks) {
        bytes.set(chunk, at);
        at += chunk.length;
      }
    }
    try {
      while (bytes.length > 0) bytes = bytes.subarray(await file.write(bytes));
    } catch (error) {
      throw fileError("write", this.localPath, error);
    }
  }
}

/** How many files are looked ahead. */
const FOLLOWERS = 8;

/** Has each of the files, which will be read in this order, precede those that follow it. */
export function readInOrder(files: readonly FetchedFile[]): void {
  for (const [index, file] of files.entries()) file.precede(files.slice(index + 1, index + 1 + FOLLOWERS));
}

const blockCount = (bytes: number) => Math.ceil(bytes / BLOCK_BYTES);

/** What is brought ahead of a reader at first, and at most. */
const FIRST_AHEAD_BYTES = BLOCK_BYTES;
const MOST_AHEAD_BYTES = 4 * PART_BYTES;

class FetchedReader implements FileReader {
  readonly #sizeBytes: number;
  readonly #shown: string;
  readonly #handle: Deno.FsFile;
  readonly #source: {
    /** Waits until the bytes are on the disk. */
    bring(range: ByteRange): Promise<void>;
    ahead(range: ByteRange): void;
  };
  #next = 0;
  #aheadBytes = 0;

  constructor(
    sizeBytes: number,
    shown: string,
    handle: Deno.FsFile,
    source: { bring(range: ByteRange): Promise<void>; ahead(range: ByteRange): void },
  ) {
    this.#sizeBytes = sizeBytes;
    this.#shown = shown;
    this.#handle = handle;
    this.#source = source;
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    const end = Math.min(position + length, this.#sizeBytes);
    if (end <= position) return new Uint8Array();
    const isNext = position === this.#next && position > 0;
    this.#next = end;
    this.#aheadBytes = isNext
      ? Math.min(Math.max(2 * this.#aheadBytes, FIRST_AHEAD_BYTES), MOST_AHEAD_BYTES)
      : 0;
    const brought = this.#source.bring({ start: position, end });
    if (this.#aheadBytes > 0) this.#source.ahead({ start: end, end: end + this.#aheadBytes });
    await brought;
    try {
      const buffer = new Uint8Array(end - position);
      await this.#handle.seek(position, Deno.SeekMode.Start);
      for (let filled = 0; filled < buffer.length;) {
        const count = await this.#handle.read(buffer.subarray(filled));
        if (count === null) throw new Error("its copy on the local disk was cut short");
        filled += count;
      }
      return buffer;
    } catch (error) {
      throw fileError("read", this.#shown, error);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#handle.close();
    return Promise.resolve();
  }
}
