import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import * as v from "valibot";
import { type Entry, openPromise, type ZipFile } from "yauzl";
import { AppError } from "../../../contract/errors.ts";
import { type BackupIdentities, decryptBackup, encryptedFor } from "./encryption.ts";
import { type BackedFile, BACKUP_FORMAT, MANIFEST, type Manifest, manifestSchema } from "./manifest.ts";

/** Where a backup is unpacked before any of it counts: below the data folder, on the same disk. */
export const RESTORING = "restoring";
/** What an encrypted backup holds, as long as it is unpacked. */
export const RESTORING_ARCHIVE = "restoring.zip";
/** More than a manifest of a hundred thousand files has. */
const MAX_MANIFEST_BYTES = 64 * 1024 * 1024;
/** The one that makes it a data folder with a past: it comes last. */
const LAST = "sluice.db";

export interface RestoreContext {
  /** Empty, and held by this process. */
  readonly dataDir: string;
  /** The last migration that this program knows. */
  readonly schema: number;
  readonly signal: AbortSignal;
  /** What opens an encrypted backup. */
  readonly keys?: BackupIdentities | undefined;
}

/**
 * Puts a backup into an empty data folder: all of it, or none where a part is not what the manifest says. Throws
 * `invalid` for what is no backup, is damaged or does not open, `conflict` for one of a newer program.
 */
export async function readBackup(path: string, context: RestoreContext): Promise<Manifest> {
  const copy = join(context.dataDir, RESTORING_ARCHIVE);
  await removeAll(copy);
  try {
    const isEncrypted = await decrypt(path, copy, context);
    return await unpackAll(path, isEncrypted ? copy : path, context);
  } finally {
    await removeAll(copy);
  }
}

/** Whether `copy` is what it holds; false for a plain backup. */
async function decrypt(path: string, copy: string, { keys, signal }: RestoreContext): Promise<boolean> {
  const kind = await reading(path, () => encryptedFor(path));
  if (kind === undefined) return false;
  const given = kind === "passphrase" ? keys?.passphrase !== undefined : (keys?.identities.length ?? 0) > 0;
  if (keys === undefined || !given) {
    const how = kind === "passphrase" ? "--passphrase-stdin" : "--identity FILE";
    const what = kind === "passphrase" ? "with a passphrase" : "for recipients of age";
    throw new AppError("invalid", `Cannot restore ${path}: it is encrypted ${what}; give ${how}`);
  }
  await decryptBackup(path, copy, keys, signal);
  return true;
}

/** `path` is the archive that people know, `plain` what it holds. */
async function unpackAll(path: string, plain: string, context: RestoreContext): Promise<Manifest> {
  const archive = await open(path, plain);
  const folder = join(context.dataDir, RESTORING);
  try {
    const entries = new Map<string, Entry>();
    for await (const entry of archive.eachEntry()) entries.set(entry.fileName, entry);
    const manifest = await readManifest(path, archive, entries.get(MANIFEST));
    requireKnown(path, manifest, context.schema);
    await removeAll(folder);
    for (const file of manifest.files) {
      context.signal.throwIfAborted();
      const entry = entries.get(file.path);
      if (entry === undefined) throw damaged(path, `${file.path} is missing`);
      await unpack(path, archive, entry, file, join(folder, file.path));
    }
    await moveUp(folder, context.dataDir);
    return manifest;
  } catch (error) {
    if (error instanceof AppError || context.signal.aborted) throw error;
    throw damaged(path, error instanceof Error ? error.message : String(error), error);
  } finally {
    archive.close();
    await removeAll(folder);
  }
}

function open(path: string, plain: string): Promise<ZipFile> {
  return reading(path, () => openPromise(plain, { lazyEntries: true, autoClose: false }));
}

async function reading<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof AppError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError("invalid", `Cannot restore ${path}: it cannot be read as a backup: ${reason}`, {
      cause: error,
    });
  }
}

async function readManifest(path: string, archive: ZipFile, entry: Entry | undefined): Promise<Manifest> {
  if (entry === undefined) throw damaged(path, `it has no ${MANIFEST}`);
  if (entry.uncompressedSize > MAX_MANIFEST_BYTES) throw damaged(path, `its ${MANIFEST} is too large`);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of await archive.openReadStreamPromise(entry)) chunks.push(chunk);
  const parsed = v.safeParse(manifestSchema, JSON.parse(await new Blob(chunks).text()));
  if (!parsed.success || !parsed.output.files.some((file) => file.path === LAST)) {
    throw damaged(path, `its ${MANIFEST} is not one of sluice`);
  }
  return parsed.output;
}

function requireKnown(path: string, { format, sluice, schema }: Manifest, known: number): void {
  if (format <= BACKUP_FORMAT && schema <= known) return;
  throw new AppError(
    "conflict",
    `Cannot restore ${path}: sluice ${sluice} made it, which is newer (schema ${schema}, this one knows ${known}); ` +
      "use that version",
  );
}

async function unpack(
  path: string,
  archive: ZipFile,
  entry: Entry,
  { path: name, bytes, sha256 }: BackedFile,
  target: string,
): Promise<void> {
  await Deno.mkdir(dirname(target), { recursive: true, mode: 0o700 });
  const hash = createHash("sha256");
  let written = 0;
  using file = await Deno.open(target, { write: true, createNew: true, mode: 0o600 });
  for await (const chunk of await archive.openReadStreamPromise(entry)) {
    const part: Uint8Array = chunk;
    hash.update(part);
    written += part.byteLength;
    if (written > bytes) break;
    for (let at = 0; at < part.length;) at += await file.write(part.subarray(at));
  }
  await file.sync();
  if (written !== bytes || hash.digest("hex") !== sha256) {
    throw damaged(path, `${name} is not what was backed up: its size or SHA-256 is another`);
  }
}

/** The control store last: where it is, all is. */
async function moveUp(folder: string, dataDir: string): Promise<void> {
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  for (const name of names.filter((name) => name !== LAST)) {
    await Deno.rename(join(folder, name), join(dataDir, name));
  }
  await Deno.rename(join(folder, LAST), join(dataDir, LAST));
}

async function removeAll(folder: string): Promise<void> {
  try {
    await Deno.remove(folder, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function damaged(path: string, reason: string, cause?: unknown): AppError {
  return new AppError("invalid", `Cannot restore ${path}: ${reason}`, { cause });
}
