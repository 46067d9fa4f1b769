import { setImmediate } from "node:timers";
import type { AuditAction } from "../../../contract/audit/entry.ts";
import type { Clock } from "../../../contract/clock.ts";
import { toAppError } from "../../../contract/errors.ts";
import type { Log } from "../../../contract/log.ts";
import type { AuditStore, NewAuditLine } from "../../store/audit/port.ts";
import type { Wait } from "./waits.ts";

/** Lines of one transaction. */
const MOST_TOGETHER = 50;
/** Lines that wait in memory where the store cannot be written; a line has 32 kB at most, and most have 300 bytes. */
const MOST_HELD = 5_000;
const RETRY_MS = 2_000;

interface Waiting {
  readonly line: NewAuditLine;
  readonly wait: Wait;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface LineWriterContext {
  readonly store: Pick<AuditStore, "append">;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Writes lines in the order in which they come, those that wait at the same time in one transaction. What the store
 * cannot take now is held and tried again; of what is too much for that the log says how much it was.
 */
export class LineWriter implements AsyncDisposable {
  readonly #context: LineWriterContext;
  readonly #listeners = new Set<() => void>();
  readonly #stopping = new AbortController();
  #waiting: Waiting[] = [];
  #held: NewAuditLine[] = [];
  #dropped = 0;
  /** Why what is held could not be written. */
  #failure: unknown;
  #writing: Promise<void> | undefined;
  #retrying: Promise<void> | undefined;
  #isOver = false;

  constructor(context: LineWriterContext) {
    this.#context = context;
  }

  /**
   * Returns when the line is on the disk; of one that need not be there, when it is held as well. Throws what the store
   * throws for one that must.
   */
  write(line: NewAuditLine, wait: Wait): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ line, wait, resolve, reject });
      this.#writing ??= this.#write();
    });
  }

  async flush(): Promise<void> {
    await this.#writing;
  }

  onWritten(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Lines were written. */
  told(): void {
    for (const listener of this.#listeners) listener();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#retrying;
    await this.#writing;
    await this.#writeHeld();
    this.#isOver = true;
    if (this.#held.length > 0) {
      this.#context.log("error", "Lines of the audit log are lost: the store could not be written", {
        lines: this.#held.length + this.#dropped,
      });
    }
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      // Who else has come so far comes along: nothing takes as long as a commit.
      await new Promise<void>((resolve) => void setImmediate(resolve));
      await this.#writeGroup(this.#waiting.splice(0, MOST_TOGETHER));
    }
    this.#writing = undefined;
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    let failure: unknown;
    // What is held is older.
    if (await this.#writeHeld()) {
      try {
        await this.#append(group.map(({ line }) => line));
        for (const { resolve } of group) resolve();
        return;
      } catch (error) {
        failure = error;
      }
    } else failure = this.#failure;
    const isOne = group.length === 1;
    if (!isOne && toAppError(failure).code !== "unavailable") {
      // One of them is what the store does not take.
      for (const one of group) await this.#writeGroup([one]);
      return;
    }
    for (const { line, wait, resolve, reject } of group) {
      if (wait === "must") reject(failure);
      else {
        this.#hold(line, failure);
        resolve();
      }
    }
  }

  async #append(lines: readonly NewAuditLine[]): Promise<void> {
    await this.#context.store.append(lines);
    this.told();
  }

  #hold(line: NewAuditLine, failure: unknown): void {
    const { log } = this.#context;
    const { code, message } = toAppError(failure);
    if (code !== "unavailable") {
      log("error", "A line of the audit log cannot be written", {
        action: line.entry.action,
        error: message,
      });
      return;
    }
    if (this.#held.length === 0 && this.#dropped === 0) {
      log("error", "The audit log cannot be written: its lines are held in memory until it can", {
        error: message,
      });
    }
    if (this.#held.length < MOST_HELD) this.#held.push(line);
    else this.#dropped += 1;
    this.#retrying ??= this.#retry();
  }

  /** It can never be written. */
  #refuse(line: NewAuditLine | undefined, error: unknown): void {
    const { message } = toAppError(error);
    this.#context.log("error", "A line of the audit log cannot be written", {
      action: line?.entry.action,
      error: message,
    });
  }

  async #retry(): Promise<void> {
    const { clock } = this.#context;
    const { signal } = this.#stopping;
    while (this.#held.length > 0 && !signal.aborted) {
      await clock.sleep(RETRY_MS, signal);
      if (!signal.aborted && this.#writing === undefined) {
        this.#writing = this.#writeHeld().then(() => this.#write());
        await this.#writing;
      }
    }
    this.#retrying = undefined;
  }

  /** False where something is still held. */
  async #writeHeld(): Promise<boolean> {
    if (this.#held.length === 0) return true;
    const count = this.#held.length + this.#dropped;
    let together = MOST_TOGETHER;
    while (this.#held.length > 0) {
      const lines = this.#held.slice(0, together);
      try {
        await this.#append(lines);
      } catch (error) {
        this.#failure = error;
        if (toAppError(error).code === "unavailable") return false;
        // One of them is what the store does not take.
        if (lines.length > 1) {
          together = 1;
          continue;
        }
        this.#refuse(lines[0], error);
      }
      this.#held.splice(0, lines.length);
    }
    this.#context.log("info", "The audit log is written again", { lines: count, lost: this.#dropped });
    const lost = this.#dropped;
    this.#dropped = 0;
    if (lost > 0) await this.#append([this.#lostLine(lost)]).catch(() => void (this.#dropped += lost));
    return true;
  }

  #lostLine(lines: number): NewAuditLine {
    const action: AuditAction = "audit.drop";
    const actor = { id: null, name: "sluice", kind: "server" } as const;
    return {
      entry: { action, actor, outcome: "failed", details: { lines } },
      atMs: this.#context.clock.now(),
    };
  }
}
