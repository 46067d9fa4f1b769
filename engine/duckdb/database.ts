import duckdb from "@duckdb/node-bindings";
import { basename, dirname, isAbsolute, join } from "node:path";
import { AppError } from "../../contract/errors.ts";
import type { WarehouseKey } from "../../contract/keys/warehouse_key.ts";
import { quoteIdentifier, quoteLiteral } from "../../contract/sql.ts";
import { attachAll, type AttachedDatabase, attachedPaths } from "./attach/attached.ts";
import { attachText, catalogueOf, loadCrypto } from "./attach/encrypted.ts";
import { toOpenError } from "./open_error.ts";
import { readRows } from "./from/row_reader.ts";
import { DuckSession, type SessionHost } from "./session.ts";
import { abortError } from "./sql_error.ts";
import { removeUnbornFile } from "./unborn_file.ts";

const RETRY_MS = 50;
const MEMORY = ":memory:";
/** Of new files; one that is there keeps its own. Its string compression takes a third less time than the default's. */
export const STORAGE_VERSION = "v1.4.0";
/** Full row groups of a table that wait to be written; 5 by default, some 25 MB each, which are written no faster. */
const ROW_GROUPS_HELD = "1";

export interface DatabaseOptions {
  /** Absolute, or `:memory:`. */
  readonly path: string;
  /** As DuckDB writes it: `2GB`. */
  readonly memoryLimit?: string;
  readonly threads?: number;
  /** Where DuckDB spills. Absolute. */
  readonly tempDirectory?: string;
  /** The most that it spills, as DuckDB writes it. */
  readonly spillLimit?: string;
  /** What SQL may read and write beside the database file itself. Absolute. */
  readonly allowedDirectories: readonly string[];
  readonly allowedPaths?: readonly string[];
  /** How long to keep trying while another process holds the file; 0 by default. */
  readonly lockTimeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Changes nothing in the file; other processes may read it meanwhile. */
  readonly readOnly?: boolean;
  /** What is read beside the database itself. */
  readonly attached?: readonly AttachedDatabase[];
  /** The one of the attached that names mean which say no more. */
  readonly catalogue?: string | undefined;
  /** Of an encrypted file: what it spills is encrypted too. */
  readonly key?: WarehouseKey | undefined;
}

/**
 * The files that this process holds. DuckDB does not notice that one process opens a file twice, and
 * loses rows then; its lock belongs to the process, so nothing smaller than the process can know.
 */
const openPaths = new Set<string>();

/**
 * Opens a database file, or creates it, and locks its configuration: SQL reaches the allowed folders
 * and nothing else, loads no extension and changes no setting but the number of threads.
 *
 * @throws AppError `unavailable` where another process holds the file, `conflict` where this one
 * does, `invalid` where it is not a DuckDB file, is damaged or made by a newer DuckDB.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  if (options.path !== MEMORY && !isAbsolute(options.path)) {
    throw new AppError("internal", `Cannot open database "${options.path}": the path is not absolute`);
  }
  const keys = options.path === MEMORY ? [] : await keysOf(options.path);
  if (keys.some((key) => openPaths.has(key))) {
    throw new AppError(
      "conflict",
      `Cannot open database "${options.path}": this process has it open already`,
    );
  }
  for (const key of keys) openPaths.add(key);
  const free = () => keys.forEach((key) => openPaths.delete(key));
  try {
    const handle = await openHandle(options);
    try {
      // A file that was made just now has got its inode.
      if (options.path !== MEMORY) {
        keys.push(...(await keysOf(options.path)).filter((key) => !keys.includes(key)));
        for (const key of keys) openPaths.add(key);
      }
      const keywords = await lockDown(handle, options);
      return new Database(
        handle,
        keywords,
        free,
        options.key === undefined ? options.catalogue : catalogueOf(options.path),
      );
    } catch (error) {
      duckdb.close_sync(handle);
      throw toOpenError(error, options.path);
    }
  } catch (error) {
    free();
    throw error;
  }
}

/** Of DuckDB itself, as `v1.4.2`. */
export const duckdbVersion = (): string => duckdb.library_version();

/** One open database file. Disposing it closes its sessions, writes a checkpoint and frees the file. */
export class Database implements AsyncDisposable {
  readonly #handle: duckdb.Database;
  readonly #keywords: ReadonlySet<string>;
  readonly #free: () => void;
  readonly #catalogue: string | undefined;
  readonly #sessions = new Set<DuckSession>();
  #isClosed = false;

  /** `catalogue` is what sessions work in, where that is not the instance's own. */
  constructor(
    handle: duckdb.Database,
    keywords: ReadonlySet<string>,
    free: () => void,
    catalogue: string | undefined,
  ) {
    this.#handle = handle;
    this.#keywords = keywords;
    this.#free = free;
    this.#catalogue = catalogue;
  }

