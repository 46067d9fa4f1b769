import { GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, type S3Client } from "@aws-sdk/client-s3";
import type { Clock } from "../../../contract/clock.ts";
import type { Budget } from "../../../contract/connector/connector.ts";
import { AppError } from "../../../contract/errors.ts";
import { bodyChunks } from "../remote/body_chunks.ts";
import type { ByteRange } from "../remote/remote_object.ts";
import { sendByFetch } from "./range_fetch.ts";
import { type Asked, isConditionFailure, s3Error, statusOf } from "./s3_error.ts";
import type { S3Settings } from "./settings.ts";

/** What is known of an object without its bytes. */
export interface ObjectInfo {
  readonly key: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number | null;
  readonly etag: string | null;
}

export interface KnownObject extends ObjectInfo {
  /** What was written with it, by names in lower case. */
  readonly metadata: Readonly<Record<string, string>>;
}

export interface StoreContext {
  readonly clock: Clock;
  /** Gives a place for each connection that moves data. */
  readonly budget: Budget;
  readonly signal: AbortSignal;
  log(message: string): void;
}

/** One bucket as it is read. Every method throws AppError, and ends with the context's signal. */
export class S3Store {
  readonly context: StoreContext;
  readonly settings: S3Settings;
  readonly client: S3Client;

  constructor(client: S3Client, settings: S3Settings, context: StoreContext) {
    this.context = context;
    this.settings = settings;
    this.client = client;
  }

  shown(key: string): string {
    return `s3://${this.settings.bucket}/${key}`;
  }

  /** Undefined where there is no such object. */
  async head(key: string, signal = this.context.signal): Promise<KnownObject | undefined> {
    try {
      const found = await this.client.send(
        new HeadObjectCommand({ ...this.object(key), ...this.customerKey() }),
        { abortSignal: signal },
      );
      return {
        key,
        sizeBytes: found.ContentLength ?? 0,
        modifiedMs: found.LastModified?.getTime() ?? null,
        etag: found.ETag ?? null,
        metadata: found.Metadata ?? {},
      };
    } catch (error) {
      signal.throwIfAborted();
      // A missing bucket is told by a GET alone: an answer to HEAD has no body.
      if (statusOf(error) === 404) return undefined;
      throw s3Error({ verb: "read", shown: this.shown(key), right: "s3:GetObject" }, error);
    }
  }

  /**
   * The bytes of the range, as they come: who takes them looks whether they are all. Throws `unavailable` where the
   * object has another ETag by now, or is gone.
   */
  async *get(
    key: string,
    range: ByteRange,
    etag: string | null,
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    const asked: Asked = { verb: "read", shown: this.shown(key), right: "s3:GetObject" };
    let body: AsyncIterable<Uint8Array> & Destroyable | undefined;
    const stop = () => body?.destroy?.();
    try {
      const command = new GetObjectCommand({
        ...this.object(key),
        ...this.customerKey(),
        Range: `bytes=${range.start}-${range.end - 1}`,
        ...(etag === null ? {} : { IfMatch: etag }),
      });
      // The SDK's own handler has been told whom to trust.
      if (this.settings.authorities === undefined) sendByFetch(command, signal);
      const found = await this.client.send(command, { abortSignal: signal });
      if (found.ContentRange === undefined && range.start > 0) {
        throw new AppError("invalid", `Cannot read "${asked.shown}": the store does not give parts of files`);
      }
      if (!isBody(found.Body)) throw new AppError("internal", `Cannot read "${asked.shown}": it has no body`);
      body = found.Body;
      signal.addEventListener("abort", stop, { once: true });
      if (body instanceof ReadableStream) yield* bodyChunks(body);
      else yield* body;
      signal.throwIfAborted();
    } catch (error) {
      signal.throwIfAborted();
      if (isConditionFailure(error)) throw changed(asked.shown, "it changed");
      if (statusOf(error) === 404) throw changed(asked.shown, "it was removed");
      throw s3Error(asked, error);
    } finally {
      signal.removeEventListener("abort", stop);
      stop();
    }
  }

