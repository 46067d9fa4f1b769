import { dirname, resolve } from "node:path";
import type { Access } from "../../../contract/connector.ts";
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

/** A folder needs itself and the work folder beside it; a file the folder that it is in. */
export function targetAccess(root: string, target: string): Pick<Access, "read" | "write"> {
  const { kind, path } = targetOf(root, target);
  const paths = kind === "folder" ? [path, workPathOf(path)] : [dirname(path)];
  return { read: paths, write: paths };
}
