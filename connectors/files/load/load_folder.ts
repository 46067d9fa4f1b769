import { dirname } from "node:path";
import * as v from "valibot";
import { AppError } from "../../../contract/errors.ts";
import type { WholeResult } from "../../destination/whole_load.ts";
import { existingRelation } from "./existing.ts";
import { fileError } from "../../locations/disk/file_error.ts";
import { endingOf, type FileLoad, writeRows } from "./file_load.ts";
import { isHidden } from "../../locations/disk/paths.ts";
import { recoverSwap, swapFolder } from "../../locations/disk/swap.ts";
import { syncPath, trySyncFolder, Workspace } from "../../locations/disk/workspace.ts";

/**
 * Loads into a folder of files, partitioned or not. A new folder is built beside it and the two are
 * exchanged in one step; an append takes the old files into the new folder by hard links. One file
 * alone is just renamed into place. The load's id is in the manifest, and in the files' names.
 */

/** Hidden, and without an ending that a glob for data would match. */
const MANIFEST = ".sluice";
const BUILT = "built";
const ASIDE = "aside";
const MAX_LOADS = 1_000;
const PART = /^part-([A-Za-z0-9_-]+?)(?:_\d+)?\.[a-z.]+$/;

const manifestSchema = v.object({
  version: v.literal(1),
  /** Tokens of the load ids that are in the folder, or were and have been replaced. */
  loads: v.array(v.string()),
  partitionBy: v.array(v.string()),
});
type Manifest = v.InferOutput<typeof manifestSchema>;

interface Folder {
  /** Relative paths of the data files. */
  readonly files: readonly string[];
  /** Files that this connector did not write. */
  readonly foreign: readonly string[];
  readonly manifest: Manifest | undefined;
}

export async function loadFolder(load: FileLoad): Promise<WholeResult> {
  const { target, signal } = load;
  try {
    await using workspace = await Workspace.open(target.workPath, target.shown);
    const aside = `${workspace.path}/${ASIDE}`;
    await recoverSwap(target.path, aside);
    await workspace.clear();
    try {
      return await loadInto(load, workspace);
    } finally {
      await workspace.clear().catch(() => {});
    }
  } catch (error) {
    signal.throwIfAborted();
    throw fileError("write", target.shown, error);
  }
}

async function loadInto(load: FileLoad, workspace: Workspace): Promise<WholeResult> {
  const { target, request, options, signal } = load;
  const token = await tokenOf(request.loadId);
  const earlier = await tokenOf(request.earlierLoadId ?? request.loadId);
  const old = await readFolder(target.path);
  const loads = new Set([...old?.manifest?.loads ?? [], ...(old?.files ?? []).map(loadOfFile)]);
  if (old !== undefined && (loads.has(token) || loads.has(earlier))) {
    const own = old.files.filter((file) => [token, earlier].includes(loadOfFile(file)));
    return { rows: request.input.rows, sizeBytes: await sizeOf(target.path, own), repeated: true };
  }
  const partitionBy = options.partition_by ?? [];
  checkFolder(load, old, partitionBy);
  const built = `${workspace.path}/${BUILT}`;
  const made = await buildFolder(load, built, token, old);
  signal.throwIfAborted();
  const sizeBytes = await sizeOf(built, made);
  const result: WholeResult = { rows: request.input.rows, sizeBytes, repeated: false };
  const [only] = made;
  if (request.mode === "append" && old !== undefined && made.length <= 1) {
    if (only !== undefined) await moveIn(`${built}/${only}`, `${target.path}/${only}`);
    return result;
  }
  if (request.mode === "append" && old !== undefined) {
    await linkFiles(target.path, built, [...old.files, ...old.foreign]);
  }
  const manifest: Manifest = { version: 1, loads: [...loads, token].slice(-MAX_LOADS), partitionBy };
  const hasManifest = request.mode !== "append" || old === undefined || old.manifest !== undefined;
  if (hasManifest) {
    await Deno.writeTextFile(`${built}/${MANIFEST}`, JSON.stringify(manifest));
    await syncPath(`${built}/${MANIFEST}`);
  }
  await trySyncFolder(built);
  signal.throwIfAborted();
  if (old === undefined) await Deno.rename(built, target.path);
  else await swapFolder(built, target.path, `${workspace.path}/${ASIDE}`);
  await trySyncFolder(dirname(target.path));
  return result;
}

/** The load id as a part of a file's name: itself where it is plain. */
async function tokenOf(loadId: string): Promise<string> {
  if (/^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/.test(loadId)) return loadId;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(loadId));
  return [...new Uint8Array(digest).subarray(0, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );
}

