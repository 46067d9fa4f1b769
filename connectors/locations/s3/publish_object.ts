import { AppError } from "../../../contract/errors.ts";
import type { JsonValue } from "../../../contract/json.ts";
import type {
  FileWriter,
  Publication,
  PublicationChange,
  PublicationTarget,
  Published,
  StoredFile,
} from "../location.ts";
import { asciiJson } from "../remote/manifest.ts";
import { keyOfPath } from "./s3_object.ts";
import type { KnownObject, ObjectInfo, S3Store } from "./s3_store.ts";
import { type S3Writer, UNDECIDED } from "./s3_writer.ts";
import { Stage } from "../remote/stage.ts";
import { sweepOld, sweepUploads } from "./sweep.ts";
import { Upload } from "./upload.ts";

/**
 * One object, replaced by one request that says which object it replaces. The note is an object of its own beside it,
 * put before; the object's metadata names the note that belongs to it, so that both become true in one step.
 */

/** The metadata that names the note. */
const NOTE = "sluice-note";

export interface PublishContext {
  readonly store: S3Store;
  readonly writer: S3Writer;
  /** Absolute. */
  readonly scratchDir: string;
  file(info: ObjectInfo): StoredFile;
}

export async function publishObject(
  target: PublicationTarget,
  context: PublishContext,
): Promise<Publication> {
  const { store } = context;
  const key = keyOfPath(target.path);
  const name = key.slice(key.lastIndexOf("/") + 1);
  const notes = `${key.slice(0, -name.length)}.${name}.sluice/`;
  const found = await store.head(key);
  const noteId = found?.metadata[NOTE];
  const current = found === undefined ? undefined : {
    files: [{ path: name, file: context.file(found) }],
    note: noteId === undefined ? undefined : await readNote(store, `${notes}${noteId}`),
  };
  await sweepUploads(context, key, (other) => other === key);
  return new ObjectPublication(
    { key, name, notes, shown: target.shown, found },
    current,
    await Stage.open(context.scratchDir, target.shown),
    context,
  );
}

interface Place {
  readonly key: string;
  readonly name: string;
  /** The folder of its notes. */
  readonly notes: string;
  readonly shown: string;
  /** What the new object replaces. */
  readonly found: KnownObject | undefined;
}

class ObjectPublication implements Publication {
  readonly current: Published | undefined;
  readonly #place: Place;
  readonly #stage: Stage;
  readonly #context: PublishContext;
  readonly #noteId = crypto.randomUUID();
  #upload: Upload | undefined;
  #hasNote = false;
  /** The note is, or may be, that of the object. */
  #isCommitted = false;

  constructor(place: Place, current: Published | undefined, stage: Stage, context: PublishContext) {
    this.current = current;
    this.#place = place;
    this.#stage = stage;
    this.#context = context;
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

  async prepare({ keepsCurrent, note }: PublicationChange): Promise<void> {
    if (keepsCurrent) throw new AppError("internal", "Cannot keep a file beside the one that replaces it");
    const { store, writer } = this.#context;
    const { key, name } = this.#place;
    this.#hasNote = true;
    await writer.put(this.#noteKey, asciiJson(note), { condition: { type: "any" }, metadata: {} });
    this.#upload = await Upload.begin(store, writer, {
      key,
      path: `${this.#stage.path}/${name}`,
      metadata: { [NOTE]: this.#noteId },
    });
  }

  async commit(): Promise<void> {
    if (this.#upload === undefined) throw new AppError("internal", "Cannot commit what was not prepared");
    const { found, shown } = this.#place;
    try {
      await this.#upload.complete(
        found === undefined
          ? { type: "absent" }
          : found.etag === null
          ? { type: "any" }
          : { type: "match", etag: found.etag },
      );
      this.#isCommitted = true;
    } catch (error) {
      this.#isCommitted = error instanceof AppError && error.reason === UNDECIDED;
      throw takenMeanwhile(error, shown);
    }
    await this.#removeOldNotes();
  }

  get #noteKey(): string {
    return `${this.#place.notes}${this.#noteId}`;
  }

  /** What is left of them is swept by a later load. */
  async #removeOldNotes(): Promise<void> {
    const { found, notes } = this.#place;
    const old = found?.metadata[NOTE];
    try {
      if (old !== undefined) await this.#context.writer.remove(`${notes}${old}`);
      await sweepOld(this.#context, notes, (key) => key !== this.#noteKey);
    } catch {
      // The load is done whatever is left.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#upload?.[Symbol.asyncDispose]();
    if (this.#hasNote && !this.#isCommitted) await this.#context.writer.remove(this.#noteKey).catch(() => {});
    await this.#stage[Symbol.asyncDispose]();
  }
}

/** Who was too late begins anew, with what the other one has written. */
export function takenMeanwhile(error: unknown, shown: string): unknown {
  if (!(error instanceof AppError) || error.code !== "conflict") return error;
  return new AppError(
    "unavailable",
    `Cannot write "${shown}": another load wrote it meanwhile; run it again`,
    {
      cause: error,
    },
  );
}

async function readNote(store: S3Store, key: string): Promise<JsonValue | undefined> {
  const found = await store.getAll(key);
  if (found === undefined) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(found.bytes));
  } catch {
    // Not ours, or damaged: at worst a replace or merge is done once more.
    return undefined;
  }
}
