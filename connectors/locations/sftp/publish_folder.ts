import { AppError } from "../../../contract/errors.ts";
import { workPathOf } from "../disk/published.ts";
import type {
  FileWriter,
  Publication,
  PublicationChange,
  PublicationTarget,
  Published,
} from "../location.ts";
import {
  begunManifestBytes,
  isOnlyBegun,
  isOurPart,
  MANIFEST,
  manifestBytes,
  markedName,
  newMark,
  readManifest,
} from "../remote/manifest.ts";
import { Stage } from "../remote/stage.ts";
import { LOCK_TIMEOUT_MS, type SftpPublishing } from "./publish_file.ts";
import { sendFile } from "./send_file.ts";
import { type Found, listFiles, withSlash } from "./sftp_listing.ts";
import { SftpLock } from "./sftp_lock.ts";
import type { SftpServer } from "./sftp_server.ts";

/**
 * A folder of files. New ones are sent first, under names that no other attempt has; the manifest that names them is
 * put last, in one step, and that is the commit. What was replaced is removed after it. A folder without a manifest gets
 * one before the first part.
 */

const ALL = { matches: () => true, reaches: () => true };
const NONE: ReadonlySet<string> = new Set();

export async function publishSftpFolder(
  target: PublicationTarget,
  context: SftpPublishing,
): Promise<Publication> {
  const { server, signal } = context;
  const lock = await SftpLock.take(server, `${workPathOf(target.path)}/lock`, target.shown, {
    timeoutMs: LOCK_TIMEOUT_MS,
    signal,
  });
  try {
    const folder = withSlash(target.path);
    const stat = await server.stat(target.path);
    if (stat !== undefined && stat.kind !== "folder") {
      throw new AppError("invalid", `Cannot write "${target.shown}": it is a file, and the path ends with /`);
    }
    if (stat !== undefined) await lock.removeUnfinished(target.path);
    const manifest = stat && await readManifest(server, folder);
    const search = { base: target.path, glob: ALL, root: target.path, signal, leftOut: () => {} };
    const { files: seen, hidden } = stat === undefined
      ? { files: [], hidden: [] }
      : await listFiles(server, search);
    const isNew = manifest === undefined || isOnlyBegun(manifest);
    const current = isNew && seen.length === 0 ? undefined : {
      files: seen.map((found) => ({ path: found.path.slice(folder.length), file: context.file(found) })),
      note: manifest?.note,
    };
    const stage = await Stage.open(context.scratchDir, target.shown);
    return new FolderPublication(
      { folder, shown: target.shown, lock, stage, hidden, hasManifest: manifest !== undefined },
      current,
      server,
    );
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
}

interface Place {
  /** With a slash at its end. */
  readonly folder: string;
  readonly shown: string;
  readonly lock: SftpLock;
  readonly stage: Stage;
  readonly hasManifest: boolean;
  /** Parts that it does not show. */
  readonly hidden: readonly Found[];
}

class FolderPublication implements Publication {
  readonly current: Published | undefined;
  readonly #place: Place;
  readonly #server: SftpServer;
  readonly #mark = newMark();
  readonly #sent: string[] = [];
  #next: { readonly files: readonly string[]; readonly bytes: Uint8Array } | undefined;
  /** The new files are, or may be, those of the folder. */
  #isCommitted = false;

  constructor(place: Place, current: Published | undefined, server: SftpServer) {
    this.#place = place;
    this.current = current;
    this.#server = server;
  }

  get stagePath(): string {
    return this.#place.stage.path;
  }

  stage(path: string): Promise<FileWriter> {
    return this.#place.stage.write(path);
  }

  prefix(bytes: Uint8Array): Promise<void> {
    return this.#place.stage.prefix(bytes);
  }

  staged(): Promise<readonly { readonly path: string; readonly sizeBytes: number }[]> {
    return this.#place.stage.files();
  }

  async prepare({ keepsCurrent, removes = NONE, note }: PublicationChange): Promise<void> {
    const { folder, stage, hasManifest } = this.#place;
    await this.#server.makeFolder(folder.slice(0, -1));
    if (!hasManifest) await this.#begin();
    const staged = await stage.files();
    for (const { path } of staged) {
      const sent = `${folder}${markedName(path, this.#mark)}`;
      this.#sent.push(sent);
      await sendFile(this.#server, `${stage.path}/${path}`, sent);
    }
    const kept = keepsCurrent ? this.#parts.filter((path) => !removes.has(path)) : [];
    const files = [...kept, ...staged.map(({ path }) => markedName(path, this.#mark))];
    this.#next = { files, bytes: manifestBytes(files, note) };
    await this.#server.writeAll(this.#new, this.#next.bytes);
  }

  /** Puts a manifest of what is there, where there is none: another load's is never replaced by it. */
  async #begin(): Promise<void> {
    const { folder, lock } = this.#place;
    await this.#server.writeAll(this.#new, begunManifestBytes(this.#parts, this.#mark));
    try {
      await this.#server.rename(this.#new, `${folder}${MANIFEST}`);
    } catch (error) {
      await lock.check();
      throw error;
    }
  }

  get #new(): string {
    const { lock, folder } = this.#place;
    return lock.unfinished(folder.slice(0, -1), "sluice");
  }

  async commit(): Promise<void> {
    if (this.#next === undefined) throw new AppError("internal", "Cannot commit what was not prepared");
    const { folder, lock } = this.#place;
    const { files, bytes } = this.#next;
    this.#isCommitted = true;
    const outcome = await lock.commit(this.#new, `${folder}${MANIFEST}`).catch((error) => {
      this.#isCommitted = false;
      throw error;
    });
    // The connection was lost before the answer came: what is there now says what became of it.
    if (outcome === "unknown") {
      const now = await this.#server.getAll(`${folder}${MANIFEST}`);
      this.#isCommitted = now !== undefined && sameBytes(now.bytes, bytes);
      if (!this.#isCommitted) throw this.#lost();
    }
    await this.#removeOld(new Set(files));
  }

  #lost(): AppError {
    return new AppError("unavailable", `Cannot write "${this.#place.shown}": the connection was lost`);
  }

  /** Parts that the folder has, relative to it. */
  get #parts(): string[] {
    return (this.current?.files ?? []).map(({ path }) => path).filter(isOurPart);
  }

  /** What was replaced, and what loads that died have left: the lock keeps others out. */
  async #removeOld(kept: ReadonlySet<string>): Promise<void> {
    const { folder, hidden } = this.#place;
    try {
      const before = this.#parts.filter((path) => !kept.has(path)).map((path) => `${folder}${path}`);
      for (const path of [...before, ...hidden.map((found) => found.path)]) await this.#server.remove(path);
    } catch {
      // The load is done; what the manifest does not name is not seen, and removed by a later load.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { lock, stage } = this.#place;
    if (!this.#isCommitted) {
      for (const path of [this.#new, ...this.#sent]) await this.#server.remove(path).catch(() => {});
    }
    await lock[Symbol.asyncDispose]();
    await stage[Symbol.asyncDispose]();
  }
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
