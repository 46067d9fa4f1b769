import type { AuditEntry, AuditResult } from "../../../contract/audit/entry.ts";
import type { Clock } from "../../../contract/clock.ts";
import { toAppError } from "../../../contract/errors.ts";
import type { Log } from "../../../contract/log.ts";
import type { AuditStore } from "../../store/audit/port.ts";
import { keptEntry } from "./kept_entry.ts";
import { LineWriter } from "./line_writer.ts";
import type { AuditLog } from "./port.ts";
import { Repeats } from "./repeats.ts";
import { waitOf } from "./waits.ts";

export interface AuditContext {
  readonly store: AuditStore;
  readonly clock: Clock;
  readonly log: Log;
}

/** What another process has begun so long ago is over, or that process is. */
const ABANDONED_MS = 86_400_000;

export function createAudit(context: AuditContext): AuditLog {
  return new StoredAuditLog(context);
}

class StoredAuditLog implements AuditLog {
  readonly #context: AuditContext;
  /** This process, as its intents name it. */
  readonly #holder = crypto.randomUUID();
  readonly #writer: LineWriter;
  readonly #repeats = new Repeats();
  readonly #stopping = new AbortController();
  #counting: Promise<void> | undefined;
  #settled: Promise<void> | undefined;

  constructor(context: AuditContext) {
    this.#context = context;
    this.#writer = new LineWriter(context);
  }

  async record(entry: AuditEntry): Promise<void> {
    const { clock } = this.#context;
    const kept = keptEntry(entry);
    const atMs = clock.now();
    const isRepeated = this.#repeats.isRepeated(kept, atMs);
    if (this.#repeats.nextMs() !== undefined) this.#counting ??= this.#tellRepeats();
    if (isRepeated) return;
    this.#settleOnce();
    const wait = waitOf(entry.action);
    const written = this.#writer.write({ entry: kept, atMs }, wait);
    if (wait !== "later") await written;
  }

  async around<T>(
    entry: AuditEntry,
    act: () => Promise<T>,
    told: (result: T) => AuditResult | Promise<AuditResult> = () => ({}),
  ): Promise<T> {
    const { store, clock } = this.#context;
    const id = crypto.randomUUID();
    this.#settleOnce();
    try {
      await store.putIntent({ id, atMs: clock.now(), holder: this.#holder, entry: keptEntry(entry) });
    } catch (error) {
      if (waitOf(entry.action) === "must") throw error;
    }
    const end = async (more: AuditResult & Pick<AuditEntry, "outcome">) => {
      const details = { ...entry.details, ...more.details };
      const whole = keptEntry({ ...entry, ...more, details });
      // It is done, and will be told of in any case: the intent is on the disk.
      await this.#writer.write({ entry: whole, atMs: clock.now(), origin: originOf(id), intent: id }, "hold");
    };
    let result: T;
    try {
      result = await act();
    } catch (thrown) {
      await end(failureOf(thrown));
      throw thrown;
    }
    const more = await Promise.resolve(result).then(told).catch(() => ({}));
    await end(more);
    return result;
  }

  async recordOnce(
    entries: readonly { readonly origin: string; readonly atMs: number; readonly entry: AuditEntry }[],
  ): Promise<void> {
    await this.#context.store.append(entries.map((one) => ({ ...one, entry: keptEntry(one.entry) })));
    this.#writer.told();
  }

  async settle(beforeMs: number): Promise<void> {
    const { store, clock } = this.#context;
    const left = await store.oldIntents(this.#holder, beforeMs);
    if (left.length === 0) return;
    await store.append(left.map(({ id, atMs, entry }) => ({
      entry: {
        ...entry,
        outcome: "unknown",
        details: { ...entry.details, begun_at: new Date(atMs).toISOString() },
      },
      atMs: clock.now(),
      origin: originOf(id),
      intent: id,
    })));
    this.#writer.told();
  }

  flush(): Promise<void> {
    return this.#writer.flush();
  }

  onWritten(listener: () => void): Disposable {
    return this.#writer.onWritten(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#counting;
    await this.#settled;
    await this.#writer[Symbol.asyncDispose]();
  }

  /** Until nothing is counted any more; what is left at the end is told of then. */
  async #tellRepeats(): Promise<void> {
    const { clock } = this.#context;
    for (let untilMs = this.#repeats.nextMs(); untilMs !== undefined; untilMs = this.#repeats.nextMs()) {
      await clock.sleep(untilMs - clock.now(), this.#stopping.signal);
      const isOver = this.#stopping.signal.aborted;
      const due = this.#repeats.due(isOver ? Infinity : clock.now());
      for (const entry of due) void this.#writer.write({ entry, atMs: clock.now() }, "later");
    }
    this.#counting = undefined;
  }

  /** What a dead process left undone is told of by the next one that writes. */
  #settleOnce(): void {
    const { clock, log } = this.#context;
    this.#settled ??= this.settle(clock.now() - ABANDONED_MS).catch((error) => {
      log("debug", "what other processes left of the audit log cannot be settled yet", {
        error: String(error),
      });
    });
  }
}

const originOf = (intent: string) => `intent ${intent}`;

/** How it ended. What an error says may have values in it: its code is what is kept. */
function failureOf(thrown: unknown): AuditResult & Pick<AuditEntry, "outcome"> {
  const { code, reason } = toAppError(thrown);
  return {
    outcome: code === "forbidden" || code === "unauthorized" ? "refused" : "failed",
    details: { error: code, ...(reason === undefined ? {} : { reason }) },
  };
}
