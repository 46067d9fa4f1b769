import { dirname } from "node:path";
import { AppError } from "../../../contract/errors.ts";
import { formatPlural } from "../../../text/format.ts";
import { compressOld, oldPathFor, removeOldest } from "./old_logs.ts";
import type { LineOf } from "./server_log.ts";

const ASIDE_AGAIN_MS = 60_000;

export interface LogFileOptions {
  readonly path: string;
  /** The file is put aside before a line would make it larger; 0: never. */
  readonly maxBytes: number;
  /** How many that were put aside are kept; 0: none. */
  readonly keep: number;
  readonly now: () => number;
  /** How the file's own lines are written. */
  readonly lineOf: LineOf;
  /** Takes each line that the file does not take, and what is wrong with it. */
  readonly fallback: (line: string) => void;
}

/**
 * A file that lines are added to, each as a whole and before `write` returns. When it is large enough it is put aside
 * under the time and compressed; the next line begins another one. Lines that it does not take, as on a full disk, go
 * to `fallback`: a log never stops a server.
 */
export class LogFile implements AsyncDisposable {
  readonly #options: LogFileOptions;
  readonly #encoder = new TextEncoder();
  #file: Deno.FsFile | undefined;
  #sizeBytes = 0;
  #failure: string | undefined;
  /** Lines that went elsewhere since the file last took one. */
  #missing = 0;
  /** After a try that failed it goes on in the same file for a while. */
  #asideNotBeforeMs = 0;
  #tidying: Promise<void> = Promise.resolve();

  private constructor(options: LogFileOptions) {
    this.#options = options;
  }

  /** Makes its folder where that is not there. Throws `invalid` where the file cannot be written. */
  static open(options: LogFileOptions): LogFile {
    const log = new LogFile(options);
    try {
      Deno.mkdirSync(dirname(options.path), { recursive: true });
      log.#openFile();
    } catch (error) {
      throw new AppError("invalid", `Cannot write the log file ${options.path}: ${reasonOf(error)}`, {
        cause: error,
      });
    }
    // What a process that was killed has left.
    log.#tidy();
    return log;
  }

  /** Adds the line. Never throws. */
  write(line: string): void {
    const { maxBytes, fallback, now } = this.#options;
    try {
      const size = this.#encoder.encode(line).length + 1;
      const isLarge = maxBytes > 0 && this.#sizeBytes > 0 && this.#sizeBytes + size > maxBytes;
      if (isLarge && now() >= this.#asideNotBeforeMs) this.#putAside();
      this.#append(this.#encoder.encode(`${this.#missingLine()}${line}\n`));
      this.#missing = 0;
      this.#failure = undefined;
    } catch (error) {
      this.#note(error);
      this.#missing += 1;
      fallback(line);
    }
  }

  /** Goes on in a new file where others have moved this one away, as logrotate does. Never throws. */
  reopen(): void {
    try {
      const old = this.#file;
      this.#openFile();
      old?.close();
    } catch (error) {
      this.#note(error);
    }
  }

  /** Returns when what was put aside is compressed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tidying;
    this.#file?.close();
    this.#file = undefined;
  }

  #openFile(): void {
    this.#file = Deno.openSync(this.#options.path, { append: true, create: true, mode: 0o640 });
    this.#sizeBytes = this.#file.statSync().size;
  }

  #append(bytes: Uint8Array): void {
    if (this.#file === undefined) this.#openFile();
    const file = this.#file;
    if (file === undefined) return;
    let done = 0;
    try {
      while (done < bytes.length) done += file.writeSync(bytes.subarray(done));
      this.#sizeBytes += bytes.length;
    } catch (error) {
      // Half a line would spoil the next one, which is added behind it.
      if (done > 0) file.truncateSync(file.statSync().size - done);
      throw error;
    }
  }

  /** What cannot be put aside goes on to be written: too large is better than lost. */
  #putAside(): void {
    const { path, now } = this.#options;
    try {
      Deno.renameSync(path, oldPathFor(path, now()));
      const old = this.#file;
      this.#file = undefined;
      old?.close();
      this.#openFile();
      this.#tidy();
    } catch (error) {
      this.#asideNotBeforeMs = now() + ASIDE_AGAIN_MS;
      this.#note(error);
    }
  }

  #missingLine(): string {
    if (this.#missing === 0) return "";
    const { lineOf, now } = this.#options;
    const message = `${
      formatPlural(this.#missing, "line")
    } before this one went to the server's standard error`;
    return `${lineOf(new Date(now()).toISOString(), "warn", message, { error: this.#failure })}\n`;
  }

  /** Says what is wrong once, until the file takes lines again. */
  #note(error: unknown): void {
    const { path, fallback } = this.#options;
    const failure = reasonOf(error);
    if (failure === this.#failure) return;
    this.#failure = failure;
    fallback(`The log file ${path} cannot be written; lines go here: ${failure}`);
  }

  #tidy(): void {
    const { path, keep } = this.#options;
    this.#tidying = this.#tidying.then(async () => {
      await removeOldest(path, keep);
      await compressOld(path);
    }).catch((error) => this.#note(error));
  }
}

const reasonOf = (error: unknown): string => error instanceof Error ? error.message : String(error);
