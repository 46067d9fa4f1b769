import { join } from "node:path";
import type { Clock } from "../../../contract/clock.ts";
import { AppError } from "../../../contract/errors.ts";
import type { SnapshotRead } from "../../../contract/jobs/reader_job.ts";
import type { Report } from "../../../contract/jobs/reports.ts";
import type { Log } from "../../../contract/log.ts";
import { linkFile } from "../../snapshots/snapshot_files.ts";
import { StderrLines } from "../attempt/follow_reports.ts";
import { spillFolder } from "../attempt/process_grant.ts";
import { type RunProcess, type RunProcessProgram, spawnRunProcess } from "../attempt/spawn.ts";

/** What a request may take of the machine. */
const READ_MS = 60_000;
const MEMORY = "512MB";
const THREADS = 2;
/** A process that waits costs some 90 MB: few are kept, and not for long. */
const IDLE_MS = 300_000;
const PRIVATE_FOLDER = 0o700;
const NOTHING = { hosts: [], read: [], write: [], deny: [] } as const;

export interface SnapshotReadersContext {
  readonly runProcess: RunProcessProgram;
  readonly dataDir: string;
  readonly projectDir: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** A file that a reader has written; whoever gets it opens it and calls `remove`. */
export interface ReadFile {
  readonly path: string;
  readonly rows: number;
  /** See SnapshotPage. */
  readonly next: number | null;
  readonly remove: () => Promise<void>;
}

interface Reader {
  readonly folder: string;
  /** Where DuckDB may read and write. */
  readonly scratch: string;
  readonly process: RunProcess;
  readonly reports: AsyncIterator<Report>;
  readonly stderr: StderrLines;
  /** Aborted when it is taken again. */
  idle: AbortController;
}

/**
 * Processes that read snapshots: each may touch nothing but a folder of its own, into which a snapshot is linked when
 * it is asked for, so that one that is replaced meanwhile is read to its end. Those that are done wait for the next
 * request; as many are started as are asked for at a time.
 */
export class SnapshotReaders implements AsyncDisposable {
  readonly #context: SnapshotReadersContext;
  readonly #idle: Reader[] = [];
  readonly #ending = new Set<Promise<void>>();
  readonly #folders = new Set<string>();
  #isClosed = false;

  constructor(context: SnapshotReadersContext) {
    this.#context = context;
  }

  /** The names of the folders that its processes have now, among those where runs spill. */
  get folders(): ReadonlySet<string> {
    return this.#folders;
  }

  /**
   * Gives a snapshot a name of its own until it is disposed of, so that whoever waits finds it however many newer ones come
   * meanwhile. Where the file system has no links it keeps the name that it has.
   */
  async hold(snapshot: string): Promise<AsyncDisposable & { readonly path: string }> {
    const name = `held-${crypto.randomUUID()}`;
    const folder = spillFolder(this.#context.dataDir);
    const path = join(folder, name);
    this.#folders.add(name);
    try {
      await Deno.mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER });
      await Deno.link(snapshot, path);
    } catch {
      this.#folders.delete(name);
      return { path: snapshot, [Symbol.asyncDispose]: () => Promise.resolve() };
    }
    return {
      path,
      [Symbol.asyncDispose]: async () => {
        await removeFile(path);
        this.#folders.delete(name);
      },
    };
  }

