import type { Fault } from "../../../text/fault.ts";
import type { ProjectFiles } from "../read_files.ts";

/** Folders in folders are read so deep: links in there may lead in a circle. */
export const MAX_LEVELS = 8;

/** A file below a folder of the project, or why something there is not looked at. */
export type WalkedEntry =
  | {
    /** In the project. */
    readonly path: string;
    /** In the folder. */
    readonly inner: string;
    readonly name: string;
  }
  | { readonly fault: Fault };

/** All files of a folder and of the folders in it, hidden ones aside, in order; none where there is no such folder. */
export async function walkFolder(project: ProjectFiles, base: string): Promise<WalkedEntry[]> {
  const found: WalkedEntry[] = [];
  const walk = async (prefix: string, level: number) => {
    const folder = `${base}/${prefix}`.replace(/\/$/, "");
    const entries = await project.list(folder) ?? [];
    if ("fault" in entries) {
      found.push(entries);
      return;
    }
    for (const { name, isFolder } of entries) {
      const [path, inner] = [`${folder}/${name}`, `${prefix}${name}`];
      if (!isFolder) found.push({ path, inner, name });
      else if (level < MAX_LEVELS) await walk(`${inner}/`, level + 1);
      else {
        const message = `is not read: files are at most ${MAX_LEVELS} folders deep`;
        found.push({ fault: { file: path, line: 1, column: 1, message, severity: "warning" } });
      }
    }
  };
  await walk("", 1);
  return found;
}
