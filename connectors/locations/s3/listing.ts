import { AppError } from "../../../contract/errors.ts";
import type { KeyGlob } from "./key_glob.ts";
import { isVisible, MANIFEST, type Manifest, readManifest } from "../remote/manifest.ts";
import type { ObjectInfo, S3Store } from "./s3_store.ts";

const MAX_LISTINGS = 10;

/**
 * The objects that a glob matches, in the order of their keys, all from one state of the folders that loads have
 * written: where a load ends meanwhile, they are listed anew.
 */
export async function listMatches(
  store: S3Store,
  glob: KeyGlob,
  wanted: (key: string) => boolean,
  root: string,
): Promise<readonly ObjectInfo[]> {
  const isWanted = (key: string) => glob.matches(key) && wanted(key);
  let missing = "";
  for (let listing = 0; listing < MAX_LISTINGS; listing++) {
    const found: ObjectInfo[] = [];
    const listed = new Set<string>();
    for await (const object of store.list(glob.prefix, glob.isFlat)) {
      if (isManifest(object.key)) listed.add(object.key.slice(0, -MANIFEST.length));
      else if (isWanted(object.key)) found.push(object);
    }
    const manifests = await readManifests(store, listed, foldersAbove(glob.folder, root));
    const keys = new Set(found.map(({ key }) => key));
    const lost = [...manifests].flatMap(([folder, { files }]) => files.map((file) => `${folder}${file}`))
      .find((key) => isWanted(key) && !keys.has(key));
    if (lost === undefined) return found.filter(({ key }) => isVisible(key, manifests));
    missing = lost;
  }
  throw new AppError(
    "unavailable",
    `Cannot read "${store.shown(glob.prefix)}": "${
      store.shown(missing)
    }" is missing, which the last load wrote; ` +
      "run it again, or replace the folder by a load",
  );
}

const isManifest = (key: string) => key === MANIFEST || key.endsWith(`/${MANIFEST}`);

/** The folder and those that it lies in, up to the root: `a/b/` → `a/b/`, `a/`, and nothing for the bucket itself. */
function foldersAbove(folder: string, root: string): string[] {
  const folders: string[] = [];
  for (let at = folder; at.length >= root.length; at = at.slice(0, at.slice(0, -1).lastIndexOf("/") + 1)) {
    folders.push(at);
    if (at === "") break;
  }
  return folders;
}

/** Of folders that have one, and of those that may have one: what the store does not let be read there, is none. */
async function readManifests(
  store: S3Store,
  listed: ReadonlySet<string>,
  possible: readonly string[],
): Promise<Map<string, Manifest>> {
  const manifests = new Map<string, Manifest>();
  await Promise.all([...new Set([...listed, ...possible])].map(async (folder) => {
    try {
      const manifest = await readManifest(store, folder);
      if (manifest !== undefined) manifests.set(folder, manifest);
    } catch (error) {
      const isHiddenFromUs = error instanceof AppError && error.code === "forbidden" && !listed.has(folder);
      if (!isHiddenFromUs) throw error;
    }
  }));
  return manifests;
}
