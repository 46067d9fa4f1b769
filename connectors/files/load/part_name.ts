/** Names of the files that loads put into folders: `part-<token>.parquet`, `part-<token>_0.csv.gz`. */

const PART = /^part-([A-Za-z0-9_-]+?)(?:_\d+)?\.[a-z.]+$/;
const PLAIN = /^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/;

/** The load's id as a part of a file's name: itself where it is plain, else a digest of it. */
export async function tokenOf(loadId: string): Promise<string> {
  if (PLAIN.test(loadId)) return loadId;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(loadId));
  return new Uint8Array(digest).subarray(0, 16).toHex();
}

/** The token in a file's name; undefined where no load wrote the file. */
export function loadOfFile(path: string): string | undefined {
  return PART.exec(path.slice(path.lastIndexOf("/") + 1))?.[1];
}
