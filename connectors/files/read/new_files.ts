import * as v from "valibot";
import { AppError } from "../../../contract/errors.ts";
import type { JsonValue } from "../../../contract/json.ts";
import type { StoredFile } from "../../locations/location.ts";

/**
 * Which files an `append` stream without an update_key has not read yet. Its state is a tag of each file that it
 * has: the ETag, or the size and time where the location has none. No I/O.
 */

/** Files that are gone and whose tags are kept, so that one that is put back is not read twice. */
const MAX_GONE = 10_000;
const MAX_TOLD = 5;

const stateSchema = v.object({ files: v.record(v.string(), v.string()) });

export interface NewFiles {
  /** Those that are new or have changed, in their order. */
  readonly files: readonly StoredFile[];
  /** To be kept with the rows of `files`. */
  readonly state: JsonValue;
  readonly messages: readonly { readonly level: "info" | "warn"; readonly message: string }[];
}

/**
 * `root` is absolute: what is known of files goes with a folder that moves. Throws `invalid` for a file of which nobody
 * can tell whether it changed.
 */
export function newFiles(root: string, files: readonly StoredFile[], state: JsonValue | undefined): NewFiles {
  const parsed = v.safeParse(stateSchema, state);
  const known = new Map(parsed.success ? Object.entries(parsed.output.files) : []);
  const tags = new Map(files.map((file) => [nameOf(root, file), tagOf(file)]));
  const chosen = files.filter((file) => known.get(nameOf(root, file)) !== tagOf(file));
  const changed = chosen.filter((file) => known.has(nameOf(root, file)));
  const gone = [...known].filter(([name]) => !tags.has(name)).slice(-MAX_GONE);
  const messages = known.size === 0 ? [] : [
    ...changed.length === 0 ? [] : [{ level: "warn", message: toldChanged(changed) } as const],
    { level: "info", message: `${chosen.length} of ${files.length} files are new or have changed` } as const,
  ];
  return { files: chosen, state: { files: Object.fromEntries([...gone, ...tags]) }, messages };
}

/** Under the root by the way to it. */
export function nameOf(root: string, { path }: StoredFile): string {
  return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path;
}

function tagOf({ etag, sizeBytes, modifiedMs, localCopy, shown }: StoredFile): string {
  // The disk's own has the file's number in it, which is another one where the folder was copied.
  if (etag !== null && localCopy !== undefined) return etag;
  if (modifiedMs !== null) return `${sizeBytes} ${modifiedMs}`;
  throw new AppError(
    "invalid",
    `Cannot add "${shown}" to what was read before: its server says neither a strong ETag nor when it changed, so ` +
      "nobody can tell whether it is new; read it with mode: full, or name an update_key",
  );
}

function toldChanged(changed: readonly StoredFile[]): string {
  const shown = changed.slice(0, MAX_TOLD).map(({ shown }) => `"${shown}"`).join(", ");
  const more = changed.length > MAX_TOLD ? ` and ${changed.length - MAX_TOLD} more` : "";
  return `${shown}${more} changed since the last read: all of the rows are added, beside those from before`;
}
