import { resolve } from "node:path";
import { AppError } from "../../contract/errors.ts";

/** Paths and globs of files, relative to a root. */

const GLOB_CHARACTERS = /[*?[]/;

export interface Pattern {
  /** The folder, or the file, under which everything lies that the pattern can match. Absolute. */
  readonly base: string;
  /** Undefined where the pattern has no wildcard. */
  readonly glob: Glob | undefined;
}

/** Of paths relative to the base. */
export interface Glob {
  matches(path: string): boolean;
  /** Whether something in the folder can match. */
  reaches(folder: string): boolean;
}

/** No I/O. The root's own characters are never wildcards. Throws `invalid` for `..` behind a wildcard. */
export function parsePattern(root: string, pattern: string): Pattern {
  const segments = pattern.split("/");
  const firstGlob = segments.findIndex((segment) => GLOB_CHARACTERS.test(segment));
  if (firstGlob === -1) return { base: resolve(root, pattern), glob: undefined };
  const globs = segments.slice(firstGlob).filter((segment) => segment !== "" && segment !== ".");
  if (globs.includes("..")) {
    throw new AppError("invalid", `Cannot read "${pattern}": ".." may not stand behind a wildcard`);
  }
  const fixed = segments.slice(0, firstGlob).join("/");
  return {
    base: resolve(root, pattern.startsWith("/") ? `/${fixed}` : fixed === "" ? "." : fixed),
    glob: globOf(globs),
  };
}

function globOf(segments: readonly string[]): Glob {
  const whole = globExpression(segments.join("/"));
  const anywhere = segments.indexOf("**");
  const folders = segments.slice(0, -1).map((_, index) =>
    globExpression([...segments.slice(0, index + 1)].join("/"))
  );
  return {
    matches: (path) => whole.test(path),
    reaches: (folder) =>
      folders.some((expression) => expression.test(folder)) ||
      (anywhere !== -1 &&
        (anywhere === 0 || globExpression(segments.slice(0, anywhere + 1).join("/")).test(folder))),
  };
}

/** `*` and `?` within a name, `[abc]`, and `**` for any number of folders, as DuckDB's own globs. */
export function globExpression(glob: string): RegExp {
  const segments = glob.split("/");
  let source = "^";
  segments.forEach((segment, index) => {
    const isLast = index === segments.length - 1;
    if (segment === "**") source += isLast ? "[^]*" : "(?:[^/]+/)*";
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
