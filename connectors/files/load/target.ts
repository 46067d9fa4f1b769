import { resolve } from "node:path";
import { shownPath } from "../../locations/shown_path.ts";
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
