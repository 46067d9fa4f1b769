import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { ZipFile } from "yazl";
import type { Encrypt } from "./encryption.ts";
import type { BackedFile } from "./manifest.ts";

/** From here on the places of a file in the archive are of 64 bits. */
const LARGE_BYTES = 2 ** 31;
/** Warehouses are compressed by themselves: the fastest takes what is left to gain. */
const LEVEL = 1;

/** A zip archive that is written file by file. */
export class BackupArchive {
  readonly files: BackedFile[] = [];
  readonly #zip = new ZipFile();
  readonly #written: Promise<void>;
  readonly #broken = Promise.withResolvers<never>();

  /** `encrypt` turns what goes into the file into its encrypted form. */
  constructor(file: Deno.FsFile, encrypt?: Encrypt) {
    this.#broken.promise.catch(() => {});
    this.#zip.on("error", this.#broken.reject);
    this.#written = writeAll(this.#zip.outputStream, file, encrypt);
    this.#written.catch(this.#broken.reject);
  }

  /** Returns when all of the file was read: it may go then. */
  async add(path: string, localPath: string): Promise<void> {
    const { size } = await Deno.stat(localPath);
    const hash = createHash("sha256");
    let bytes = 0;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    async function* read(): AsyncGenerator<Uint8Array> {
      try {
        const source = await Deno.open(localPath);
        for await (const chunk of source.readable) {
          hash.update(chunk);
          bytes += chunk.byteLength;
          yield chunk;
        }
        resolve();
      } catch (error) {
        reject(error);
        throw error;
      }
    }
    const source = Readable.from(read(), { objectMode: false });
    source.on("error", this.#broken.reject);
    this.#zip.addReadStream(source, path, {
      compressionLevel: LEVEL,
      mode: 0o600,
      forceZip64Format: size >= LARGE_BYTES,
    });
    await Promise.race([promise, this.#broken.promise]);
    this.files.push({ path, bytes, sha256: hash.digest("hex") });
  }

  /** With one more part, of text. */
  async end(path: string, text: string): Promise<void> {
    this.#zip.addBuffer(Buffer.from(text), path, { mode: 0o600 });
    this.#zip.end();
    await Promise.race([this.#written, this.#broken.promise]);
  }
}

async function writeAll(
  chunks: AsyncIterable<string | Uint8Array>,
  file: Deno.FsFile,
  encrypt: Encrypt | undefined,
): Promise<void> {
  const written = encrypt === undefined ? chunks : await encrypt(streamOf(bytesOf(chunks)));
  for await (const bytes of bytesOf(written)) {
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
  }
}

async function* bytesOf(chunks: AsyncIterable<string | Uint8Array>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for await (const chunk of chunks) yield Buffer.from(chunk);
}

function streamOf(chunks: AsyncGenerator<Uint8Array<ArrayBuffer>>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: () => chunks.return(undefined).then(() => {}),
  }, { highWaterMark: 0 });
}
