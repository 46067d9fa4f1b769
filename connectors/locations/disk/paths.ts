import { isAbsolute, relative, resolve } from "node:path";
import { AppError } from "../../../contract/errors.ts";
import { fileError } from "./file_error.ts";

/** Where files of the disk are: paths and globs. */

const GLOB_CHARACTERS = /[*?[]/;

export interface FoundFile {
  readonly path: string;
  /** Relative to the root where it is under it; for messages and the filename column. */
  readonly shown: string;
  readonly sizeBytes: number;
}

export function absolutePath(root: string, path: string): string {
  return resolve(root, path);
}

/** The folder, or the file, under which everything lies that the pattern can match. Absolute; no I/O. */
export function fixedBase(root: string, pattern: string): string {
  const absolute = resolve(root, pattern);
  const segments = absolute.split("/");
  const firstGlob = segments.findIndex((segment) => GLOB_CHARACTERS.test(segment));
  return firstGlob === -1 ? absolute : segments.slice(0, firstGlob).join("/") || "/";
}

export function shownPath(root: string, path: string): string {
  const shown = relative(root, path);
  return shown.startsWith("..") || isAbsolute(shown) ? path : shown;
}

/** DuckDB takes every path for a glob; brackets make its special characters plain. */
export function escapeGlob(path: string): string {
  return path.replace(/[*?[]/g, "[$&]");
}

/**
 * The files that a path or glob names, in the order of their paths. Names that begin with `.` or
 * `_sluice` are left out of globs. Throws `not_found`, `invalid` for a folder, `forbidden`.
 */
export async function findFiles(root: string, pattern: string): Promise<FoundFile[]> {
  const absolute = resolve(root, pattern);
  const plain = await statFile(root, absolute, pattern);
  if (plain !== undefined) return [plain];
  if (!GLOB_CHARACTERS.test(absolute)) {
    throw new AppError(
      "not_found",
      `Cannot read "${pattern}": there is no such file`,
    );
  }
  const base = fixedBase(root, pattern);
  const matcher = globExpression(absolute.slice(base.length).replace(/^\//, ""));
  const files: FoundFile[] = [];
  for await (const path of walk(base, pattern)) {
    if (!matcher.test(path.slice(base.length).replace(/^\//, ""))) continue;
    const file = await statFile(root, path, pattern);
    if (file !== undefined) files.push(file);
  }
  if (files.length === 0) {
    throw new AppError("not_found", `Cannot read "${pattern}": no file matches it`);
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function statFile(root: string, path: string, pattern: string): Promise<FoundFile | undefined> {
  try {
    const info = await Deno.stat(path);
    if (info.isDirectory) {
      throw new AppError(
        "invalid",
        `Cannot read "${pattern}": it is a folder; name its files, as "${pattern.replace(/\/$/, "")}/*.csv"`,
      );
    }
    return { path, shown: shownPath(root, path), sizeBytes: info.size };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw fileError("read", shownPath(root, path), error);
  }
}

async function* walk(folder: string, pattern: string): AsyncIterable<string> {
  const entries: Deno.DirEntry[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) entries.push(entry);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw fileError("read", pattern, error);
  }
  for (const entry of entries) {
    if (isHidden(entry.name)) continue;
    const path = `${folder === "/" ? "" : folder}/${entry.name}`;
    if (entry.isDirectory) yield* walk(path, pattern);
    else yield path;
  }
}

/** What this program and others keep beside the data. */
export function isHidden(name: string): boolean {
  return name.startsWith(".") || name.startsWith("_sluice");
}

/** `*` and `?` within a name, `[abc]`, and `**` for any number of folders, as DuckDB's own globs. */
export function globExpression(glob: string): RegExp {
  const segments = glob.split("/");
  let source = "^";
  segments.forEach((segment, index) => {
    const isLast = index === segments.length - 1;
    if (segment === "**") source += isLast ? ".*" : "(?:[^/]+/)*";
    else source += segmentSource(segment) + (isLast ? "" : "/");
  });
  return new RegExp(`${source}$`, "u");
}

function segmentSource(segment: string): string {
  return segment.replace(/\[(!?)([^\]]+)\]|\*|\?|[\\^$.|+(){}\[\]]/gu, (match, not, set) => {
    if (match === "*") return "[^/]*";
    if (match === "?") return "[^/]";
    if (typeof set !== "string") return `\\${match}`;
    return `[${not === "!" ? "^" : ""}${set.replace(/[\\\]^]/g, "\\$&")}]`;
  });
}
