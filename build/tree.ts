import { join } from "node:path";
import type { StagedFile } from "./staged_file.ts";

/** Left behind by trying a project out. */
const LEFTOVERS: ReadonlySet<string> = new Set([".sluice", "out", "node_modules"]);

/** Every file under a folder, at `target` in the archive. */
export async function readTree(folder: string, target: string): Promise<StagedFile[]> {
  const files: StagedFile[] = [];
  for await (const entry of Deno.readDir(folder)) {
    if (LEFTOVERS.has(entry.name)) continue;
    const path = join(folder, entry.name);
    const inside = `${target}/${entry.name}`;
    if (entry.isDirectory) files.push(...await readTree(path, inside));
    else files.push({ path: inside, content: await Deno.readFile(path), isExecutable: false });
  }
  return files;
}
