import { basename } from "node:path";
import * as v from "valibot";
import { AppError } from "../../../contract/errors.ts";
import type { JsonValue } from "../../../contract/json.ts";
import { workPathOf } from "../disk/published.ts";
import type {
  FileWriter,
  Publication,
  PublicationChange,
  PublicationTarget,
  Published,
  StoredFile,
} from "../location.ts";
import { asciiJson } from "../remote/manifest.ts";
import { Stage } from "../remote/stage.ts";
import { sendFile } from "./send_file.ts";
import type { Found } from "./sftp_listing.ts";
import { SftpLock } from "./sftp_lock.ts";
import type { SftpServer } from "./sftp_server.ts";
import type { RemoteStat } from "./sftp_session.ts";

/**
 * One file: sent beside its place, then renamed over it in one step. The note is written before, with the size and
 * the time of the new file, which no file at the target has before, and with the note that was true before.
 */

/** Longer than a lock of a process that died is waited for. */
export const LOCK_TIMEOUT_MS = 120_000;

export interface SftpPublishing {
  readonly server: SftpServer;
  readonly scratchDir: string;
  readonly signal: AbortSignal;
  file(found: Found): StoredFile;
}

const identitySchema = v.object({ sizeBytes: v.number(), modifiedS: v.number() });
type Identity = v.InferOutput<typeof identitySchema>;
const jsonSchema = v.custom<JsonValue>((value) => value !== undefined);
const recordSchema = v.object({ before: v.nullable(jsonSchema), after: jsonSchema, made: identitySchema });
type NoteRecord = v.InferOutput<typeof recordSchema>;

export async function publishSftpFile(
  target: PublicationTarget,
  context: SftpPublishing,
): Promise<Publication> {
  const { server, signal } = context;
  const work = workPathOf(target.path);
  const lock = await SftpLock.take(server, `${work}/lock`, target.shown, {
    timeoutMs: LOCK_TIMEOUT_MS,
    signal,
  });
  try {
    await lock.removeUnfinished(work);
    const stat = await server.stat(target.path);
    if (stat?.kind === "folder") {
      throw new AppError(
        "invalid",
        `Cannot write "${target.shown}": it is a folder; end the path with / to load into it`,
      );
    }
    const current = stat && {
      files: [{ path: basename(target.path), file: context.file({ path: target.path, stat }) }],
      note: noteOf(await readRecord(server, `${work}/loads`), stat),
    };
    const stage = await Stage.open(context.scratchDir, target.shown);
    return new FilePublication({ target, work, lock, stage, stat }, current, server);
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
}

interface Place {
  readonly target: PublicationTarget;
  readonly work: string;
  readonly lock: SftpLock;
  readonly stage: Stage;
  /** What is replaced. */
  readonly stat: RemoteStat | undefined;
}

class FilePublication implements Publication {
  readonly current: Published | undefined;
  readonly #place: Place;
  readonly #server: SftpServer;
  #made: Identity | undefined;

  constructor(place: Place, current: Published | undefined, server: SftpServer) {
    this.#place = place;
    this.current = current;
    this.#server = server;
  }

  get stagePath(): string {
    return this.#place.stage.path;
  }

  stage(path: string): Promise<FileWriter> {
    return this.#place.stage.write(path);
  }

  prefix(bytes: Uint8Array): Promise<void> {
    return this.#place.stage.prefix(bytes);
  }

  staged(): Promise<readonly { readonly path: string; readonly sizeBytes: number }[]> {
    return this.#place.stage.files();
  }

  async prepare({ keepsCurrent, note }: PublicationChange): Promise<void> {
    if (keepsCurrent) throw new AppError("internal", "Cannot keep a file beside the one that replaces it");
    const { target, stage, stat, work, lock } = this.#place;
    const server = this.#server;
    await sendFile(server, `${stage.path}/${basename(target.path)}`, this.#new);
    const sent = await server.stat(this.#new);
    if (sent === undefined) {
      throw new AppError("unavailable", `Cannot write "${target.shown}": it was removed`);
    }
    let { modifiedS } = sent;
    if (stat !== undefined && stat.sizeBytes === sent.sizeBytes && stat.modifiedS === modifiedS) {
      await server.setModified(this.#new, ++modifiedS);
    }
    this.#made = { sizeBytes: sent.sizeBytes, modifiedS };
    const record: NoteRecord = { before: this.current?.note ?? null, after: note, made: this.#made };
    const noted = lock.unfinished(work, "loads");
    await server.writeAll(noted, asciiJson(record));
    if (await lock.commit(noted, `${work}/loads`) === "unknown") throw this.#lost();
  }

  async commit(): Promise<void> {
    const { target, lock } = this.#place;
    if (await lock.commit(this.#new, target.path) === "done") return;
    // The connection was lost before the answer came: what is there now says what became of it.
    const now = await this.#server.stat(target.path);
    const isMade = now?.sizeBytes === this.#made?.sizeBytes && now?.modifiedS === this.#made?.modifiedS;
    if (!isMade) throw this.#lost();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { lock, stage } = this.#place;
    // What cannot be removed now, the next load removes.
    await this.#server.remove(this.#new).catch(() => {});
    await lock[Symbol.asyncDispose]();
    await stage[Symbol.asyncDispose]();
  }

  get #new(): string {
    return this.#place.lock.unfinished(this.#place.work, "file");
  }

  #lost(): AppError {
    return new AppError("unavailable", `Cannot write "${this.#place.target.shown}": the connection was lost`);
  }
}

function noteOf(record: NoteRecord | undefined, now: RemoteStat): JsonValue | undefined {
  if (record === undefined) return undefined;
  const { before, after, made } = record;
  const isMade = now.sizeBytes === made.sizeBytes && now.modifiedS === made.modifiedS;
  return isMade ? after : before ?? undefined;
}

async function readRecord(server: SftpServer, path: string): Promise<NoteRecord | undefined> {
  const found = await server.getAll(path);
  if (found === undefined) return undefined;
  try {
    const record = v.safeParse(recordSchema, JSON.parse(new TextDecoder().decode(found.bytes)));
    return record.success ? record.output : undefined;
  } catch {
    // Not ours, or damaged: at worst a replace or merge is done once more.
    return undefined;
  }
}
