import { AppError } from "../../../contract/errors.ts";
import { fileError } from "../file_error.ts";
import type { WriteCondition } from "../location.ts";
import { runWorkers } from "../remote/workers.ts";
import type { S3Store } from "./s3_store.ts";
import type { S3Writer } from "./s3_writer.ts";

/** The protocol's limit is 10,000. */
const MAX_PARTS = 9_000;

/**
 * A file of the local disk on its way into a bucket. What is large is sent in parts before the object is made; what is
 * left for complete() is one request. Disposing of it without complete() leaves nothing behind.
 */
export class Upload implements AsyncDisposable {
  readonly #writer: S3Writer;
  readonly #key: string;
  readonly #path: string;
  readonly #metadata: Readonly<Record<string, string>>;
  readonly #parts: Parts | undefined;
  #isEnded = false;

  private constructor(writer: S3Writer, options: UploadOptions, parts: Parts | undefined) {
    this.#writer = writer;
    this.#key = options.key;
    this.#path = options.path;
    this.#metadata = options.metadata;
    this.#parts = parts;
  }

  static async begin(store: S3Store, writer: S3Writer, options: UploadOptions): Promise<Upload> {
    const { size } = await Deno.stat(options.path);
    const { partSizeBytes } = store.settings;
    if (size <= partSizeBytes) return new Upload(writer, options, undefined);
    const upload = await writer.beginUpload(options.key, options.metadata);
    try {
      const etags = await sendParts(store, writer, options, upload.uploadId, {
        sizeBytes: size,
        partBytes: Math.max(partSizeBytes, Math.ceil(size / MAX_PARTS)),
      });
      return new Upload(writer, options, { upload, etags });
    } catch (error) {
      // What cannot be removed now is swept later.
      await writer.abortUpload(options.key, upload.uploadId).catch(() => {});
      throw error;
    }
  }

  /** Throws as S3Writer.put() does. */
  async complete(condition: WriteCondition): Promise<void> {
    this.#isEnded = true;
    if (this.#parts !== undefined) {
      const { upload, etags } = this.#parts;
      try {
        return await this.#writer.completeUpload(this.#key, upload, etags, condition);
      } catch (error) {
        // What is refused is not used any more; what is undecided may be.
        const isRefused = error instanceof AppError && error.reason === undefined;
        if (isRefused) await this.#writer.abortUpload(this.#key, upload.uploadId).catch(() => {});
        throw error;
      }
    }
    await this.#writer.put(this.#key, await readWhole(this.#path), { condition, metadata: this.#metadata });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isEnded || this.#parts === undefined) return;
    await this.#writer.abortUpload(this.#key, this.#parts.upload.uploadId).catch(() => {});
  }
}

export interface UploadOptions {
  readonly key: string;
  /** Of the local file. Absolute. */
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
}

interface Parts {
  readonly upload: { readonly uploadId: string; readonly mark: string };
  readonly etags: readonly string[];
}

/** Several at a time, as the connector's budget has places. */
async function sendParts(
  { context: { budget, signal } }: S3Store,
  writer: S3Writer,
  { key, path }: UploadOptions,
  uploadId: string,
  { sizeBytes, partBytes }: { readonly sizeBytes: number; readonly partBytes: number },
): Promise<string[]> {
  const etags: string[] = [];
  let next = 0;
  await runWorkers(budget.limit, signal, async (during) => {
    for (let part = next++; part * partBytes < sizeBytes; part = next++) {
      using _place = await budget.acquire(during);
      const start = part * partBytes;
      const bytes = await readPart(path, start, Math.min(partBytes, sizeBytes - start));
      etags[part] = await writer.uploadPart(key, { uploadId, part: part + 1 }, bytes, during);
    }
  });
  return etags;
}

async function readPart(path: string, start: number, length: number): Promise<Uint8Array> {
  try {
    using file = await Deno.open(path);
    await file.seek(start, Deno.SeekMode.Start);
    const bytes = new Uint8Array(length);
    for (let filled = 0; filled < length;) {
      const count = await file.read(bytes.subarray(filled));
      if (count === null) throw new Error("it became shorter");
      filled += count;
    }
    return bytes;
  } catch (error) {
    throw fileError("read", path, error);
  }
}

async function readWhole(path: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    throw fileError("read", path, error);
  }
}
