import { resolve } from "node:path";
import { workPathOf } from "../../locations/disk/published.ts";
import { shownPath } from "../../locations/disk/shown_path.ts";
import type { PublicationTarget } from "../../locations/location.ts";
import { kindOfName } from "../kind.ts";

/**
 * Where a load goes: a name with a data ending is one file; one that ends in `/`, or has no such
 * ending, is a folder to which each append adds a file.
 */
export function targetOf(root: string, target: string): PublicationTarget {
  const path = resolve(root, target);
  const kind = target.endsWith("/") || kindOfName(target).format === undefined ? "folder" : "file";
  return { kind, path, shown: shownPath(root, path) };
}

/** What a load writes: the file or folder, and the work folder beside it. */
export function targetPaths(root: string, target: string): string[] {
  const { path } = targetOf(root, target);
  return [path, workPathOf(path)];
}
