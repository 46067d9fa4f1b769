import { requireSpace } from "../../locations/free_space.ts";
import type { LocalCopy, StoredFile } from "../../locations/location.ts";

/** Remote files that are brought and read some at a time, so that the disk need not hold all of them. */

/** What a format adds that can read some of its files alone. */
export interface PartialScan {
  /** The relation of those files whose paths these are. */
  only?(paths: ReadonlySet<string>): string;
}

/** A part is an eighth of all, but not less and not more than this. */
const LEAST_BYTES = 32 * 1024 * 1024;
const MOST_BYTES = 256 * 1024 * 1024;
/** Of many small files; the connector's budget bounds the connections. */
const FILES_AT_ONCE = 8;

/** The files in their order, in parts; one part where there is no use in more. */
export function partsOf<F extends Pick<StoredFile, "sizeBytes">>(files: readonly F[]): F[][] {
  const totalBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const partBytes = Math.min(Math.max(totalBytes / 8, LEAST_BYTES), MOST_BYTES);
  const parts: F[][] = [[]];
  let bytes = 0;
  for (const file of files) {
    if (bytes >= partBytes) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)?.push(file);
    bytes += file.sizeBytes;
  }
  return parts;
}

/**
 * Each part's relation, when its files are here; those of the next are being brought meanwhile, and those of the one
 * before are gone. Throws `unavailable` where the disk has not room for two neighbours.
 */
export async function* readParts(
  parts: readonly (readonly StoredFile[])[],
  only: (paths: ReadonlySet<string>) => string,
  scratchDir: string,
  signal: AbortSignal,
): AsyncIterable<string> {
  await requireSpace(scratchDir, largestNeighbours(parts));
  let coming: Promise<void> | undefined;
  try {
    for (const [index, part] of parts.entries()) {
      await (coming ?? bringAll(part, signal));
      const next = parts[index + 1];
      coming = next === undefined ? undefined : bringAll(next, signal);
      // Whoever asks for the next part hears what went wrong.
      coming?.catch(() => {});
      yield only(new Set(part.map(({ path }) => path)));
      await removeAll(part);
    }
  } finally {
    await coming?.catch(() => {});
    await removeAll(parts.flat());
  }
}

function largestNeighbours(parts: readonly (readonly StoredFile[])[]): readonly StoredFile[] {
  const size = (files: readonly StoredFile[]) => files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const neighbours = parts.map((part, index) => [...part, ...parts[index + 1] ?? []]);
  return neighbours.reduce((largest, pair) => size(pair) > size(largest) ? pair : largest, []);
}

/** Brings all of the files to the local disk, several at a time. */
export async function bringAll(files: readonly StoredFile[], signal: AbortSignal): Promise<void> {
  const copies = copiesOf(files);
  let next = 0;
  const bringNext = async () => {
    for (let copy = copies[next++]; copy !== undefined; copy = copies[next++]) await copy.complete(signal);
  };
  await Promise.all(Array.from({ length: FILES_AT_ONCE }, bringNext));
}

/** Frees the disk. */
export async function removeAll(files: readonly StoredFile[]): Promise<void> {
  for (const copy of copiesOf(files)) await copy.remove();
}

function copiesOf(files: readonly StoredFile[]): LocalCopy[] {
  return files.flatMap(({ localCopy }) => localCopy === undefined ? [] : [localCopy]);
}
