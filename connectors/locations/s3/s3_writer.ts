import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { AppError } from "../../../contract/errors.ts";
import type { WriteCondition } from "../location.ts";
import {
  type Asked,
  attemptsOf,
  isConditionFailure,
  isNotImplemented,
  s3Error,
  statusOf,
} from "./s3_error.ts";
import type { S3Store } from "./s3_store.ts";

export interface PutOptions {
  readonly condition: WriteCondition;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Which write of ours an object comes from: by this a lost answer is decided. */
const WRITE_MARK = "sluice-write";

/** For what is still to be done where a run is stopped, or has failed. */
const CLEAN_UP_MS = 15_000;

/** The reason of an error that leaves open whether something was written. */
export const UNDECIDED = "undecided_write";

/** One bucket as it is written. Every method throws AppError, and ends with the store's signal. */
export class S3Writer {
  readonly #store: S3Store;
  readonly #client: S3Client;
  readonly #signal: AbortSignal;
  #isUnconditional = false;

  constructor(store: S3Store) {
    this.#store = store;
    this.#client = store.client;
    this.#signal = store.context.signal;
  }

  /**
   * Puts an object at once. Throws `conflict` where the condition does not hold, `unavailable` with the reason
   * UNDECIDED where nobody can tell whether it was put.
   */
  async put(key: string, body: Uint8Array, { condition, metadata }: PutOptions): Promise<void> {
    const mark = crypto.randomUUID();
    await this.#decide(key, condition, mark, (conditions) =>
      this.#client.send(
        new PutObjectCommand({
          ...this.#written(key, { ...metadata, [WRITE_MARK]: mark }),
          ...this.#store.customerKey(),
          ...conditions,
          Body: body,
        }),
        { abortSignal: this.#signal },
      ));
  }

