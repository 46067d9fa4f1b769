import { basename, dirname, join } from "node:path";
import { AppError } from "../../../contract/errors.ts";
import { copyUnchanged, HeldPipeline } from "../../runs/warehouses/hold_pipeline.ts";
import { warehouseState } from "../../runs/warehouses/warehouse_file.ts";
import { BackupArchive } from "./backup_archive.ts";
import type { BackupContext } from "./backup_context.ts";
import { BACKUP_FORMAT, MANIFEST, type Manifest } from "./manifest.ts";

/**
 * What is not of the data, or is copied in a way of its own: the control store by itself, warehouses under the
 * hold of their pipelines. The key stays where it is: with it, a backup would tell what it seals.
 */
const LEFT_OUT =
  /^(?:tmp|lock|server\.json|sluice\.db(?:-.*)?|sluice\.key.*|warehouse|copies|pinned|kept_inputs|restoring(?:\.zip)?|backing-up-.*|\.gitignore)$|\.tmp$/;
const PARTS = "backing-up-";
/** How old is what a backup that was killed has left in the data folder. */
const LEFT_BEHIND_MS = 86_400_000;

type WrittenManifest = Manifest & { readonly encrypted_warehouses: readonly string[] };

/**
 * Writes what a data folder holds into one archive, while a server works on it: the control store first, then each
 * warehouse between two runs of its pipeline. So no warehouse is older than what the store says of it; a run that
 * the store does not know to have ended is taken up again, and what its steps have committed stays as it is.
 * Throws `conflict` where `path` is there already, `unavailable` where a run goes on for longer than `waitMs`.
 */
export async function writeBackup(path: string, context: BackupContext): Promise<WrittenManifest> {
  if (await exists(path)) {
    throw new AppError(
      "conflict",
      `Cannot back up to ${path}: there is a file already; give it another name`,
    );
  }
  const beside = await inFolder(
    path,
    () => Deno.makeTempDir({ dir: dirname(path), prefix: ".sluice-backup-" }),
  );
  const unfinished = join(beside, "archive");
  let parts = beside;
  try {
    // What is encrypted leaves the data folder in no other form.
    if (context.encrypt !== undefined) parts = await partsInDataFolder(context);
    const file = await Deno.open(unfinished, { write: true, createNew: true, mode: 0o600 });
    let manifest: WrittenManifest;
    try {
      manifest = await fill(new BackupArchive(file, context.encrypt), parts, context);
      await file.sync();
    } finally {
      file.close();
    }
    await Deno.rename(unfinished, path);
    return manifest;
  } catch (error) {
    if (error instanceof AppError || context.signal.aborted) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError("unavailable", `Cannot back up to ${path}: ${reason}`, { cause: error });
  } finally {
    await Deno.remove(beside, { recursive: true });
    if (parts !== beside) await Deno.remove(parts, { recursive: true });
  }
}

async function partsInDataFolder({ dataDir, clock }: BackupContext): Promise<string> {
  for await (const { name } of readFolder(dataDir)) {
    if (!name.startsWith(PARTS)) continue;
    const path = join(dataDir, name);
    const { mtime } = await Deno.lstat(path);
    if (clock.now() - (mtime?.getTime() ?? 0) > LEFT_BEHIND_MS) await Deno.remove(path, { recursive: true });
  }
  return await Deno.makeTempDir({ dir: dataDir, prefix: PARTS });
}

async function fill(archive: BackupArchive, parts: string, context: BackupContext): Promise<WrittenManifest> {
  const { store, clock, version, signal } = context;
  const createdAtMs = clock.now();
  const add = async (path: string, copy: string) => {
    signal.throwIfAborted();
    await archive.add(path, copy);
    await Deno.remove(copy);
  };
  const encrypted: string[] = [];
  // A copy of the store that is made next has them.
  const known = new Set(await store.warehouseKeys.pipelines());
  const storeCopy = join(parts, "sluice.db");
  const schema = await store.copyTo(storeCopy);
  await add("sluice.db", storeCopy);
  for (const pipeline of await warehouses(context.dataDir)) {
    const copies = await copyWarehouse(pipeline, parts, context);
    if (await isEncrypted(copies)) {
      encrypted.push(pipeline);
      requireKept(known, pipeline);
    }
    for (const { name, copy } of copies) {
      await add(`warehouse/${name}`, copy);
    }
  }
  const without = context.leavesSnapshotsOut === true ? ["snapshots"] : [];
  for await (const path of otherFiles(context.dataDir, "", without)) {
    const copy = join(parts, "file");
    // They are written beside and renamed: each is whole, or gone.
    if (await copyIfThere(join(context.dataDir, path), copy)) await add(path, copy);
  }
  const manifest: WrittenManifest = {
    format: BACKUP_FORMAT,
    sluice: version,
    created_at: new Date(createdAtMs).toISOString(),
    schema,
    encrypted_warehouses: encrypted,
    files: archive.files,
  };
  await archive.end(MANIFEST, JSON.stringify(manifest, null, 2));
  return manifest;
}

/** The copies of a warehouse: its file is the first. */
async function isEncrypted([file]: readonly { readonly copy: string }[]): Promise<boolean> {
  return file !== undefined && await warehouseState(file.copy) === "encrypted";
}

/** A backup that nobody could open is none. */
function requireKept(known: ReadonlySet<string>, pipeline: string): void {
  if (known.has(pipeline)) return;
  throw new AppError(
    "unavailable",
    `Cannot back up the warehouse of ${pipeline}: it was encrypted after the control store was copied; try again`,
  );
}

/** The pipelines that have one, by name. */
async function warehouses(dataDir: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isFile } of readFolder(join(dataDir, "warehouse"))) {
    if (isFile && name.endsWith(".duckdb")) names.push(basename(name, ".duckdb"));
  }
  return names.sort();
}

/** The file and, where it has one, its log. */
async function copyWarehouse(
  pipeline: string,
  parts: string,
  context: BackupContext,
): Promise<{ name: string; copy: string }[]> {
  const { dataDir } = context;
  await using held = await HeldPipeline.take(pipeline, context);
  const files = [`${pipeline}.duckdb`, `${pipeline}.duckdb.wal`]
    .map((name) => ({ name, path: join(dataDir, "warehouse", name), copy: join(parts, name) }));
  const copied = await copyUnchanged(files, held, context);
  return files.filter(({ name }) => copied.has(name));
}

/** Below the data folder, without what is copied in a way of its own. */
async function* otherFiles(
  dataDir: string,
  below: string,
  without: readonly string[],
): AsyncGenerator<string> {
  for await (const { name, isFile, isDirectory } of readFolder(join(dataDir, below))) {
    if (below === "" ? LEFT_OUT.test(name) || without.includes(name) : name.endsWith(".tmp")) continue;
    const path = below === "" ? name : `${below}/${name}`;
    if (isFile) yield path;
    else if (isDirectory) yield* otherFiles(dataDir, path, without);
  }
}

/** Nothing where there is no such folder. */
async function* readFolder(path: string): AsyncGenerator<Deno.DirEntry> {
  try {
    yield* Deno.readDir(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function copyIfThere(path: string, copy: string): Promise<boolean> {
  try {
    await Deno.copyFile(path, copy);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

async function inFolder<T>(path: string, make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError("invalid", `Cannot back up to ${path}: its folder cannot be written: ${reason}`, {
      cause: error,
    });
  }
}
