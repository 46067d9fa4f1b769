import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
// @ts-types="./ssh2.d.ts"
import { Client, type SFTPWrapper, type Stats } from "ssh2";
import { AppError } from "../../../contract/errors.ts";
import type { Secret } from "../../../contract/secret.ts";
import type { ByteRange } from "../remote/remote_object.ts";
import { connectError, isUnsupported, statusOf } from "./sftp_error.ts";

/** What every server takes in one request. Source: draft-ietf-secsh-filexfer-02, section 3 */
const CHUNK_BYTES = 32_768;
/** Requests that are on their way at a time: enough for a line of 20 ms at 50 MB/s. */
const REQUESTS_AHEAD = 32;
const KEEPALIVE_MS = 15_000;
const GOODBYE_MS = 1000;
const FAILURE = 4;
const LOST = "it ended the connection";

export interface SftpSettings {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: Secret | undefined;
  readonly privateKey: Secret | undefined;
  readonly passphrase: Secret | undefined;
  /** `SHA256:…`, without padding. */
  readonly hostKeys: readonly string[];
  readonly connectTimeoutMs: number;
}

export interface RemoteStat {
  readonly sizeBytes: number;
  /** SFTP knows whole seconds. */
  readonly modifiedS: number;
  readonly kind: "file" | "folder" | "link" | "other";
}

export interface RemoteEntry extends RemoteStat {
  readonly name: string;
}

/**
 * One connection. Paths are the server's own: absolute, or relative to the user's folder. Errors are the driver's:
 * sftp_error.ts makes AppErrors of them.
 */
export class SftpSession implements AsyncDisposable {
  readonly #client: Client;
  readonly #sftp: SFTPWrapper;
  /** Of requests that are on their way: a driver that lost its connection does not always say so to each. */
  readonly #going = new Set<(error: Error) => void>();
  #isLost = false;
  readonly #closed: Promise<void>;

