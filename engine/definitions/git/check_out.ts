import { dirname, join } from "node:path";
import { AppError } from "../../../contract/errors.ts";
import { PROJECT_PATHS } from "../../../contract/project/project_paths.ts";
import type { Repository, TreeEntry } from "./repository.ts";

/** A project's definitions are written by hand: more than this is no project. */
const MAX_FILES = 50_000;
const MAX_BYTES = 512 * 1024 * 1024;

const LINK = "120000";
const LFS_POINTER = "version https://git-lfs.github.com/spec/";

/** What a commit says of the project, in a folder of its own that goes when it is disposed of. Throws as `checkOut`. */
export async function openCheckout(
  repository: Repository,
  commit: string,
): Promise<AsyncDisposable & { readonly folder: string }> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-checkout-" });
  const remove = () => Deno.remove(folder, { recursive: true });
  try {
    // A commit from before there were pipelines has none.
    await Deno.mkdir(join(folder, "pipelines"));
    await checkOut(repository, commit, folder);
  } catch (error) {
    await remove();
    throw error;
  }
  return { folder, [Symbol.asyncDispose]: remove };
}

/**
 * Writes what a commit says of the project into a new folder: its definitions, not its data. Throws not_found where the
 * commit has no such project, and invalid for what is no plain file: a link, a submodule, a file of git LFS.
 */
export async function checkOut(repository: Repository, commit: string, into: string): Promise<void> {
  const root = await repository.list(commit, repository.prefix);
  if (root === undefined) {
    throw new AppError("not_found", `${commit.slice(0, 12)} has no folder ${repository.prefix}`);
  }
  const left = { files: MAX_FILES, bytes: MAX_BYTES };
  const write = async (entry: TreeEntry, path: string): Promise<void> => {
    const full = repository.prefix === "" ? path : `${repository.prefix}/${path}`;
    requirePlain(entry, full);
    if (entry.type === "tree") {
      await Deno.mkdir(join(into, path), { recursive: true });
      for (const inner of await repository.list(commit, full) ?? []) {
        await write(inner, `${path}/${inner.name}`);
      }
      return;
    }
    const bytes = await repository.read(entry.oid, full);
    left.files--;
    left.bytes -= bytes.length;
    if (left.files < 0 || left.bytes < 0) {
      throw new AppError(
        "invalid",
        `The project of ${commit.slice(0, 12)} is too large: 50,000 files or 512 MB at most`,
      );
    }
    if (new TextDecoder().decode(bytes.subarray(0, LFS_POINTER.length)) === LFS_POINTER) {
      throw new AppError(
        "invalid",
        `${full} is a file of git LFS, whose content is not in the repository: commit it itself`,
      );
    }
    await Deno.mkdir(dirname(join(into, path)), { recursive: true });
    await Deno.writeFile(join(into, path), bytes, { createNew: true });
  };
  for (const entry of root) if (PROJECT_PATHS.includes(entry.name)) await write(entry, entry.name);
}

/** Names in a tree come from whoever wrote the commit. */
function requirePlain({ name, mode, type }: TreeEntry, path: string): void {
  if (name === "" || name === "." || name === ".." || /[/\\\0]/.test(name) || name.toLowerCase() === ".git") {
    throw new AppError(
      "invalid",
      `The commit has a file of the name ${JSON.stringify(name)}, which no file may have`,
    );
  }
  if (name.includes("\uFFFD")) {
    throw new AppError(
      "invalid",
      `${path}: the file's name is not UTF-8, in which a project's files are named: rename it`,
    );
  }
  const refused = mode === LINK ? "a symbolic link" : type === "commit" ? "a submodule" : undefined;
  if (refused !== undefined) {
    throw new AppError(
      "invalid",
      `${path} is ${refused}, which is not read from git: commit the files themselves`,
    );
  }
}
