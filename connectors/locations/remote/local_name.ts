/**
 * Where a remote file's bytes are on the local disk: its path as a name that every disk can hold, whatever is in it
 * (`..`, `//`, percent signs, a file that is named like another one's folder), and that SQL can read back.
 */

/** Most file systems hold names of 255 bytes. */
const SEGMENT_LENGTH = 200;
/** What encodeURIComponent never leaves as it is: a file is never named like a folder of another one. */
const END = "$";

/** `path` is absolute; so is the result, to be put behind a folder's path. */
export function localNameOf(path: string): string {
  const text = encodeURIComponent(path.slice(1).toWellFormed()).replaceAll(".", "%2E");
  const segments = text.match(new RegExp(`.{1,${SEGMENT_LENGTH}}`, "g")) ?? [];
  return `/${segments.join("/")}${END}`;
}

/** SQL of the path, of SQL of a local path that begins with `prefix`. */
export function pathSqlOf(localPath: string, prefix: string): string {
  const name = `substring(${localPath}, ${[...prefix].length + 1})`;
  return `('/' || url_decode(replace(replace(${name}, '/', ''), '${END}', '')))`;
}
