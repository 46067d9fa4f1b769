import { AppError } from "../../../contract/errors.ts";
import { isHidden } from "../hidden.ts";
import type { Glob } from "../pattern.ts";
import { isVisible, MANIFEST, type Manifest, readManifest } from "../remote/manifest.ts";
import type { SftpServer } from "./sftp_server.ts";
import type { RemoteStat } from "./sftp_session.ts";

export interface Found {
  /** Absolute. */
  readonly path: string;
  readonly stat: RemoteStat;
}

export interface Search {
  /** The folder that is looked through. Absolute. */
  readonly base: string;
  readonly glob: Glob;
  /** No manifest above it counts. Absolute. */
  readonly root: string;
  readonly signal: AbortSignal;
  /** Hears of a link to a folder, which is not followed. */
  leftOut(path: string): void;
}

export interface Listing {
  readonly files: readonly Found[];
  /** Parts that no load that ended has left. */
  readonly hidden: readonly Found[];
}

const MAX_LISTINGS = 10;

/**
 * The files under the base that the glob matches, in the order of their paths, all from one state of the folders that
 * loads have written: where a load ends meanwhile, they are listed anew.
 */
export async function listFiles(server: SftpServer, search: Search): Promise<Listing> {
  let missing = "";
  for (let listing = 0; listing < MAX_LISTINGS; listing++) {
    const found: Found[] = [];
    const folders = new Set(foldersAbove(search.base, search.root));
    await walk(server, search, search.base, "", { found, folders });
    const manifests = new Map<string, Manifest>();
    for (const folder of folders) {
      const manifest = await readManifest(server, folder);
      if (manifest !== undefined) manifests.set(folder, manifest);
    }
    const paths = new Set(found.map(({ path }) => path));
    const prefix = withSlash(search.base);
    const lost = [...manifests].flatMap(([folder, { files }]) => files.map((file) => `${folder}${file}`))
      .find((path) =>
        path.startsWith(prefix) && search.glob.matches(path.slice(prefix.length)) && !paths.has(path)
      );
    if (lost === undefined) {
      found.sort((a, b) => a.path < b.path ? -1 : 1);
      return {
        files: found.filter(({ path }) => isVisible(path, manifests)),
        hidden: found.filter(({ path }) => !isVisible(path, manifests)),
      };
    }
    missing = lost;
  }
  throw new AppError(
    "unavailable",
    `Cannot read "${server.shown(search.base)}": "${
      server.shown(missing)
    }" is missing, which the last load wrote; run it ` +
      "again, or replace the folder by a load",
  );
}

/** `inside` is the folder relative to the base, with a slash at its end. */
async function walk(
  server: SftpServer,
  search: Search,
  folder: string,
  inside: string,
  into: { readonly found: Found[]; readonly folders: Set<string> },
): Promise<void> {
  search.signal.throwIfAborted();
  const { glob } = search;
  for (const entry of await server.list(folder)) {
    const path = `${withSlash(folder)}${entry.name}`;
    const name = `${inside}${entry.name}`;
    if (entry.name === MANIFEST) into.folders.add(withSlash(folder));
    if (isHidden(entry.name)) continue;
    if (entry.kind === "folder") {
      if (glob.reaches(name)) await walk(server, search, path, `${name}/`, into);
      continue;
    }
    if (entry.kind === "file") {
      if (glob.matches(name)) into.found.push({ path, stat: entry });
      continue;
    }
    if (entry.kind !== "link" || !(glob.matches(name) || glob.reaches(name))) continue;
    const leadsTo = await server.stat(path);
    if (leadsTo?.kind === "file" && glob.matches(name)) into.found.push({ path, stat: leadsTo });
    else if (leadsTo?.kind === "folder") search.leftOut(path);
  }
}

export const withSlash = (folder: string): string => folder.endsWith("/") ? folder : `${folder}/`;

/** The folder and those that it lies in, up to the root, each with a slash at its end. */
function foldersAbove(folder: string, root: string): string[] {
  const folders: string[] = [];
  for (
    let at = withSlash(folder);
    at.startsWith(root);
    at = at.slice(0, at.slice(0, -1).lastIndexOf("/") + 1)
  ) {
    folders.push(at);
    if (at === "/") break;
  }
  return folders;
}