  /** Begins an upload in parts; returns its id and the mark that the object will have. */
  async beginUpload(
    key: string,
    metadata: Readonly<Record<string, string>>,
  ): Promise<{ readonly uploadId: string; readonly mark: string }> {
    const mark = crypto.randomUUID();
    const begun = await this.#write(key, () =>
      this.#client.send(
        new CreateMultipartUploadCommand({
          ...this.#written(key, { ...metadata, [WRITE_MARK]: mark }),
          ...this.#store.customerKey(),
        }),
        { abortSignal: this.#signal },
      ));
    if (begun.UploadId === undefined) {
      throw new AppError(
        "internal",
        `Cannot write "${this.#store.shown(key)}": the store gave no id of the upload`,
      );
    }
    return { uploadId: begun.UploadId, mark };
  }

  /** Returns the part's ETag. Parts count from 1. */
  async uploadPart(
    key: string,
    { uploadId, part }: { readonly uploadId: string; readonly part: number },
    body: Uint8Array,
    signal: AbortSignal,
  ): Promise<string> {
    const sent = await this.#write(key, () =>
      this.#client.send(
        new UploadPartCommand({
          ...this.#store.object(key),
          ...this.#store.customerKey(),
          UploadId: uploadId,
          PartNumber: part,
          Body: body,
        }),
        { abortSignal: signal },
      ));
    if (sent.ETag === undefined) {
      throw new AppError(
        "internal",
        `Cannot write "${this.#store.shown(key)}": the store gave no ETag of a part`,
      );
    }
    return sent.ETag;
  }

  /** Makes an object of the parts. Throws as put() does. */
  async completeUpload(
    key: string,
    { uploadId, mark }: { readonly uploadId: string; readonly mark: string },
    etags: readonly string[],
    condition: WriteCondition,
  ): Promise<void> {
    await this.#decide(key, condition, mark, (conditions) =>
      this.#client.send(
        new CompleteMultipartUploadCommand({
          ...this.#store.object(key),
          ...this.#store.customerKey(),
          ...conditions,
          UploadId: uploadId,
          MultipartUpload: { Parts: etags.map((ETag, index) => ({ ETag, PartNumber: index + 1 })) },
        }),
        { abortSignal: this.#signal },
      ));
  }

  /** Also where the run is being stopped. One that is gone is no error. */
  async abortUpload(key: string, uploadId: string): Promise<void> {
    try {
      await this.#client.send(
        new AbortMultipartUploadCommand({ ...this.#store.object(key), UploadId: uploadId }),
        { abortSignal: AbortSignal.timeout(CLEAN_UP_MS) },
      );
    } catch (error) {
      if (statusOf(error) !== 404) throw s3Error(this.#writing(key), error);
    }
  }

  /** Uploads that were begun for keys that begin with the prefix and are not ended. */
  async *uploads(
    prefix: string,
  ): AsyncIterable<{ readonly key: string; readonly uploadId: string; readonly beganMs: number }> {
    let from: { readonly KeyMarker: string; readonly UploadIdMarker: string } | undefined;
    do {
      const page = await this.#write(prefix, () =>
        this.#client.send(
          new ListMultipartUploadsCommand({
            Bucket: this.#store.settings.bucket,
            ...this.#store.payer(),
            Prefix: prefix,
            ...from,
          }),
          { abortSignal: this.#signal },
        ));
      for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
        if (Key === undefined || UploadId === undefined || Initiated === undefined) continue;
        yield { key: Key, uploadId: UploadId, beganMs: Initiated.getTime() };
      }
      from =
        page.IsTruncated === true && page.NextKeyMarker !== undefined && page.NextUploadIdMarker !== undefined
          ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
          : undefined;
    } while (from !== undefined);
  }

  /** Also where the run is being stopped. One that is not there is no error. */
  async remove(key: string): Promise<void> {
    try {
      await this.#client.send(
        new DeleteObjectCommand(this.#store.object(key)),
        { abortSignal: AbortSignal.timeout(CLEAN_UP_MS) },
      );
    } catch (error) {
      if (statusOf(error) === 404) return;
      throw s3Error({ verb: "write", shown: this.#store.shown(key), right: "s3:DeleteObject" }, error);
    }
  }

  /**
   * Writes on a condition, and looks where the answer says less than whether it was written: it was lost, or the
   * SDK tried once more what had been done already.
   */
  async #decide(
    key: string,
    condition: WriteCondition,
    mark: string,
    write: (conditions: Record<string, string>) => Promise<unknown>,
  ): Promise<void> {
    const conditions = this.#isUnconditional || !this.#store.settings.hasConditionalWrites
      ? {}
      : headersOf(condition);
    // Stores that do not know the conditions take them for nothing.
    await this.#look(key, condition);
    try {
      await write(conditions);
    } catch (error) {
      if (isNotImplemented(error) && Object.keys(conditions).length > 0) {
        this.#isUnconditional = true;
        this.#store.context.log(
          "The store knows no conditional writes: two loads of one target at once may overwrite each other",
        );
        return await this.#decide(key, condition, mark, write);
      }
      if (await this.#isWritten(key, mark, error)) return;
      this.#signal.throwIfAborted();
      const isGone = condition.type === "match" && statusOf(error) === 404;
      if (isConditionFailure(error) || isGone) throw this.#conflict(key);
      throw s3Error(this.#writing(key), error);
    }
  }

  async #look(key: string, condition: WriteCondition): Promise<void> {
    if (condition.type === "any") return;
    const now = await this.#store.head(key);
    if (condition.type === "absent" ? now !== undefined : now?.etag !== condition.etag) {
      throw this.#conflict(key);
    }
  }

  async #isWritten(key: string, mark: string, error: unknown): Promise<boolean> {
    const status = statusOf(error);
    if ((status === 401 || status === 403) && attemptsOf(error) === 1) return false;
    try {
      return (await this.#store.head(key, AbortSignal.timeout(CLEAN_UP_MS)))?.metadata[WRITE_MARK] === mark;
    } catch (failure) {
      throw new AppError(
        "unavailable",
        `Cannot write "${
          this.#store.shown(key)
        }": the store does not say whether it was written; run it again`,
        { reason: UNDECIDED, cause: new AggregateError([error, failure]) },
      );
    }
  }

  async #write<T>(key: string, send: () => Promise<T>): Promise<T> {
    try {
      return await send();
    } catch (error) {
      this.#signal.throwIfAborted();
      throw s3Error(this.#writing(key), error);
    }
  }

  #conflict(key: string): AppError {
    return new AppError(
      "conflict",
      `Cannot write "${this.#store.shown(key)}": another program wrote it meanwhile`,
    );
  }

  #writing(key: string): Asked {
    return { verb: "write", shown: this.#store.shown(key), right: "s3:PutObject" };
  }

  #written(key: string, metadata: Record<string, string>) {
    const { server, kmsKeyId } = this.#store.settings.encryption;
    return {
      ...this.#store.object(key),
      Metadata: metadata,
      ...(server === undefined ? {} : { ServerSideEncryption: server }),
      ...(kmsKeyId === undefined ? {} : { SSEKMSKeyId: kmsKeyId }),
    };
  }
}

function headersOf(condition: WriteCondition): Record<string, string> {
  switch (condition.type) {
    case "any":
      return {};
    case "absent":
      return { IfNoneMatch: "*" };
    case "match":
      return { IfMatch: condition.etag };
  }
}
