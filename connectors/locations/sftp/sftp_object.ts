import { AppError } from "../../../contract/errors.ts";
import type { ByteRange, RemoteObject } from "../remote/remote_object.ts";
import type { SftpServer } from "./sftp_server.ts";
import type { RemoteStat } from "./sftp_session.ts";

/** A file of the server as it was when it was found. */
export class SftpObject implements RemoteObject {
  readonly path: string;
  readonly shown: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  /** SFTP has none: size and time, which are looked at again when the file was read. */
  readonly etag = null;
  readonly isPinned = false;
  readonly #server: SftpServer;

  constructor(server: SftpServer, path: string, stat: RemoteStat) {
    this.#server = server;
    this.path = path;
    this.shown = server.shown(path);
    this.sizeBytes = stat.sizeBytes;
    this.modifiedMs = stat.modifiedS * 1000;
  }

  read(range: ByteRange): AsyncIterable<Uint8Array> {
    return this.#server.read(this.path, range, (stat) => this.#check(stat));
  }

  async checkUnchanged(): Promise<void> {
    this.#check(await this.#server.stat(this.path));
  }

  #check(now: RemoteStat | undefined): void {
    if (now?.sizeBytes === this.sizeBytes && now.modifiedS * 1000 === this.modifiedMs) return;
    throw new AppError(
      "unavailable",
      `Cannot read "${this.shown}": ${
        now === undefined ? "it was removed" : "it changed"
      } while it was read; run it again when it is no longer written`,
    );
  }
}
