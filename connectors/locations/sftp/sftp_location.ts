import { AppError } from "../../../contract/errors.ts";
import type { Budget } from "../../../contract/connector/connector.ts";
import type {
  FileList,
  FileWriter,
  Location,
  Publication,
  PublicationTarget,
  StoredFile,
  WriteCondition,
} from "../location.ts";
import { parsePattern } from "../pattern.ts";
import { FetchedFile } from "../remote/fetched_file.ts";
import { localNameOf, pathSqlOf } from "../remote/local_name.ts";
import { publishSftpFile } from "./publish_file.ts";
import { publishSftpFolder } from "./publish_folder.ts";
import { type Found, listFiles } from "./sftp_listing.ts";
import { SftpObject } from "./sftp_object.ts";
import { HOME, type SftpServer } from "./sftp_server.ts";

export interface SftpPlace {
  /** What relative paths are relative to. Absolute. */
  readonly root: string;
  /** Absolute: see ConnectorContext. */
  readonly scratchDir: string;
  readonly budget: Budget;
  /** Aborted when the connection ends. */
  readonly signal: AbortSignal;
  log(message: string): void;
}

/** Files of a server over SSH, by absolute paths. */
export class SftpLocation implements Location {
  readonly #server: SftpServer;
  readonly #place: SftpPlace;
  readonly #localPrefix: string;

  constructor(server: SftpServer, place: SftpPlace) {
    this.#server = server;
    this.#place = place;
    this.#localPrefix = `${place.scratchDir}/${crypto.randomUUID()}`;
  }

  async list(
    pattern: string,
    signal: AbortSignal,
    accepts: (path: string) => boolean = () => true,
  ): Promise<FileList> {
    checkHome(this.#place.root, pattern);
    const { base, glob } = parsePattern(this.#place.root, pattern);
    const shown = this.#server.shown(base);
    const found = await this.#server.stat(base);
    const missing = (what: string) => new AppError("not_found", `Cannot read "${shown}": ${what}`);
    if (glob === undefined) {
      if (found === undefined) throw missing("there is no such file");
      if (found.kind === "folder") {
        throw new AppError(
          "invalid",
          `Cannot read "${shown}": it is a folder; name its files, as "${pattern}/*.csv"`,
        );
      }
      return { base, files: [this.#file({ path: base, stat: found })] };
    }
    if (found === undefined) throw missing("there is no such folder");
    const { files } = await listFiles(this.#server, {
      base,
      glob,
      root: this.#place.root,
      signal,
      leftOut: (path) =>
        this.#place.log(`"${this.#server.shown(path)}" is a link to a folder and is left out`),
    });
    const wanted = files.filter(({ path }) => accepts(path));
    if (wanted.length === 0) throw missing(`no file matches "${pattern}"`);
    return { base, files: wanted.map((file) => this.#file(file)) };
  }

  async find(path: string): Promise<StoredFile | undefined> {
    const stat = await this.#server.stat(path);
    return stat === undefined || stat.kind === "folder" ? undefined : this.#file({ path, stat });
  }

  write(path: string, _condition: WriteCondition): Promise<FileWriter> {
    return Promise.reject(new AppError("internal", `Cannot write "${path}" by itself: loads publish`));
  }

  async remove(path: string): Promise<void> {
    await this.#server.remove(path);
  }

  async publish(target: PublicationTarget, signal: AbortSignal): Promise<Publication> {
    const context = {
      server: this.#server,
      scratchDir: this.#place.scratchDir,
      signal,
      file: (found: Found) => this.#file(found),
    };
    return target.kind === "file"
      ? await publishSftpFile(target, context)
      : await publishSftpFolder(target, context);
  }

  pathSql(localPath: string): string {
    return pathSqlOf(localPath, this.#localPrefix);
  }

  #file({ path, stat }: Found): StoredFile {
    const { budget, signal } = this.#place;
    const object = new SftpObject(this.#server, path, stat);
    return new FetchedFile(object, `${this.#localPrefix}${localNameOf(path)}`, {
      clock: this.#server.clock,
      signal,
      budget,
    });
  }
}

/** What lies above the user's own folder is not known by its place in it. */
export function checkHome(root: string, path: string): void {
  const isInHome = (root === HOME || root.startsWith(`${HOME}/`)) && !path.startsWith("/");
  if (!isInHome || !path.split("/").includes("..")) return;
  throw new AppError("invalid", `Cannot use "${path}": write a path outside of the user's folder from its /`);
}
