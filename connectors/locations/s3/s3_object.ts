import type { ByteRange, RemoteObject } from "../remote/remote_object.ts";
import { changed, type ObjectInfo, type S3Store } from "./s3_store.ts";

/** An object of a bucket as it was when it was found. */
export class S3Object implements RemoteObject {
  readonly path: string;
  readonly shown: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number | null;
  readonly etag: string | null;
  readonly #key: string;
  readonly #store: S3Store;

  constructor(store: S3Store, { key, sizeBytes, modifiedMs, etag }: ObjectInfo) {
    this.path = pathOfKey(key);
    this.shown = store.shown(key);
    this.sizeBytes = sizeBytes;
    this.modifiedMs = modifiedMs;
    this.etag = etag;
    this.#key = key;
    this.#store = store;
  }

  /** Every part is asked for with the ETag. */
  get isPinned(): boolean {
    return this.etag !== null;
  }

  read(range: ByteRange, signal: AbortSignal): AsyncIterable<Uint8Array> {
    return this.#store.get(this.#key, range, this.etag, signal);
  }

  async checkUnchanged(signal: AbortSignal): Promise<void> {
    const now = await this.#store.head(this.#key, signal);
    if (now === undefined) throw changed(this.shown, "it was removed");
    const isSame = now.etag === this.etag && now.sizeBytes === this.sizeBytes &&
      now.modifiedMs === this.modifiedMs;
    if (!isSame) throw changed(this.shown, "it changed");
  }
}

/** Paths of a bucket begin with a slash, keys with whatever they begin with. */
export const pathOfKey = (key: string): string => `/${key}`;
export const keyOfPath = (path: string): string => path.slice(1);
