import { basename } from "node:path";
import * as v from "valibot";
import { AppError } from "../../../contract/errors.ts";
import type { JsonValue } from "../../../contract/json.ts";
import type {
  FileWriter,
  Publication,
  PublicationChange,
  PublicationTarget,
  Published,
} from "../location.ts";
import { DiskWriter, prefixFile } from "./disk_writer.ts";
import { fileError } from "../file_error.ts";
import { BUILT, type FindFile, statTarget, workPathOf } from "./published.ts";
import { type LockWait, syncName, syncPath, Workspace, writeAtomically } from "./workspace.ts";

/**
 * One file: built beside its place, then renamed over it. The note is written before the rename, with what
 * distinguishes the new file from every other (inode, size and time, which a rename keeps) and with the note
 * that was true before: where the target is the new file the one counts, else the other.
 */

const RECORD = "loads";

const identityEntries = {
  ino: v.nullable(v.number()),
  sizeBytes: v.number(),
  modifiedMs: v.nullable(v.number()),
};
const jsonSchema = v.custom<JsonValue>((value) => value !== undefined);
const recordSchema = v.object({
  before: v.nullable(jsonSchema),
  after: jsonSchema,
  made: v.object(identityEntries),
});
type NoteRecord = v.InferOutput<typeof recordSchema>;

/** The first release noted ids of loads, the newest one beside the file that it made. */
const firstReleaseSchema = v.object({
  loads: v.array(v.string()),
  last: v.nullable(v.object({ loadId: v.string(), ...identityEntries })),
});

export async function publishFile(
  target: PublicationTarget,
  find: FindFile,
  wait: LockWait,
): Promise<Publication> {
  const workspace = await Workspace.open(workPathOf(target.path), target.shown, wait);
  try {
    await workspace.clear(RECORD);
    const info = await statTarget(target);
    if (info?.isDirectory) {
      throw new AppError(
        "invalid",
        `Cannot write "${target.shown}": it is a folder; end the path with / to load into it`,
      );
    }
    const current = info === undefined ? undefined : {
      files: [{ path: basename(target.path), file: await find(target.path) }],
      note: noteOf(await readRecord(`${workspace.path}/${RECORD}`), info),
    };
    await Deno.mkdir(`${workspace.path}/${BUILT}`);
    return new FilePublication(target, workspace, current);
  } catch (error) {
    await workspace[Symbol.asyncDispose]();
    throw fileError("write", target.shown, error);
  }
}

class FilePublication implements Publication {
  readonly current: Published | undefined;
  readonly stagePath: string;
  readonly #target: PublicationTarget;
  readonly #workspace: Workspace;

  constructor(target: PublicationTarget, workspace: Workspace, current: Published | undefined) {
    this.current = current;
    this.stagePath = `${workspace.path}/${BUILT}`;
    this.#target = target;
    this.#workspace = workspace;
  }

  async stage(path: string): Promise<FileWriter> {
    return await DiskWriter.open(`${this.stagePath}/${path}`, this.#target.shown, { type: "any" });
  }

  async prefix(bytes: Uint8Array): Promise<void> {
    for (const { path } of await this.staged()) {
      await prefixFile(`${this.stagePath}/${path}`, bytes, this.#target.shown);
    }
  }

  async staged() {
    const { size } = await Deno.stat(this.#built());
    return [{ path: basename(this.#target.path), sizeBytes: size }];
  }

  async prepare({ keepsCurrent, note }: PublicationChange): Promise<void> {
    if (keepsCurrent) throw new AppError("internal", "Cannot keep a file beside the one that replaces it");
    try {
      await syncPath(this.#built());
      const record: NoteRecord = {
        before: this.current?.note ?? null,
        after: note,
        made: identityOf(await Deno.stat(this.#built())),
      };
      await writeAtomically(`${this.#workspace.path}/${RECORD}`, JSON.stringify(record));
    } catch (error) {
      throw fileError("write", this.#target.shown, error);
    }
  }

  async commit(): Promise<void> {
    try {
      await Deno.rename(this.#built(), this.#target.path);
      await syncName(this.#target.path);
    } catch (error) {
      throw fileError("write", this.#target.shown, error);
    }
  }

  #built(): string {
    return `${this.stagePath}/${basename(this.#target.path)}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What cannot be removed now, the next publication removes.
    await this.#workspace.clear(RECORD).catch(() => {});
    await this.#workspace[Symbol.asyncDispose]();
  }
}

function noteOf(record: NoteRecord | undefined, current: Deno.FileInfo): JsonValue | undefined {
  if (record === undefined) return undefined;
  const { before, after, made } = record;
  const now = identityOf(current);
  const isMade = now.ino === made.ino && now.sizeBytes === made.sizeBytes &&
    now.modifiedMs === made.modifiedMs;
  return isMade ? after : before ?? undefined;
}

function identityOf(info: Deno.FileInfo): NoteRecord["made"] {
  return { ino: info.ino, sizeBytes: info.size, modifiedMs: info.mtime?.getTime() ?? null };
}

async function readRecord(path: string): Promise<NoteRecord | undefined> {
  let value: unknown;
  try {
    value = JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    // Not ours, or damaged: at worst a replace or merge is done once more.
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
  const record = v.safeParse(recordSchema, value);
  if (record.success) return record.output;
  const first = v.safeParse(firstReleaseSchema, value);
  if (!first.success || first.output.last === null) return undefined;
  const { loads, last: { loadId, ...made } } = first.output;
  return { before: { loads }, after: { loads: [...loads, loadId] }, made };
}
