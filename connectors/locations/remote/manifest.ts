import * as v from "valibot";
import { AppError } from "../../../contract/errors.ts";
import type { JsonValue } from "../../../contract/json.ts";

/**
 * What makes a folder change in one step: an object in it that names the part files which loads have
 * written. A part file that it does not name is not there yet, or not there any more. Files of others it leaves
 * alone. Who reads the folder without it may see the parts of two loads for the moment in between.
 */

/** Hidden, and without an ending that a glob for data would match. */
export const MANIFEST = ".sluice";

const jsonSchema = v.custom<JsonValue>((value) => value !== undefined);
const manifestSchema = v.object({
  version: v.literal(1),
  /** Part files, relative to the folder, sorted. */
  files: v.array(v.string()),
  note: jsonSchema,
});
type Content = v.InferOutput<typeof manifestSchema>;

export interface Manifest extends Content {
  readonly etag: string | null;
}

/** The part of a name that says that a load of ours wrote it; another one for each attempt. */
const MARK = /\.sx[a-z]{8}\./;
const MARK_LETTERS = 8;

export function isOurPart(key: string): boolean {
  return MARK.test(key.slice(key.lastIndexOf("/") + 1));
}

/** Whether loads have left the file there; each manifest by its folder, with a slash at its end. */
export function isVisible(key: string, manifests: ReadonlyMap<string, Pick<Manifest, "files">>): boolean {
  if (!isOurPart(key)) return true;
  let isManaged = false;
  for (const [folder, { files }] of manifests) {
    if (!key.startsWith(folder)) continue;
    isManaged = true;
    if (files.includes(key.slice(folder.length))) return true;
  }
  return !isManaged;
}

/** A mark for the names of one attempt's files. */
export function newMark(): string {
  const letters = crypto.getRandomValues(new Uint8Array(MARK_LETTERS));
  return `sx${Array.from(letters, (byte) => String.fromCharCode(97 + byte % 26)).join("")}`;
}

/** `day=1/part-x.csv.gz` → `day=1/part-x.sxabcdefgh.csv.gz`. */
export function markedName(path: string, mark: string): string {
  const dot = path.indexOf(".", path.lastIndexOf("/") + 1);
  return dot === -1 ? `${path}.${mark}.` : `${path.slice(0, dot)}.${mark}${path.slice(dot)}`;
}

/** What a manifest is read from. */
export interface ManifestStore {
  /** Undefined where there is no such file. */
  getAll(key: string): Promise<{ readonly bytes: Uint8Array; readonly etag: string | null } | undefined>;
  /** For messages. */
  shown(key: string): string;
}

/** The manifest of a folder, whose name ends with a slash or is empty. Throws `conflict` for one that cannot be read. */
export async function readManifest(store: ManifestStore, folder: string): Promise<Manifest | undefined> {
  const key = `${folder}${MANIFEST}`;
  const found = await store.getAll(key);
  if (found === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(found.bytes));
  } catch {
    value = undefined;
  }
  const parsed = v.safeParse(manifestSchema, value);
  if (!parsed.success) {
    throw new AppError(
      "conflict",
      `Cannot read "${
        store.shown(key)
      }": it is not what a load of this version writes; use the version that wrote ` +
        "it, or remove it where the folder's files are to be read as they are",
    );
  }
  return { ...parsed.output, etag: found.etag };
}

/** What the note of a manifest says that a load has put before its first part; no load has ended there yet. */
const begunSchema = v.strictObject({ begunBy: v.string() });

/**
 * The manifest that a load puts first into a folder which has none: without it readers would take the parts for the
 * folder's before they are all there. It keeps the files that are there. `mark` is the attempt's. ASCII.
 */
export function begunManifestBytes(files: readonly string[], mark: string): Uint8Array {
  return manifestBytes(files, { begunBy: mark });
}

/** Whether no load has ended in the folder. */
export function isOnlyBegun({ note }: Pick<Manifest, "note">): boolean {
  return v.is(begunSchema, note);
}

/** Whether it is still the one that the attempt put first. */
export function isBegunBy({ note }: Pick<Manifest, "note">, mark: string): boolean {
  return v.is(begunSchema, note) && note.begunBy === mark;
}

/** ASCII. */
export function manifestBytes(files: readonly string[], note: JsonValue): Uint8Array {
  return asciiJson({ version: 1, files: files.toSorted(), note });
}

export function asciiJson(value: JsonValue): Uint8Array {
  const text = JSON.stringify(value).replace(
    /[\u0080-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return new TextEncoder().encode(text);
}
