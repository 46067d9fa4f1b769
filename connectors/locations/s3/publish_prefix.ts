import { AppError } from "../../../contract/errors.ts";
import type { JsonValue } from "../../../contract/json.ts";
import type {
  FileWriter,
  Publication,
  PublicationChange,
  PublicationTarget,
  Published,
} from "../location.ts";
import {
  begunManifestBytes,
  isBegunBy,
  isOnlyBegun,
  isOurPart,
  isVisible,
  MANIFEST,
  type Manifest,
  manifestBytes,
  markedName,
  newMark,
  readManifest,
} from "../remote/manifest.ts";
import { runWorkers } from "../remote/workers.ts";
import { type PublishContext, takenMeanwhile } from "./publish_object.ts";
import { keyOfPath } from "./s3_object.ts";
import type { ObjectInfo, S3Store } from "./s3_store.ts";
import { UNDECIDED } from "./s3_writer.ts";
import { Stage } from "../remote/stage.ts";
import { OLD_MS, sweepUploads } from "./sweep.ts";
import { Upload } from "./upload.ts";

/**
 * A folder of files. New ones are put first, under names that no other attempt has; the manifest that names them is put
 * last, on the condition that it is still the one that was found, and that is the commit. What was replaced is
 * removed after it. A folder without a manifest gets one before the first part.
 */

/** Uploaded at a time; each takes places of the budget for its parts. */
const FILES_AT_ONCE = 4;
const NONE: ReadonlySet<string> = new Set();

export async function publishPrefix(
  target: PublicationTarget,
  context: PublishContext,
): Promise<Publication> {
  const { store } = context;
  const folder = `${keyOfPath(target.path)}/`;
  const { manifest, objects, seen } = await lookAt(store, folder, target.shown);
  const isNew = manifest === undefined || isOnlyBegun(manifest);
  const current = isNew && seen.length === 0 ? undefined : {
    files: seen.map((object) => ({ path: object.key.slice(folder.length), file: context.file(object) })),
    note: manifest?.note,
  };
  await sweepUploads(context, folder, isOurPart);
  return new PrefixPublication(
    { folder, shown: target.shown, manifest, hidden: objects.filter((object) => !seen.includes(object)) },
    current,
    await Stage.open(context.scratchDir, target.shown),
    context,
  );
}

const MAX_LOOKS = 10;

/** The folder's objects and its manifest, of one state: where a load ends meanwhile, they are looked at anew. */
async function lookAt(store: S3Store, folder: string, shown: string) {
  let missing = "";
  for (let look = 0; look < MAX_LOOKS; look++) {
    const objects: ObjectInfo[] = [];
    for await (const object of store.list(folder, false)) {
      const inside = object.key.slice(folder.length);
      if (inside !== MANIFEST && !object.key.endsWith("/")) objects.push(object);
    }
    const manifest = await readManifest(store, folder);
    const manifests = new Map(manifest === undefined ? [] : [[folder, manifest]]);
    const seen = objects.filter(({ key }) => isVisible(key, manifests));
    const keys = new Set(seen.map(({ key }) => key));
    const lost = manifest?.files.find((file) => !keys.has(`${folder}${file}`));
    if (lost === undefined) return { manifest, objects, seen };
    missing = lost;
  }
  throw new AppError(
    "conflict",
    `Cannot write "${shown}": its file "${missing}" is missing, which the last load wrote; put it back, or remove ` +
      `"${store.shown(`${folder}${MANIFEST}`)}" to take the folder as it is`,
  );
}

interface Place {
  /** With a slash at its end. */
  readonly folder: string;
  readonly shown: string;
  /** As it was found. */
  readonly manifest: Manifest | undefined;
  /** Parts that it does not name. */
  readonly hidden: readonly ObjectInfo[];
}

class PrefixPublication implements Publication {
  readonly current: Published | undefined;
  readonly #place: Place;
  readonly #stage: Stage;
  readonly #context: PublishContext;
  readonly #mark = newMark();
  readonly #put: string[] = [];
  /** What the commit replaces. */
  #before: Manifest | undefined;
  #manifest: { readonly files: readonly string[]; readonly note: JsonValue } | undefined;
  /** The new files are, or may be, those of the folder. */
  #isCommitted = false;