  private constructor(client: Client, sftp: SFTPWrapper) {
    this.#client = client;
    this.#sftp = sftp;
    const lost = () => {
      this.#isLost = true;
      for (const fail of this.#going) fail(new Error(LOST));
      this.#going.clear();
    };
    client.on("close", lost).on("end", lost).on("error", lost);
    this.#closed = new Promise((resolve) => client.once("close", resolve));
  }

  /** Throws `unavailable`, `unauthorized`, `forbidden` or `invalid`, with the server's name. */
  static async open(settings: SftpSettings): Promise<SftpSession> {
    const { host, port, user, password, privateKey, passphrase } = settings;
    const server = `${host}:${port}`;
    const client = new Client();
    let unknownKey: string | undefined;
    let hasEnded = false;
    const ended = Promise.withResolvers<never>();
    ended.promise.catch(() => {});
    const end = () => {
      hasEnded = true;
      ended.reject(new Error(LOST));
    };
    client.once("close", end).once("end", end);
    try {
      await new Promise<void>((resolve, reject) => {
        client.once("ready", resolve).once("error", reject);
        client.once("close", () => reject(new Error(LOST)));
        // Requests are small, and each waits for an answer.
        client.once("handshake", () => client.setNoDelay(true));
        client.connect({
          host,
          port,
          username: user,
          ...(password === undefined ? {} : { password: password.reveal() }),
          ...(privateKey === undefined ? {} : { privateKey: privateKey.reveal() }),
          ...(passphrase === undefined ? {} : { passphrase: passphrase.reveal() }),
          readyTimeout: settings.connectTimeoutMs,
          keepaliveInterval: KEEPALIVE_MS,
          hostVerifier: (key: Buffer) => {
            const fingerprint = fingerprintOf(key);
            if (settings.hostKeys.includes(fingerprint)) return true;
            unknownKey = fingerprint;
            return false;
          },
        });
      });
      // Errors of a connection that stands end its requests, and are told there.
      client.on("error", () => {});
      const sftp = await Promise.race([call<SFTPWrapper>((done) => client.sftp(done)), ended.promise]);
      // It may have ended before anybody waits for an answer.
      if (hasEnded) throw new Error(LOST);
      return new SftpSession(client, sftp);
    } catch (error) {
      client.on("error", () => {});
      client.end();
      if (unknownKey !== undefined) throw notTheKey(server, unknownKey, error);
      throw connectError(server, user, error);
    }
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  /** Follows links; undefined where there is nothing. */
  async stat(path: string): Promise<RemoteStat | undefined> {
    try {
      return statOf(await this.#call<Stats>((done) => this.#sftp.stat(path, done)));
    } catch (error) {
      if (statusOf(error) === 2) return undefined;
      throw error;
    }
  }

  /** Links are told as what they are. */
  async list(folder: string): Promise<RemoteEntry[]> {
    const entries = await this.#call<readonly { readonly filename: string; readonly attrs: Stats }[]>((
      done,
    ) => this.#sftp.readdir(folder, done));
    return entries.filter(({ filename }) => filename !== "." && filename !== "..").map((
      { filename, attrs },
    ) => ({ name: filename, ...statOf(attrs) }));
  }

  /** The bytes of an open file that `accepts` what stat says of it, in order; several requests are ahead. */
  async *read(
    path: string,
    range: ByteRange,
    accepts: (stat: RemoteStat) => void,
  ): AsyncIterable<Uint8Array> {
    const handle = await this.#call<Buffer>((done) => this.#sftp.open(path, "r", done));
    const coming: Promise<Uint8Array>[] = [];
    try {
      accepts(statOf(await this.#call<Stats>((done) => this.#sftp.fstat(handle, done))));
      let next = range.start;
      while (next < range.end || coming.length > 0) {
        while (next < range.end && coming.length < REQUESTS_AHEAD) {
          const chunk = this.#readAll(handle, next, Math.min(CHUNK_BYTES, range.end - next));
          chunk.catch(() => {});
          coming.push(chunk);
          next += CHUNK_BYTES;
        }
        const bytes = await coming.shift();
        if (bytes !== undefined) yield bytes;
      }
    } finally {
      await Promise.allSettled(coming);
      await this.#close(handle);
    }
  }

  /** All of a small file; undefined where there is none. */
  async readWhole(path: string): Promise<Uint8Array | undefined> {
    const found = await this.stat(path);
    if (found === undefined) return undefined;
    return Buffer.concat(
      await Array.fromAsync(this.read(path, { start: 0, end: found.sizeBytes }, () => {})),
    );
  }

  /** Writes a file anew, durably where the server can; `isNew`: only where there is none, and returns whether that was so. */
  async write(path: string, chunks: AsyncIterable<Uint8Array>, isNew = false): Promise<boolean> {
    let handle: Buffer;
    try {
      handle = await this.#call<Buffer>((done) => this.#sftp.open(path, isNew ? "wx" : "w", done));
    } catch (error) {
      // Servers of version 3 have no word of their own for a file that is there.
      if (isNew && statusOf(error) === FAILURE && await this.stat(path) !== undefined) return false;
      throw error;
    }
    const going: Promise<void>[] = [];
    try {
      let position = 0;
      for await (const bytes of chunks) {
        for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
          const part = Buffer.from(bytes.subarray(at, at + CHUNK_BYTES));
          const from = position;
          position += part.length;
          const written = this.#call<void>((done) =>
            this.#sftp.write(handle, part, 0, part.length, from, done)
          );
          written.catch(() => {});
          going.push(written);
          if (going.length >= REQUESTS_AHEAD) await going.shift();
        }
      }
      await Promise.all(going);
      await this.#sync(handle);
    } finally {
      await Promise.allSettled(going);
      await this.#close(handle);
    }
    return true;
  }

  /** Fails where there is something of the new name. */
  async rename(from: string, to: string): Promise<void> {
    await this.#call<void>((done) => this.#sftp.rename(from, to, done));
  }

  /** In one step, whatever has the new name. Throws `invalid` where the server cannot. */
  async replace(from: string, to: string): Promise<void> {
    try {
      await this.#call<void>((done) => this.#sftp.ext_openssh_rename(from, to, done));
    } catch (error) {
      if (!isUnsupported(error) && !isNotOffered(error)) throw error;
      throw new AppError(
        "invalid",
        `Cannot write "${to}": the server cannot replace a file in one step (posix-rename@openssh.com)`,
        { cause: error },
      );
    }
  }

  async remove(path: string): Promise<void> {
    try {
      await this.#call<void>((done) => this.#sftp.unlink(path, done));
    } catch (error) {
      if (statusOf(error) !== 2) throw error;
    }
  }

  /** Makes the folder and those that it lies in, as far as they are missing. */
  async makeFolder(path: string): Promise<void> {
    if (path === "" || path === "." || path === "/" || await this.stat(path) !== undefined) return;
    const parent = path.slice(0, Math.max(path.lastIndexOf("/"), 0));
    await this.makeFolder(parent === "" && path.startsWith("/") ? "/" : parent);
    try {
      await this.#call<void>((done) => this.#sftp.mkdir(path, done));
    } catch (error) {
      // Somebody else may have made it in between.
      if ((await this.stat(path))?.kind !== "folder") throw error;
    }
  }

  async setModified(path: string, modifiedS: number): Promise<void> {
    await this.#call<void>((done) => this.#sftp.utimes(path, modifiedS, modifiedS, done));
  }

  /** Says goodbye, and waits a moment for the server to close the connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isLost = true;
    this.#client.end();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const enough = new Promise<void>((resolve) => timer = setTimeout(resolve, GOODBYE_MS));
    await Promise.race([this.#closed, enough]);
    clearTimeout(timer);
  }

  async #call<T>(send: Send<T>): Promise<T> {
    if (this.#isLost) throw new Error(LOST);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#going.add(reject);
    try {
      call(send).then(resolve, reject);
      return await promise;
    } finally {
      this.#going.delete(reject);
    }
  }

  async #readAll(handle: Buffer, position: number, length: number): Promise<Uint8Array> {
    const buffer = Buffer.alloc(length);
    let filled = 0;
    while (filled < length) {
      const count = await this.#call<number>((done) =>
        this.#sftp.read(handle, buffer, filled, length - filled, position + filled, done)
      );
      if (count === 0) break;
      filled += count;
    }
    return buffer.subarray(0, filled);
  }

  /** As far as the server can: others write in their time. */
  async #sync(handle: Buffer): Promise<void> {
    try {
      await this.#call<unknown>((done) => this.#sftp.ext_openssh_fsync(handle, done));
    } catch (error) {
      if (!isUnsupported(error) && !isNotOffered(error)) throw error;
    }
  }

  /** A server that is gone has closed it. */
  async #close(handle: Buffer): Promise<void> {
    await this.#call<void>((done) => this.#sftp.close(handle, done)).catch(() => {});
  }
}

/** The driver knows from the server's greeting which extensions there are, and throws in words only. */
const isNotOffered = (error: unknown) =>
  error instanceof Error && /does not support this extended request/i.test(error.message);

type Send<T> = (done: (error: Error | null | undefined, result?: T) => void) => unknown;

/** A function that ends in a callback. The driver throws at once where a request cannot be sent. */
function call<T>(send: Send<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    send((error, result) => {
      if (error) reject(error);
      // A callback without an error has the result that its function promises.
      else resolve(result as T);
    });
  });
}

function statOf(attrs: Stats): RemoteStat {
  const kind = attrs.isFile()
    ? "file"
    : attrs.isDirectory()
    ? "folder"
    : attrs.isSymbolicLink()
    ? "link"
    : "other";
  return { sizeBytes: attrs.size, modifiedS: attrs.mtime, kind };
}

const fingerprintOf = (key: Uint8Array) =>
  `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;

function notTheKey(server: string, fingerprint: string, cause: unknown): AppError {
  return new AppError(
    "unauthorized",
    `Cannot connect to ${server}: its key is ${fingerprint}, which host_key does not have; ask the server's operator ` +
      `whether it is right, and if so write host_key: "${fingerprint}"`,
    { cause },
  );
}
