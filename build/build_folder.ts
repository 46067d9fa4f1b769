import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { stageProgram } from "./program_files.ts";
import type { StagedFile } from "./staged_file.ts";

/**
 * `deno run -A build/build_folder.ts PARENT`: the program as it ships, without deno and not packed, in a folder of PARENT
 * that is named by what is in it. Prints the folder of its main module. One that is there is whole and stays as it
 * is, since something may run in it; those that nobody asked for in the last day are removed.
 */

const UNUSED_MS = 24 * 60 * 60_000;

async function build(parent: string): Promise<string> {
  const { files } = await stageProgram(fileURLToPath(new URL("..", import.meta.url)));
  const hash = createHash("sha256");
  for (const { path, content } of files) hash.update(path).update(content);
  const folder = join(parent, hash.digest("hex").slice(0, 16));
  await Deno.mkdir(parent, { recursive: true });
  if (!await isThere(folder)) {
    const fresh = await Deno.makeTempDir({ dir: parent });
    await Deno.chmod(fresh, 0o755);
    await writeFiles(fresh, files);
    try {
      await Deno.rename(fresh, folder);
    } catch (error) {
      await Deno.remove(fresh, { recursive: true });
      // Another one that was built meanwhile is the same.
      if (!await isThere(folder)) throw error;
    }
  }
  await Deno.utime(folder, new Date(), new Date());
  return folder;
}

async function writeFiles(folder: string, files: readonly StagedFile[]): Promise<void> {
  for (const { path, content, isExecutable } of files) {
    const target = join(folder, path);
    await Deno.mkdir(dirname(target), { recursive: true });
    await Deno.writeFile(target, content, { mode: isExecutable ? 0o755 : 0o644 });
  }
}

async function removeUnused(parent: string): Promise<void> {
  for await (const { name } of Deno.readDir(parent)) {
    const path = join(parent, name);
    const usedMs = (await Deno.stat(path)).mtime?.getTime() ?? Date.now();
    if (Date.now() - usedMs > UNUSED_MS) await Deno.remove(path, { recursive: true });
  }
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

const [parent = "dist/program"] = Deno.args;
const folder = await build(parent);
await removeUnused(parent);
console.log(join(folder, "lib"));