  constructor(place: Place, current: Published | undefined, stage: Stage, context: PublishContext) {
    this.current = current;
    this.#place = place;
    this.#stage = stage;
    this.#context = context;
    this.#before = place.manifest;
  }

  get stagePath(): string {
    return this.#stage.path;
  }

  async stage(path: string): Promise<FileWriter> {
    return await this.#stage.write(path);
  }

  async prefix(bytes: Uint8Array): Promise<void> {
    await this.#stage.prefix(bytes);
  }

  async staged(): Promise<readonly { readonly path: string; readonly sizeBytes: number }[]> {
    return await this.#stage.files();
  }

  async prepare({ keepsCurrent, removes = NONE, note }: PublicationChange): Promise<void> {
    const staged = await this.#stage.files();
    if (this.#before === undefined) this.#before = await this.#begin();
    let next = 0;
    await runWorkers(FILES_AT_ONCE, this.#context.store.context.signal, async (during) => {
      for (let file = staged[next++]; file !== undefined; file = staged[next++]) {
        during.throwIfAborted();
        await this.#putFile(file.path);
      }
    });
    const kept = keepsCurrent ? this.#parts.filter((path) => !removes.has(path)) : [];
    this.#manifest = { files: [...kept, ...staged.map(({ path }) => markedName(path, this.#mark))], note };
  }

  /** Puts a manifest of what is there. Throws `unavailable` where another load does it meanwhile. */
  async #begin(): Promise<Manifest> {
    const { store, writer } = this.#context;
    const { folder, shown } = this.#place;
    try {
      const options = { condition: { type: "absent" }, metadata: {} } as const;
      await writer.put(`${folder}${MANIFEST}`, begunManifestBytes(this.#parts, this.#mark), options);
    } catch (error) {
      throw takenMeanwhile(error, shown);
    }
    const begun = await readManifest(store, folder);
    if (begun !== undefined && isBegunBy(begun, this.#mark)) return begun;
    throw takenMeanwhile(new AppError("conflict", `"${shown}" has another manifest`), shown);
  }

  async #putFile(path: string): Promise<void> {
    const { store, writer } = this.#context;
    const key = `${this.#place.folder}${markedName(path, this.#mark)}`;
    this.#put.push(key);
    await using upload = await Upload.begin(store, writer, {
      key,
      path: `${this.#stage.path}/${path}`,
      metadata: {},
    });
    await upload.complete({ type: "any" });
  }

  /** Parts that the folder has, relative to it. */
  get #parts(): string[] {
    return (this.current?.files ?? []).map(({ path }) => path).filter(isOurPart);
  }

  async commit(): Promise<void> {
    if (this.#manifest === undefined) throw new AppError("internal", "Cannot commit what was not prepared");
    const { folder, shown } = this.#place;
    const { files, note } = this.#manifest;
    const etag = this.#before?.etag ?? null;
    try {
      await this.#context.writer.put(`${folder}${MANIFEST}`, manifestBytes(files, note), {
        condition: etag === null ? { type: "any" } : { type: "match", etag },
        metadata: {},
      });
      this.#isCommitted = true;
    } catch (error) {
      this.#isCommitted = error instanceof AppError && error.reason === UNDECIDED;
      throw takenMeanwhile(error, shown);
    }
    await this.#removeOld(new Set(files.map((file) => `${folder}${file}`)));
  }

  /** What was replaced, and what loads that died long ago have left. */
  async #removeOld(kept: ReadonlySet<string>): Promise<void> {
    const { folder, hidden } = this.#place;
    const before = this.#context.store.context.clock.now() - OLD_MS;
    const old = hidden.filter(({ key, modifiedMs }) =>
      isOurPart(key) && modifiedMs !== null && modifiedMs < before
    );
    const replaced = this.#parts.map((path) => `${folder}${path}`).filter((key) => !kept.has(key));
    try {
      for (const key of [...replaced, ...old.map(({ key }) => key)]) await this.#context.writer.remove(key);
    } catch {
      // The load is done; what the manifest does not name is not seen, and swept by a later load.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isCommitted) {
      for (const key of this.#put) await this.#context.writer.remove(key).catch(() => {});
    }
    await this.#stage[Symbol.asyncDispose]();
  }
}
