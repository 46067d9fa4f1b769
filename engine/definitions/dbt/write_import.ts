import { dirname, join, sep as SEPARATOR } from "node:path";
import { AppError } from "../../../contract/errors.ts";
import type { PlannedFile } from "./planned_file.ts";

/** Writes into a folder that is new or empty; a file is never written over. Throws `conflict` for any other folder. */
export async function writeImport(outDir: string, files: readonly PlannedFile[]): Promise<void> {
  await requireEmpty(outDir);
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
