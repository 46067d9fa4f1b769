import { dirname, join, sep as SEPARATOR } from "node:path";
import { AppError } from "../../../contract/errors.ts";
import type { PlannedFile } from "./planned_file.ts";

/** A file is never written over: see `requireEmpty`. Throws `invalid` for one that leads out of the folder. */
async function writeImport(outDir: string, files: readonly PlannedFile[]): Promise<void> {
  for (const { path, content } of files) {
    const target = join(outDir, path);
    // Names come from files of others.
    if (!target.startsWith(`${outDir}${SEPARATOR}`)) {
      throw new AppError("invalid", `Cannot write "${path}": it leads out of the new project`);
    }
    await Deno.mkdir(dirname(target), { recursive: true });
    await Deno.writeTextFile(target, content, { createNew: true });
  }
}

/**
 * Writes over what an earlier plan of the same import has written, and takes away what is not there any more. Returns the
 * paths of what is other than before.
 */
export async function rewriteImport(
  outDir: string,
  before: readonly PlannedFile[],
  after: readonly PlannedFile[],
): Promise<string[]> {
  const old = new Map(before.map(({ path, content }) => [path, content]));
  const added = after.filter(({ path }) => !old.has(path));
  await writeImport(outDir, added);
  const changed = added.map(({ path }) => path);
  for (const { path, content } of after) {
    if (old.has(path) && old.get(path) !== content) {
      await Deno.writeTextFile(join(outDir, path), content);
      changed.push(path);
    }
    old.delete(path);
  }
  for (const path of old.keys()) await Deno.remove(join(outDir, path));
  return [...changed, ...old.keys()];
}

/** Throws `conflict` where there is something in the folder; what git keeps may be there. */
export async function requireEmpty(outDir: string): Promise<void> {
  try {
    for await (const { name } of Deno.readDir(outDir)) {
      if (name === ".git") continue;
      throw new AppError(
        "conflict",
        `"${outDir}" is not empty: name a new folder, so that nothing in it is changed`,
      );
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotADirectory) throw new AppError("conflict", `"${outDir}" is a file`);
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
