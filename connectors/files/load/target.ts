import { basename, dirname } from "node:path";
import type { Access } from "../../../contract/connector.ts";
import type { Target } from "./file_load.ts";
import { absolutePath, shownPath } from "../../locations/disk/paths.ts";
import { kindOfName } from "../kind.ts";

/**
 * Where a load goes: a name with a data ending is one file; one that ends in `/`, or has no such
 * ending, is a folder to which each append adds a file.
 */
export function targetOf(root: string, target: string): Target {
  const path = absolutePath(root, target);
  const kind = target.endsWith("/") || kindOfName(target).format === undefined ? "folder" : "file";
  const workPath = `${dirname(path)}/.${basename(path)}.sluice`;
  return { kind, root, path, shown: shownPath(root, path), workPath };
}

/** A folder needs itself and the work folder beside it; a file the folder that it is in. */
export function targetAccess(root: string, target: string): Pick<Access, "read" | "write"> {
  const { kind, path, workPath } = targetOf(root, target);
  const paths = kind === "folder" ? [path, workPath] : [dirname(path)];
  return { read: paths, write: paths };
}
