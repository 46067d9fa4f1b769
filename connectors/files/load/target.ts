import type { FilePaths } from "../../locations/file_paths.ts";
import type { PublicationTarget } from "../../locations/location.ts";
import { kindOfName } from "../kind.ts";

/**
 * Where a load goes: a name with a data ending is one file; one that ends in `/`, or has no such
 * ending, is a folder to which each append adds a file.
 */
export function targetOf(paths: FilePaths, target: string): PublicationTarget {
  const path = paths.targetPath(target);
  const kind = target.endsWith("/") || kindOfName(target).format === undefined ? "folder" : "file";
  return { kind, path, shown: paths.shown(path) };
}
