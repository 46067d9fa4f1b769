import { basename, dirname, join, relative, resolve } from "node:path";

/**
 * Where the path leads once symbolic links are followed. What does not exist yet lies in its nearest
 * folder that does; a link that leads nowhere is where it points to. Throws what the system throws
 * for a path that it cannot look at, links in a circle included.
 */
export async function realPathOf(path: string, depth = 0): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) throw error;
  }
  const folder = dirname(path);
  if (folder === path || depth > MAX_DEPTH) return path;
  const target = await Deno.readLink(path).catch(() => undefined);
  const real = await realPathOf(folder, depth + 1);
  // A write through a dangling link makes the file that it points to.
  return target === undefined
    ? join(real, basename(path))
    : await realPathOf(resolve(real, target), depth + 1);
}

/** As many links and missing folders as nobody has. */
const MAX_DEPTH = 256;

/** Whether the path is the folder or lies in it. Both absolute, links followed. */
export function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === "" || (way !== ".." && !way.startsWith("../"));
}