  /**
   * Throws what the reader says (`invalid` for a query that does not fit), `timeout`, `not_found` where the snapshot
   * is gone, and the signal's reason.
   */
  async read(
    snapshot: string,
    { query, columns, key }: Pick<SnapshotRead, "query" | "columns" | "key">,
    signal: AbortSignal,
  ): Promise<ReadFile> {
    signal.throwIfAborted();
    const reader = this.#take() ?? await this.#start();
    const id = crypto.randomUUID();
    const path = join(reader.scratch, `${id}.snapshot`);
    const outputPath = join(reader.scratch, `${id}.rows`);
    let isKept = false;
    try {
      if (!await linkFile(snapshot, path)) {
        throw new AppError("not_found", "The snapshot is gone: a newer one has taken its place; ask again", {
          reason: "snapshot_gone",
        });
      }
      const read = { id, path, outputPath, query, columns, ...(key === undefined ? {} : { key }) };
      const result = await this.#ask(reader, read, signal);
      await Deno.remove(path);
      isKept = true;
      if ("error" in result) {
        await removeFile(outputPath);
        const { code, message, detail } = result.error;
        throw new AppError(code, message, detail === undefined ? {} : { detail });
      }
      return { path: outputPath, ...result.result, remove: () => removeFile(outputPath) };
    } finally {
      if (isKept) this.#keep(reader);
      else this.#end(reader);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const reader of this.#idle.splice(0)) this.#end(reader);
    await Promise.all(this.#ending);
  }

  async #ask(reader: Reader, read: SnapshotRead, signal: AbortSignal) {
    const timeout = AbortSignal.timeout(READ_MS);
    const stop = AbortSignal.any([signal, timeout]);
    const kill = () => reader.process.kill();
    stop.addEventListener("abort", kill, { once: true });
    try {
      await reader.process.send(orderOf(read));
      for (;;) {
        const { done, value } = await reader.reports.next();
        if (timeout.aborted) {
          throw new AppError("timeout", `Reading took longer than ${READ_MS / 1_000} s: ask for fewer rows`);
        }
        signal.throwIfAborted();
        if (done) {
          throw new AppError("internal", "The process that read a snapshot ended early", {
            detail: reader.stderr.text,
          });
        }
        if (value.type === "read" && value.id === read.id) return value;
        if (value.type === "log") this.#context.log(value.level, value.message, {});
        if (value.type === "finished" && value.error !== null) {
          throw new AppError(value.error.code, value.error.message);
        }
      }
    } finally {
      stop.removeEventListener("abort", kill);
    }
  }

  #take(): Reader | undefined {
    const reader = this.#idle.pop();
    reader?.idle.abort();
    return reader;
  }

  async #start(): Promise<Reader> {
    const { runProcess, dataDir, projectDir } = this.#context;
    const name = `reader-${crypto.randomUUID()}`;
    const folder = join(spillFolder(dataDir), name);
    const scratch = join(folder, "scratch");
    this.#folders.add(name);
    await Deno.mkdir(scratch, { recursive: true, mode: PRIVATE_FOLDER });
    try {
      const stderr = new StderrLines();
      const process = await spawnRunProcess(
        runProcess,
        {
          kind: "reader",
          projectDir,
          tempDir: folder,
          connectors: {},
          duckdb: { directories: [], files: [], memoryLimit: MEMORY },
          threads: THREADS,
        },
        NOTHING,
        stderr.take,
      );
      const reports = process.reports[Symbol.asyncIterator]();
      return { folder, scratch, process, reports, stderr, idle: new AbortController() };
    } catch (error) {
      await this.#removeFolder(folder, name);
      throw error;
    }
  }

  #keep(reader: Reader): void {
    if (this.#isClosed) return this.#end(reader);
    reader.idle = new AbortController();
    this.#idle.push(reader);
    const { signal } = reader.idle;
    Promise.race([this.#context.clock.sleep(IDLE_MS, signal), reader.process.status]).then(() => {
      const at = this.#idle.indexOf(reader);
      if (signal.aborted || at === -1) return;
      this.#idle.splice(at, 1);
      this.#end(reader);
    });
  }

  #end(reader: Reader): void {
    reader.idle.abort();
    const ending = (async () => {
      await reader.process[Symbol.asyncDispose]();
      const name = reader.folder.slice(reader.folder.lastIndexOf("reader-"));
      await this.#removeFolder(reader.folder, name);
    })().catch(() => {}).finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  async #removeFolder(folder: string, name: string): Promise<void> {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    this.#folders.delete(name);
  }
}

const orderOf = (
  read: SnapshotRead,
) => ({ type: "read", read }) as const;

async function removeFile(path: string): Promise<void> {
  await Deno.remove(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}