  async session(): Promise<DuckSession> {
    if (this.#isClosed) throw new AppError("internal", "Cannot start a session: the database is closed");
    const host: SessionHost = {
      keywords: this.#keywords,
      connect: () => this.session(),
      release: (session) => void this.#sessions.delete(session),
    };
    const connection = await duckdb.connect(this.#handle);
    if (this.#catalogue !== undefined) {
      await duckdb.query(connection, `USE ${quoteIdentifier(this.#catalogue)}`);
    }
    const session = new DuckSession(connection, host);
    this.#sessions.add(session);
    return session;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    for (const session of [...this.#sessions]) await session[Symbol.asyncDispose]();
    try {
      await using session = await this.session();
      await session.run("CHECKPOINT");
    } catch {
      // What was committed is in the write-ahead log and is read from there at the next opening.
    } finally {
      this.#isClosed = true;
      duckdb.close_sync(this.#handle);
      this.#free();
    }
  }
}

async function openHandle(options: DatabaseOptions): Promise<duckdb.Database> {
  const deadlineMs = performance.now() + (options.lockTimeoutMs ?? 0);
  for (;;) {
    if (options.signal?.aborted) throw abortError(options.signal);
    try {
      return options.key === undefined ? await openPlain(options) : await openEncrypted(options, options.key);
    } catch (error) {
      const failure = toOpenError(error, options.path);
      if (!await isWorthAnother(failure, options, deadlineMs)) throw failure;
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

async function openPlain(options: DatabaseOptions): Promise<duckdb.Database> {
  const handle = await duckdb.open(options.path, openConfig(options));
  const { attached = [] } = options;
  if (attached.length === 0) return handle;
  try {
    const connection = await duckdb.connect(handle);
    try {
      await attachAll(connection, attached);
    } finally {
      duckdb.disconnect_sync(connection);
    }
    return handle;
  } catch (error) {
    duckdb.close_sync(handle);
    throw error;
  }
}

/** An encrypted file can only be attached: to an instance that is in memory, and has its settings. */
async function openEncrypted(
  options: DatabaseOptions,
  { key, module }: WarehouseKey,
): Promise<duckdb.Database> {
  const { readOnly, ...others } = options;
  const handle = await duckdb.open(MEMORY, openConfig({ ...others, path: MEMORY }));
  try {
    const connection = await duckdb.connect(handle);
    try {
      await loadCrypto(connection, module);
      const how = readOnly ? ["READ_ONLY"] : [`STORAGE_VERSION ${quoteLiteral(STORAGE_VERSION)}`];
      await duckdb.query(connection, attachText(options.path, catalogueOf(options.path), how, key));
      await attachAll(connection, options.attached ?? []);
    } finally {
      duckdb.disconnect_sync(connection);
    }
    return handle;
  } catch (error) {
    duckdb.close_sync(handle);
    throw error;
  }
}

async function isWorthAnother(
  failure: AppError,
  options: DatabaseOptions,
  deadlineMs: number,
): Promise<boolean> {
  const { path } = options;
  if (failure.code === "unavailable") return performance.now() < deadlineMs;
  return failure.code === "invalid" && !options.readOnly && await removeUnbornFile(path) !== "kept";
}

const isSecret = ({ key, attached = [] }: DatabaseOptions): boolean =>
  key !== undefined || attached.some((one) => "key" in one && one.key !== undefined);

function openConfig(options: DatabaseOptions): duckdb.Config {
  const settings: Record<string, string | undefined> = {
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    storage_compatibility_version: STORAGE_VERSION,
    access_mode: options.readOnly ? "READ_ONLY" : undefined,
    memory_limit: options.memoryLimit,
    write_buffer_row_group_count: ROW_GROUPS_HELD,
    threads: options.threads?.toString(),
    max_temp_directory_size: options.spillLimit,
    temp_file_encryption: isSecret(options) ? "true" : undefined,
    // It gives bytes of what a file held before, where that was written anew (docs/decisions.md).
    enable_external_file_cache: "false",
    // A database in memory would spill to the working directory.
    temp_directory: options.tempDirectory ?? (options.path === MEMORY ? "" : undefined),
  };
  const config = duckdb.create_config();
  for (const [name, value] of Object.entries(settings)) {
    if (value === undefined) continue;
    try {
      duckdb.set_config(config, name, value);
    } catch (cause) {
      throw new AppError("invalid", `Cannot open a database with ${name} = "${value}"`, { cause });
    }
  }
  return config;
}

/**
 * Lets SQL touch the allowed paths only, load nothing and change no setting. Returns DuckDB's keywords, lower
 * case.
 */
async function lockDown(handle: duckdb.Database, options: DatabaseOptions): Promise<ReadonlySet<string>> {
  const list = (paths: readonly string[]) => `[${paths.flatMap(asPatterns).map(quoteLiteral).join(", ")}]`;
  const connection = await duckdb.connect(handle);
  try {
    const keywords = await duckdb.query(
      connection,
      `SET GLOBAL errors_as_json = true;
       SET GLOBAL TimeZone = 'UTC';
       SET GLOBAL allow_community_extensions = false;
       SET GLOBAL allowed_directories = ${list(options.allowedDirectories)};
       SET GLOBAL allowed_paths = ${
        list([...options.allowedPaths ?? [], ...attachedPaths(options.attached ?? [])])
      };
       SET GLOBAL enable_external_access = false;
       SET GLOBAL allowed_configs = ['threads', 'enable_progress_bar', 'enable_progress_bar_print'];
       SET GLOBAL lock_configuration = true;
       SELECT keyword_name AS name FROM duckdb_keywords()`,
    ).then(readRows);
    return new Set(keywords.map((row) => String(row.name)));
  } finally {
    duckdb.disconnect_sync(connection);
  }
}

/** The path, and how it is written where DuckDB takes it for a glob: it looks whether that is allowed first. */
function asPatterns(path: string): string[] {
  const pattern = path.replace(/[*?[]/g, "[$&]");
  return pattern === path ? [path] : [path, pattern];
}

/** The file by its path and, once it is there, by its inode: a hard link is the same file too. */
async function keysOf(path: string): Promise<string[]> {
  const canonical = await canonicalPath(path);
  try {
    const { dev, ino } = await Deno.stat(path);
    return ino === null ? [canonical] : [canonical, `inode ${dev}:${ino}`];
  } catch {
    return [canonical];
  }
}

async function canonicalPath(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch {
    // Not there yet: its folder may still be a link.
    return join(await Deno.realPath(dirname(path)).catch(() => dirname(path)), basename(path));
  }
}
