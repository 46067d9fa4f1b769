import type { JsonValue } from "../../contract/json.ts";

/**
 * A place that holds files: the disk, a bucket, a web server. The formats of connectors/files
 * know files by this only. Nothing here asks for more than an object store can do: there are no
 * renames and no folders, names are just paths with slashes.
 */
export interface Location {
  /**
   * The files that a path or glob names, in the order of their paths. Throws `not_found` where there is none,
   * `invalid` for a folder, `forbidden`. Of a glob's files those whose path `accepts` refuses are left out,
   * unseen.
   */
  list(pattern: string, signal: AbortSignal, accepts?: (path: string) => boolean): Promise<FileList>;
  /** Undefined where there is no such file. `path` is absolute. */
  find(path: string): Promise<StoredFile | undefined>;
  /** Writes one file, on one condition. It is not there before the writer's commit(). `path` is absolute. */
  write(path: string, condition: WriteCondition): Promise<FileWriter>;
  /** Removes the file; one that is not there is no error. `path` is absolute. */
  remove(path: string): Promise<void>;
  /**
   * Begins to replace, or add to, what is at the target, and waits for another publication of it. Throws
   * `unavailable` where the other one takes too long.
   */
  publish(target: PublicationTarget, signal: AbortSignal): Promise<Publication>;
  /** SQL of a file's `path`, of SQL of its `localPath`. */
  pathSql(localPath: string): string;
}

export interface FileList {
  /** The folder under which everything lies that the pattern can match. Absolute. */
  readonly base: string;
  readonly files: readonly StoredFile[];
}

export interface StoredFile {
  /** Absolute; unique in its location. */
  readonly path: string;
  /** For messages and the filename column: relative to the root where it is under it. */
  readonly shown: string;
  readonly sizeBytes: number;
  /** Milliseconds since 1970; null where the location does not say. */
  readonly modifiedMs: number | null;
  /** Another one for another content; null where the location has none. */
  readonly etag: string | null;
  /** What DuckDB, and other libraries that open files by themselves, read it by. Absolute. */
  readonly localPath: string;
  /** What of the file is at `localPath`; undefined where the file itself is. */
  readonly localCopy?: LocalCopy;
  /**
   * The bytes from `start` to before `end`, all by default. Throws `unavailable` where the file is
   * not the one any more that was listed, or becomes another while it is read.
   */
  read(range?: { readonly start: number; readonly end: number }): AsyncIterable<Uint8Array>;
  /** For bytes here and there. Throws as read() does. */
  open(): Promise<FileReader>;
  /** Throws `unavailable` where the file is not the one any more that was listed. */
  checkUnchanged(): Promise<void>;
}

/**
 * A remote file on the local disk: as large as the file, with those of its bytes that somebody has read. Reading
 * the file reads it.
 */
export interface LocalCopy {
  /** What complete() would bring. */
  readonly missingBytes: number;
  /**
   * Brings all of the file, for who opens `localPath` by himself. Throws as read() does, and `unavailable`
   * where the disk is full.
   */
  complete(signal: AbortSignal): Promise<void>;
  /** Nobody will read the file: it is not brought ahead of others. */
  leaveOut(): void;
  /** Frees the disk. Who reads the file after that brings its bytes again. */
  remove(): Promise<void>;
}

export interface FileReader extends AsyncDisposable {
  /** Exactly `length` bytes, fewer only at the file's end. */
  read(position: number, length: number): Promise<Uint8Array>;
}

/** `absent`: only where there is no such file. `match`: only where the file has this ETag. */
export type WriteCondition =
  | { readonly type: "any" }
  | { readonly type: "absent" }
  | { readonly type: "match"; readonly etag: string };

/** Disposing of it without a commit leaves the file as it was. */
export interface FileWriter extends AsyncDisposable {
  write(bytes: Uint8Array): Promise<void>;
  /** Makes the file whole and durable in one step. Throws `conflict` where the condition does not hold. */
  commit(): Promise<void>;
}

export interface PublicationTarget {
  readonly kind: "file" | "folder";
  /** Absolute. */
  readonly path: string;
  /** For messages. */
  readonly shown: string;
}

/**
 * A change of a file or a folder of files that readers see in one step, with a note of ours that stands or
 * falls with it. Disposing of it without a commit leaves the target as it was, and so does a process
 * that dies before; what it left behind, the next publication of the target removes.
 */
export interface Publication extends AsyncDisposable {
  /** What readers see; undefined where there is nothing. */
  readonly current: Published | undefined;
  /**
   * An empty folder of the local disk. What is written to it, at paths relative to it, is what will be
   * published; a file target takes the one file of its own name.
   */
  readonly stagePath: string;
  /** A new file at a path relative to `stagePath`. */
  stage(path: string): Promise<FileWriter>;
  /** Puts the bytes before what each file that is in `stagePath` now begins with. */
  prefix(bytes: Uint8Array): Promise<void>;
  /** The files that are in `stagePath` now. */
  staged(): Promise<readonly { readonly path: string; readonly sizeBytes: number }[]>;
  /**
   * Brings everything so far that the commit is one step. With `keepsCurrent` the files that are there stay
   * beside the staged ones, but for those whose paths are in `removes`; otherwise the staged ones replace them.
   * Called once.
   */
  prepare(change: PublicationChange): Promise<void>;
  commit(): Promise<void>;
}

export interface PublicationChange {
  readonly keepsCurrent: boolean;
  /** Paths of current files, as `Published` has them. */
  readonly removes?: ReadonlySet<string>;
  readonly note: JsonValue;
}

export interface Published {
  /** Relative to the folder, sorted; for a file target its one name. */
  readonly files: readonly PublishedFile[];
  /** What the last publication noted; undefined where there is no note, or it belongs to another state. */
  readonly note: JsonValue | undefined;
}

export interface PublishedFile {
  readonly path: string;
  readonly file: StoredFile;
}
