import { isAbsolute, relative } from "node:path";

/** The path as in messages: relative to the root where it is under it. No I/O. */
export function shownPath(root: string, path: string): string {
  const shown = relative(root, path);
  return shown.startsWith("..") || isAbsolute(shown) ? path : shown;
}
