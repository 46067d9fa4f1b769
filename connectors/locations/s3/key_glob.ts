import { AppError } from "../../../contract/errors.ts";
import { isHidden } from "../hidden.ts";
import { globExpression } from "../pattern.ts";

/** A path as it names keys of a bucket: exactly as it is written, behind the connector's prefix. */
export interface KeyPattern {
  /** Of one file. */
  readonly key: string;
  /** Undefined where it has no wildcard. */
  readonly glob: KeyGlob | undefined;
}

export interface KeyGlob {
  /** All keys that it can match begin with this. */
  readonly prefix: string;
  /** The part of it that ends with the last slash: `data/`, or nothing. */
  readonly folder: string;
  /** No key in a folder below matches. */
  readonly isFlat: boolean;
  matches(key: string): boolean;
}

const GLOB_CHARACTERS = /[*?[]/;

/** `root` is the connector's prefix, empty or with a slash at its end. Throws `invalid` for `..` behind a wildcard. */
export function parseKeyPattern(root: string, pattern: string): KeyPattern {
  const key = `${root}${pattern}`;
  const at = pattern.search(GLOB_CHARACTERS);
  if (at === -1) return { key, glob: undefined };
  const fixed = pattern.slice(0, at);
  const folder = fixed.slice(0, fixed.lastIndexOf("/") + 1);
  const behind = pattern.slice(folder.length);
  if (behind.split("/").some((segment) => segment === "..")) {
    throw new AppError("invalid", `Cannot read "${pattern}": ".." may not stand behind a wildcard`);
  }
  const expression = globExpression(behind);
  const base = `${root}${folder}`;
  return {
    key,
    glob: {
      prefix: `${root}${fixed}`,
      folder: base,
      isFlat: !behind.includes("/") && !behind.includes("**"),
      matches: (found) =>
        found.startsWith(base) && !found.endsWith("/") && expression.test(found.slice(base.length)) &&
        !found.slice(base.length).split("/").some(isHidden),
    },
  };
}
