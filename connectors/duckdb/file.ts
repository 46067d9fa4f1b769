import { dirname } from "node:path";
import type { ConnectorContext } from "../../contract/connector/connector.ts";
import type { DuckdbDatabase, DuckdbSession } from "../../contract/duckdb.ts";
import { AppError } from "../../contract/errors.ts";

/** How long another process that holds the file is waited for. */
const LOCK_TIMEOUT_MS = 5_000;

interface Opened {
  readonly database: DuckdbDatabase;
  readonly readOnly: boolean;
  users: number;
}

/** A session until it is disposed. */
export interface Lease extends AsyncDisposable {
  readonly session: DuckdbSession;
}

/**
 * The one file of a connection. It is open while it is used, and once in this process: opened twice it
 * would lose rows. A load, which has to write, waits until those who only read are done.
 */
export class DuckdbFile {
  readonly #path: string;
  readonly #shown: string;
  readonly #context: ConnectorContext;
  #opened: Opened | undefined;
  /** Openings and closings, one after the other. */
  #tail: Promise<unknown> = Promise.resolve();
  /** Loads, one after the other. */
  #loads: Promise<unknown> = Promise.resolve();
  readonly #waitingForFree: (() => void)[] = [];

  /** `path` is absolute; `shown` is what messages call it. */
  constructor(path: string, shown: string, context: ConnectorContext) {
    this.#path = path;
    this.#shown = shown;
    this.#context = context;
  }

  /** For reading. Throws `not_found` where there is no file. */
  async toRead(signal: AbortSignal): Promise<Lease> {
    await this.#checkThere();
    return await this.#lease(true, signal);
  }

  /** For one load; others wait. Makes the file and its folder where there is none. */
  async toWrite(signal: AbortSignal): Promise<Lease> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.#loads;
    this.#loads = promise;
    await before;
    try {
      signal.throwIfAborted();
      await this.#makeFolder();
      const lease = await this.#lease(false, signal);
      return {
        session: lease.session,
        async [Symbol.asyncDispose]() {
          await lease[Symbol.asyncDispose]();
          resolve();
        },
      };
    } catch (error) {
      resolve();
      throw error;
    }
  }

  async #lease(readOnly: boolean, signal: AbortSignal): Promise<Lease> {
    const opened = await this.#alone(() => this.#acquire(readOnly, signal));
    try {
      const session = await opened.database.session();
      const interrupting = session.interruptOn(signal);
      return {
        session,
        [Symbol.asyncDispose]: async () => {
          interrupting[Symbol.dispose]();
          await session[Symbol.asyncDispose]();
          await this.#release(opened);
        },
      };
    } catch (error) {
      await this.#release(opened);
      throw error;
    }
  }

  async #acquire(readOnly: boolean, signal: AbortSignal): Promise<Opened> {
    // Whoever reads may use a file that is open to be written, not the other way round.
    while (this.#opened?.readOnly && !readOnly && this.#opened.users > 0) {
      await new Promise<void>((resolve) => this.#waitingForFree.push(resolve));
    }
    if (this.#opened?.readOnly && !readOnly) await this.#close(this.#opened);
    this.#opened ??= { database: await this.#open(readOnly, signal), readOnly, users: 0 };
    this.#opened.users += 1;
    return this.#opened;
  }

  async #open(readOnly: boolean, signal: AbortSignal): Promise<DuckdbDatabase> {
    try {
      return await this.#context.openDuckdb(this.#path, { readOnly, lockTimeoutMs: LOCK_TIMEOUT_MS, signal });
    } catch (error) {
      signal.throwIfAborted();
      throw explainOpen(this.#shown, error);
    }
  }

  /** The file is closed with its last user, so that other processes get it. */
  async #release(opened: Opened): Promise<void> {
    opened.users -= 1;
    if (opened.users > 0) return;
    this.#waitingForFree.splice(0).forEach((resolve) => resolve());
    await this.#alone(async () => {
      if (opened.users === 0 && this.#opened === opened) await this.#close(opened);
    });
  }

  async #close(opened: Opened): Promise<void> {
    this.#opened = undefined;
    await opened.database[Symbol.asyncDispose]();
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work);
    this.#tail = result.catch(() => {});
    return result;
  }

  async #checkThere(): Promise<void> {
    try {
      await Deno.stat(this.#path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) {
        throw new AppError("not_found", `Cannot read ${this.#shown}: the file does not exist`, {
          cause: error,
        });
      }
      throw new AppError("forbidden", `Cannot read ${this.#shown}: permission denied`, { cause: error });
    }
  }

  async #makeFolder(): Promise<void> {
    const folder = dirname(this.#path);
    try {
      await Deno.mkdir(folder, { recursive: true });
    } catch (error) {
      // The folder is there, and may not be touched itself.
      if (error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.AlreadyExists) return;
      throw new AppError("forbidden", `Cannot write ${this.#shown}: its folder cannot be made`, {
        cause: error,
      });
    }
  }
}

function explainOpen(shown: string, error: unknown): unknown {
  if (!(error instanceof AppError)) return error;
  const why: Partial<Record<AppError["code"], string>> = {
    unavailable: `${tailOf(error)}; DuckDB gives a file to one process at a time, so close it there`,
    conflict: "this run uses the file already, as its own warehouse or by another connector; " +
      "one run opens a DuckDB file once",
  };
  return new AppError(error.code, `Cannot open ${shown}: ${why[error.code] ?? tailOf(error)}`, {
    ...(error.detail === undefined ? {} : { detail: error.detail }),
    cause: error,
  });
}

/** `Cannot open database "…": another process holds it` without its head. */
const tailOf = ({ message }: AppError): string => message.replace(/^Cannot open database ".*?": /, "");
