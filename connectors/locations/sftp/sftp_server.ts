import type { Clock } from "../../../contract/clock.ts";
import { dirname } from "node:path";
import type { ManifestStore } from "../remote/manifest.ts";
import { isAnswer, sftpError } from "./sftp_error.ts";
import { type RemoteEntry, type RemoteStat, SftpSession, type SftpSettings } from "./sftp_session.ts";

/** The user's own folder, among absolute paths: what the server takes relative paths to be in. */
export const HOME = "/~";

/** Work that did not end: it is not known what became of it. */
export type Outcome = "done" | "unknown";

/**
 * A server of files by absolute paths, connected to when it is needed and again when the connection was lost. Throws
 * AppErrors, with the reason TRANSFER_CUT for what may pass.
 */
export class SftpServer implements ManifestStore, AsyncDisposable {
  readonly clock: Clock;
  readonly #settings: SftpSettings;
  #session: Promise<SftpSession> | undefined;

  constructor(settings: SftpSettings, clock: Clock) {
    this.#settings = settings;
    this.clock = clock;
  }

  /** `sftp://host/path`. */
  shown(path: string): string {
    const { host, port } = this.#settings;
    return `sftp://${host.includes(":") ? `[${host}]` : host}${port === 22 ? "" : `:${port}`}${path}`;
  }

  stat(path: string): Promise<RemoteStat | undefined> {
    return this.#use("read", path, (session) => session.stat(serverPath(path)));
  }

  list(folder: string): Promise<RemoteEntry[]> {
    return this.#use("read", folder, (session) => session.list(serverPath(folder)));
  }

  async *read(
    path: string,
    range: { readonly start: number; readonly end: number },
    accepts: (stat: RemoteStat) => void,
  ): AsyncIterable<Uint8Array> {
    try {
      const session = await this.#connected();
      yield* session.read(serverPath(path), range, accepts);
    } catch (error) {
      throw sftpError("read", this.shown(path), error);
    }
  }

  async getAll(path: string): Promise<{ readonly bytes: Uint8Array; readonly etag: null } | undefined> {
    const bytes = await this.#use("read", path, (session) => session.readWhole(serverPath(path)));
    return bytes && { bytes, etag: null };
  }

  async write(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#use("write", path, (session) => session.write(serverPath(path), chunks));
  }

  /** A small file, only where there is none; returns whether that was so. */
  async create(path: string, bytes: Uint8Array): Promise<boolean> {
    return await this.#use("write", path, async (session) => {
      await session.makeFolder(serverPath(dirname(path)));
      return await session.write(serverPath(path), only(bytes), true);
    });
  }

  makeFolder(path: string): Promise<void> {
    return this.#use("write", path, (session) => session.makeFolder(serverPath(path)));
  }

  setModified(path: string, modifiedS: number): Promise<void> {
    return this.#use("write", path, (session) => session.setModified(serverPath(path), modifiedS));
  }

  /** Fails where there is something of the new name. */
  rename(from: string, to: string): Promise<void> {
    return this.#use("write", to, (session) => session.rename(serverPath(from), serverPath(to)));
  }

  /** In one step, whatever has the new name; `unknown` where the answer did not come. */
  async replace(from: string, to: string): Promise<Outcome> {
    const session = await this.#connected();
    try {
      await session.replace(serverPath(from), serverPath(to));
      return "done";
    } catch (error) {
      if (session.isLost && !isAnswer(error)) return "unknown";
      throw sftpError("write", this.shown(to), error);
    }
  }

  /** A small file, whatever is there; not in one step. */
  writeAll(path: string, bytes: Uint8Array): Promise<void> {
    return this.write(path, only(bytes));
  }

  remove(path: string): Promise<void> {
    return this.#use("write", path, (session) => session.remove(serverPath(path)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const session = await this.#session?.catch(() => undefined);
    this.#session = undefined;
    await session?.[Symbol.asyncDispose]();
  }

  async #use<T>(
    verb: "read" | "write",
    path: string,
    work: (session: SftpSession) => Promise<T>,
  ): Promise<T> {
    try {
      return await work(await this.#connected());
    } catch (error) {
      throw sftpError(verb, this.shown(path), error);
    }
  }

  async #connected(): Promise<SftpSession> {
    const current = this.#session;
    const session = await current?.catch(() => undefined);
    if (session !== undefined && !session.isLost) return session;
    // Another request may have connected again meanwhile.
    if (this.#session !== current) return await this.#connected();
    const opening = SftpSession.open(this.#settings);
    this.#session = opening;
    opening.catch(() => {});
    return await opening;
  }
}

/** As the server knows it. */
function serverPath(path: string): string {
  if (path === HOME) return ".";
  return path.startsWith(`${HOME}/`) ? path.slice(HOME.length + 1) : path;
}

async function* only(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
