import { dirname } from "node:path";
import { AppError } from "../../../contract/errors.ts";
import type { JsonValue } from "../../../contract/json.ts";
import type {
  FileWriter,
  Publication,
  PublicationChange,
  PublicationTarget,
  Published,
} from "../location.ts";
import { DiskWriter, prefixFile } from "./disk_writer.ts";
import { fileError } from "../file_error.ts";
import { BUILT, filesUnder, type FindFile, statTarget, workPathOf } from "./published.ts";
import { recoverSwap, swapFolder } from "./swap.ts";
import { type LockWait, syncName, syncPath, trySync, Workspace, writeAtomically } from "./workspace.ts";

/**
 * A folder of files. A new folder is built beside it and the two are exchanged in one step; files that stay
 * come into the new folder by hard links. Where one file alone is added it is just renamed into place.
 */

/** The note. Hidden, and without an ending that a glob for data would match. */
const MANIFEST = ".sluice";
const ASIDE = "aside";
const NONE: ReadonlySet<string> = new Set();

export async function publishFolder(
  target: PublicationTarget,
  find: FindFile,
  wait: LockWait,
): Promise<Publication> {
  const workspace = await Workspace.open(workPathOf(target.path), target.shown, wait);
  try {
    await recoverSwap(target.path, `${workspace.path}/${ASIDE}`);
    await workspace.clear();
    const info = await statTarget(target);
    if (info !== undefined && !info.isDirectory) {
      throw new AppError(
        "invalid",
        `Cannot write "${target.shown}": it is a file, and a load into a folder was asked for`,
      );
    }
    const files = await filesUnder(target.path, find, [MANIFEST, `${MANIFEST}.new`]);
    const current = files === undefined
      ? undefined
      : { files, note: await readManifest(`${target.path}/${MANIFEST}`) };
    await Deno.mkdir(`${workspace.path}/${BUILT}`);
    return new FolderPublication(target, workspace, current, find);
  } catch (error) {
    await workspace[Symbol.asyncDispose]();
    throw fileError("write", target.shown, error);
  }
}

class FolderPublication implements Publication {
  readonly current: Published | undefined;
  readonly stagePath: string;
  readonly #target: PublicationTarget;
  readonly #workspace: Workspace;
  readonly #find: FindFile;
  /** The one step that is left after prepare(). */
  #step: (() => Promise<void>) | undefined;

  constructor(
    target: PublicationTarget,
    workspace: Workspace,
    current: Published | undefined,
    find: FindFile,
  ) {
    this.current = current;
    this.stagePath = `${workspace.path}/${BUILT}`;
    this.#target = target;
    this.#workspace = workspace;
    this.#find = find;
  }

  async stage(path: string): Promise<FileWriter> {
    return await DiskWriter.open(`${this.stagePath}/${path}`, this.#target.shown, { type: "any" });
  }

  async prefix(bytes: Uint8Array): Promise<void> {
    for (const { path } of await this.staged()) {
      await prefixFile(`${this.stagePath}/${path}`, bytes, this.#target.shown);
    }
  }

  async staged() {
    const files = await filesUnder(this.stagePath, this.#find) ?? [];
    return files.map(({ path, file }) => ({ path, sizeBytes: file.sizeBytes }));
  }

  async prepare({ keepsCurrent, removes = NONE, note }: PublicationChange): Promise<void> {
    try {
      const staged = await this.staged();
      for (const { path } of staged) await syncPath(`${this.stagePath}/${path}`);
      const text = JSON.stringify(note);
      if (keepsCurrent && removes.size === 0 && this.current !== undefined && staged.length <= 1) {
        await writeAtomically(`${this.#target.path}/${MANIFEST}`, text);
        const [only] = staged;
        this.#step = () => (only === undefined ? Promise.resolve() : this.#moveIn(only.path));
        return;
      }
      if (keepsCurrent) await this.#linkCurrent(removes);
      await Deno.writeTextFile(`${this.stagePath}/${MANIFEST}`, text);
      await syncPath(`${this.stagePath}/${MANIFEST}`);
      for (const folder of new Set(staged.map(({ path }) => dirname(`${this.stagePath}/${path}`)))) {
        await trySync(folder);
      }
      await trySync(this.stagePath);
      this.#step = () => this.#swapIn();
    } catch (error) {
      throw fileError("write", this.#target.shown, error);
    }
  }

  async commit(): Promise<void> {
    if (this.#step === undefined) throw new AppError("internal", "Cannot commit what was not prepared");
    try {
      await this.#step();
    } catch (error) {
      throw fileError("write", this.#target.shown, error);
    }
  }

  async #moveIn(path: string): Promise<void> {
    const place = `${this.#target.path}/${path}`;
    await Deno.mkdir(dirname(place), { recursive: true });
    await Deno.rename(`${this.stagePath}/${path}`, place);
    await syncName(place);
  }

  async #swapIn(): Promise<void> {
    const { path } = this.#target;
    if (this.current === undefined) await Deno.rename(this.stagePath, path);
    else await swapFolder(this.stagePath, path, `${this.#workspace.path}/${ASIDE}`);
    await syncName(path);
  }

  async #linkCurrent(except: ReadonlySet<string>): Promise<void> {
    const paths = (this.current?.files ?? []).map(({ path }) => path).filter((path) => !except.has(path));
    for (const folder of new Set(paths.map((path) => dirname(`${this.stagePath}/${path}`)))) {
      await Deno.mkdir(folder, { recursive: true });
    }
    for (const path of paths) {
      const [from, to] = [`${this.#target.path}/${path}`, `${this.stagePath}/${path}`];
      try {
        await Deno.link(from, to);
      } catch {
        // No hard links on this file system.
        await Deno.copyFile(from, to);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What cannot be removed now, the next publication removes.
    await recoverSwap(this.#target.path, `${this.#workspace.path}/${ASIDE}`).catch(() => {});
    await this.#workspace.clear().catch(() => {});
    await this.#workspace[Symbol.asyncDispose]();
  }
}

async function readManifest(path: string): Promise<JsonValue | undefined> {
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    // Not ours: the folder then counts as another program's.
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
