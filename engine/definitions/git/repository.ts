import * as fs from "node:fs";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { AppError } from "../../../contract/errors.ts";
import type { CommitInfo } from "../../../contract/versions/commit.ts";

/** Of the library: what it has read of packs, so that it reads each once. */
type ReadCache = Record<PropertyKey, unknown>;

/**
 * A git repository as its files are, read without a git program and without its configuration: nothing that the
 * repository names is run.
 */
export class Repository {
  /** Where HEAD is: that of a linked work tree is its own. */
  readonly #headDir: string;
  /** Where objects and refs are. */
  readonly gitDir: string;
  /** The project's folder in the repository's root, with `/`; empty for the root itself. */
  readonly prefix: string;
  readonly #cache: ReadCache = {};

  constructor({ headDir, gitDir, prefix }: { headDir: string; gitDir: string; prefix: string }) {
    this.#headDir = headDir;
    this.gitDir = gitDir;
    this.prefix = prefix;
  }

  /** The repository that a project's folder is in. Throws invalid where it is in none. */
  static async find(projectDir: string): Promise<Repository> {
    const project = await Deno.realPath(projectDir);
    for (let folder = project;; folder = resolve(folder, "..")) {
      const found = await openAt(folder, relative(folder, project).split(sep).join("/"));
      if (found !== undefined) return found;
      if (resolve(folder, "..") === folder) break;
    }
    throw new AppError(
      "invalid",
      `${projectDir} is not in a git repository: there is no ref to read definitions from`,
    );
  }

  /**
   * The commit that a branch, a tag, a commit's id or its beginning names; `~2` and `^` behind it go to its first
   * parents. Throws not_found where there is none.
   */
  async commit(ref: string): Promise<CommitInfo> {
    const { base = "", steps = "" } = /^(?<base>.+?)(?<steps>(?:~\d*|\^)*)$/.exec(ref.trim())?.groups ?? {};
    let commit = await this.#readCommit(await this.#resolve(base, ref), ref);
    for (const step of steps.match(/~\d*|\^/g) ?? []) {
      for (let left = step === "^" || step === "~" ? 1 : Number(step.slice(1)); left > 0; left--) {
        const [parent] = commit.parents;
        if (parent === undefined) throw new AppError("not_found", `${ref} goes back beyond the first commit`);
        commit = await this.#readCommit(parent, ref);
      }
    }
    return commit.info;
  }

  /** What is in a folder of a commit, by path in the repository; undefined where it has no such folder. */
  async list(commit: string, folder: string): Promise<readonly TreeEntry[] | undefined> {
    const { readTree, Errors } = await library();
    try {
      const at = folder === "" ? {} : { filepath: folder };
      const { tree } = await readTree({ ...this.#reading(), oid: commit, ...at });
      return tree.map(({ path, mode, type, oid }) => ({ name: path, mode, type, oid }));
    } catch (error) {
      if (error instanceof Errors.NotFoundError && error.data.what.startsWith("file or directory")) {
        return undefined;
      }
      throw unreadable(folder === "" ? commit : folder, error);
    }
  }

  /** A file's bytes, by its object. */
  async read(oid: string, path: string): Promise<Uint8Array> {
    const { readBlob } = await library();
    try {
      return (await readBlob({ ...this.#reading(), oid })).blob;
    } catch (error) {
      throw unreadable(path, error);
    }
  }

  async #resolve(base: string, ref: string): Promise<string> {
    const { resolveRef, expandOid, Errors } = await library();
    const missing = () =>
      new AppError(
        "not_found",
        `There is no branch, tag or commit "${ref}" in the repository; fetch it first, or name another`,
      );
    if (base === "" || base.includes("..") || base.startsWith("/") || /[\0-\x20:?*[\\]/.test(base)) {
      throw missing();
    }
    try {
      return await resolveRef({ fs, gitdir: base === "HEAD" ? this.#headDir : this.gitDir, ref: base });
    } catch (error) {
      if (!(error instanceof Errors.NotFoundError)) throw unreadable(ref, error);
    }
    if (base === "HEAD" && this.#headDir !== this.gitDir) {
      // A linked work tree has its HEAD, and the branch that it names is with the others.
      const [, branch] = /^ref: (\S+)/.exec(await Deno.readTextFile(join(this.#headDir, "HEAD"))) ?? [];
      if (branch !== undefined) return await this.#resolve(branch, ref);
    }
    if (!/^[0-9a-f]{4,40}$/i.test(base)) throw missing();
    try {
      return await expandOid({ ...this.#reading(), oid: base.toLowerCase() });
    } catch (error) {
      if (error instanceof Errors.AmbiguousError) {
        throw new AppError(
          "invalid",
          `"${base}" is the beginning of more than one object's id: write more of it`,
        );
      }
      throw missing();
    }
  }

  async #readCommit(oid: string, ref: string): Promise<{ info: CommitInfo; parents: readonly string[] }> {
    const { readCommit, Errors } = await library();
    try {
      const { oid: id, commit } = await readCommit({ ...this.#reading(), oid });
      const [subject = ""] = commit.message.split("\n");
      return {
        info: { id, author: commit.author.name, subject, atMs: commit.author.timestamp * 1000 },
        parents: commit.parent,
      };
    } catch (error) {
      if (error instanceof Errors.ObjectTypeError) {
        throw new AppError("invalid", `"${ref}" is no commit, but ${error.data.actual}`);
      }
      throw unreadable(ref, error);
    }
  }

  #reading() {
    return { fs, gitdir: this.gitDir, cache: this.#cache };
  }
}

export interface TreeEntry {
  readonly name: string;
  /** As git writes it: 100644, 100755, 120000 for a link, 040000 for a folder, 160000 for a submodule. */
  readonly mode: string;
  readonly type: "blob" | "tree" | "commit";
  readonly oid: string;
}

/** `.git` in the folder: the repository itself, or a file that says where it is. */
async function openAt(folder: string, prefix: string): Promise<Repository | undefined> {
  const dotGit = join(folder, ".git");
  let headDir = dotGit;
  try {
    if ((await Deno.stat(dotGit)).isFile) {
      const [, linked] = /^gitdir: (.+)/.exec(await Deno.readTextFile(dotGit)) ?? [];
      if (linked === undefined) return undefined;
      headDir = isAbsolute(linked.trim()) ? linked.trim() : join(folder, linked.trim());
    }
    await Deno.stat(join(headDir, "HEAD"));
  } catch {
    return undefined;
  }
  const gitDir = await commonDir(headDir);
  await refuseOtherHashes(gitDir);
  return new Repository({ headDir, gitDir, prefix });
}

async function commonDir(headDir: string): Promise<string> {
  try {
    const text = (await Deno.readTextFile(join(headDir, "commondir"))).trim();
    return isAbsolute(text) ? text : join(headDir, text);
  } catch {
    return headDir;
  }
}

async function refuseOtherHashes(gitDir: string): Promise<void> {
  const config = await Deno.readTextFile(join(gitDir, "config")).catch(() => "");
  const [, format] = /^\s*objectformat\s*=\s*(\S+)/im.exec(config) ?? [];
  if (format === undefined || format.toLowerCase() === "sha1") return;
  throw new AppError(
    "invalid",
    `The repository names its objects by ${format}, which is not read here: only sha1 is`,
  );
}

async function library() {
  return await import("./library.ts");
}

function unreadable(what: string, error: unknown): AppError {
  const reason = error instanceof Error ? error.message : String(error);
  return new AppError(
    "invalid",
    `Cannot read ${what} in the git repository: ${reason}. A partial or shared clone lacks objects: fetch them all`,
    { cause: error },
  );
}