function loadOfFile(path: string): string {
  return PART.exec(path.slice(path.lastIndexOf("/") + 1))?.[1] ?? "";
}

/** Undefined where there is no such folder. */
async function readFolder(path: string): Promise<Folder | undefined> {
  const files: string[] = [];
  const foreign: string[] = [];
  const visit = async (folder: string) => {
    for await (const entry of Deno.readDir(`${path}${folder}`)) {
      const name = `${folder}/${entry.name}`.slice(1);
      if (entry.isDirectory) await visit(`/${name}`);
      else if (PART.test(entry.name)) files.push(name);
      else if (name !== MANIFEST) foreign.push(name);
    }
  };
  try {
    await visit("");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  return {
    files: files.sort(),
    foreign: foreign.sort(),
    manifest: await readManifest(`${path}/${MANIFEST}`),
  };
}

async function readManifest(path: string): Promise<Manifest | undefined> {
  try {
    const result = v.safeParse(manifestSchema, JSON.parse(await Deno.readTextFile(path)));
    return result.success ? result.output : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Throws where a folder would be replaced that is not ours, or files of two layouts would be mixed. */
function checkFolder(
  { target, request }: FileLoad,
  old: Folder | undefined,
  partitionBy: readonly string[],
): void {
  if (old === undefined) return;
  const refuse = (why: string) =>
    new AppError("conflict", `Cannot ${request.mode} "${target.shown}": ${why}`);
  if (request.mode !== "append") {
    if (old.manifest === undefined && old.files.length + old.foreign.length > 0) {
      throw refuse(
        "the folder has files and was not written by Sluice; choose another folder, or empty it first",
      );
    }
    const [foreign] = old.foreign.filter((name) => !isHidden(name));
    if (foreign !== undefined) {
      throw refuse(`the folder has files that Sluice did not write, as "${foreign}"; move them away first`);
    }
  }
  const before = old.manifest?.partitionBy;
  const isMixed = before !== undefined && old.files.length > 0 &&
    before.join("\0") !== partitionBy.join("\0");
  if (request.mode !== "replace" && isMixed) {
    const layout = before.length === 0 ? "without partitions" : `partitioned by ${before.join(", ")}`;
    throw refuse(`its files are ${layout}; set options.partition_by to the same, or replace it`);
  }
}

/** Writes the load's files to a folder that does not exist yet; answers their relative paths. */
async function buildFolder(
  load: FileLoad,
  built: string,
  token: string,
  old: Folder | undefined,
): Promise<string[]> {
  const { target, request, options, format, compression } = load;
  const partitionBy = options.partition_by;
  const files = (old?.files ?? []).map((file) => `${target.path}/${file}`);
  const existing = request.mode === "merge" && files.length > 0
    ? { existing: await existingRelation(load, files, target.path) }
    : {};
  if (partitionBy === undefined) {
    await Deno.mkdir(built);
    await writeRows(load, `${built}/part-${token}.${endingOf(format, compression)}`, existing);
  } else {
    await writeRows(load, built, { ...existing, partitionBy, filenamePattern: `part-${token}_{i}` });
    // Without rows DuckDB makes no folder.
    await Deno.mkdir(built, { recursive: true });
  }
  const made = await readFolder(built);
  for (const file of made?.files ?? []) await syncPath(`${built}/${file}`);
  if (made !== undefined && made.foreign.length > 0) {
    throw new AppError(
      "internal",
      `Cannot write "${target.shown}": unexpected file "${made.foreign[0]}" was written`,
    );
  }
  return [...made?.files ?? []];
}

async function moveIn(from: string, to: string): Promise<void> {
  await Deno.mkdir(dirname(to), { recursive: true });
  await Deno.rename(from, to);
  await trySyncFolder(dirname(to));
}

async function linkFiles(from: string, to: string, files: readonly string[]): Promise<void> {
  const folders = new Set(files.map((file) => dirname(`${to}/${file}`)));
  for (const folder of folders) await Deno.mkdir(folder, { recursive: true });
  for (const file of files) {
    try {
      await Deno.link(`${from}/${file}`, `${to}/${file}`);
    } catch {
      // No hard links on this file system.
      await Deno.copyFile(`${from}/${file}`, `${to}/${file}`);
    }
  }
}

async function sizeOf(folder: string, files: readonly string[]): Promise<number> {
  let sizeBytes = 0;
  for (const file of files) sizeBytes += (await Deno.stat(`${folder}/${file}`)).size;
  return sizeBytes;
}