  /** A small object whole; undefined where there is none. */
  async getAll(key: string): Promise<(ObjectInfo & { readonly bytes: Uint8Array }) | undefined> {
    const { signal } = this.context;
    try {
      const found = await this.client.send(
        new GetObjectCommand({ ...this.object(key), ...this.customerKey() }),
        { abortSignal: signal },
      );
      const bytes = await found.Body?.transformToByteArray() ?? new Uint8Array();
      if (bytes.length !== found.ContentLength) throw new Error("the connection ended before the file did");
      const modifiedMs = found.LastModified?.getTime() ?? null;
      return { key, bytes, sizeBytes: bytes.length, modifiedMs, etag: found.ETag ?? null };
    } catch (error) {
      signal.throwIfAborted();
      const isBucket = error instanceof Error && error.name === "NoSuchBucket";
      if (statusOf(error) === 404 && !isBucket) return undefined;
      throw s3Error({ verb: "read", shown: this.shown(key), right: "s3:GetObject" }, error);
    }
  }

  /** The objects whose keys begin with the prefix, in the order of their keys; `isFlat`: not those behind a further slash. */
  async *list(prefix: string, isFlat: boolean): AsyncIterable<ObjectInfo> {
    const { signal } = this.context;
    let token: string | undefined;
    do {
      const page = await this.#listPage(prefix, isFlat, token);
      for (const { Key, Size, LastModified, ETag } of page.Contents ?? []) {
        if (Key === undefined) continue;
        yield {
          key: page.EncodingType === "url" ? decodeKey(Key) : Key,
          sizeBytes: Size ?? 0,
          modifiedMs: LastModified?.getTime() ?? null,
          etag: ETag ?? null,
        };
      }
      const next = page.IsTruncated === true ? page.NextContinuationToken : undefined;
      if (page.IsTruncated === true && (next === undefined || next === token)) {
        throw new AppError("unavailable", `Cannot list "${this.shown(prefix)}": the store's list has no end`);
      }
      token = next;
      signal.throwIfAborted();
    } while (token !== undefined);
  }

  async #listPage(prefix: string, isFlat: boolean, token: string | undefined) {
    const { signal } = this.context;
    try {
      return await this.client.send(
        new ListObjectsV2Command({
          Bucket: this.settings.bucket,
          ...this.payer(),
          Prefix: prefix,
          // XML cannot hold every character of a key.
          EncodingType: "url",
          ...(isFlat ? { Delimiter: "/" } : {}),
          ...(token === undefined ? {} : { ContinuationToken: token }),
        }),
        { abortSignal: signal },
      );
    } catch (error) {
      signal.throwIfAborted();
      throw s3Error({ verb: "list", shown: this.shown(prefix), right: "s3:ListBucket" }, error);
    }
  }

  /** What every request for an object names. */
  object(key: string) {
    return { Bucket: this.settings.bucket, Key: key, ...this.payer() };
  }

  payer(): { RequestPayer?: "requester" } {
    return this.settings.isRequesterPays ? { RequestPayer: "requester" } : {};
  }

  /** What a request for the bytes of an object, or about them, says of the key that they are encrypted with. */
  customerKey(): { SSECustomerAlgorithm?: string; SSECustomerKey?: string } {
    const { customerKey } = this.settings.encryption;
    if (customerKey === undefined) return {};
    return { SSECustomerAlgorithm: "AES256", SSECustomerKey: customerKey.reveal() };
  }
}

interface Destroyable {
  destroy?(): void;
}

function isBody(value: unknown): value is AsyncIterable<Uint8Array> & Destroyable {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

function decodeKey(key: string): string {
  return decodeURIComponent(key.replaceAll("+", " "));
}

export function changed(shown: string, what: string): AppError {
  return new AppError(
    "unavailable",
    `Cannot read "${shown}": ${what} while it was read; run it again when it is no longer written`,
  );
}
