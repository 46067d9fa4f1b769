import { resolve } from "node:path";
import { shownPath } from "./shown_path.ts";

/** How the paths of a connector's streams and loads are meant. No I/O. */
export interface FilePaths {
  /** What they are relative to. Absolute. */
  readonly root: string;
  /** The absolute path of a load's target. Throws `invalid` for one that there cannot be. */
  targetPath(path: string): string;
  /** An absolute path as in messages. */
  shown(path: string): string;
}

/** `root` is absolute. */
export function diskPaths(root: string): FilePaths {
  return {
    root,
    targetPath: (path) => resolve(root, path),
    shown: (path) => shownPath(root, path),
  };
}
