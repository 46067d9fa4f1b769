import type { Clock } from "../../contract/clock.ts";
import type { Log } from "../../contract/log.ts";
import type { Outbox } from "../store/ports/messages.ts";
import type { RunEvents } from "./run_events.ts";

const PAGE = 500;
/** What was delivered is written down this much later, for all of that time at once. */
const MARK_AFTER_MS = 2_000;
/** Other servers on the same store write there too; a failed read is tried again. */
const POLL_MS = 2_000;

export interface RelayContext {
  readonly outbox: Outbox;
  readonly events: RunEvents;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Hands what the outbox says of runs to those who follow them in this process. It is the only place
 * that does: a change that is not in the outbox did not happen.
 */
export class OutboxRelay {
  readonly #context: RelayContext;
  readonly #stopping = new AbortController();
  #seq = 0;
  #markedSeq = 0;
  #reading: Promise<void> = Promise.resolve();
  #isWaiting = false;
  #marking: Promise<void> | undefined;
  #polling: Promise<void> | undefined;

  constructor(context: RelayContext) {
    this.#context = context;
  }

  /** From here on: what happened before concerns nobody who follows. Before it, nothing is handed on. */
  async start(): Promise<void> {
    this.#seq = this.#markedSeq = await this.#context.outbox.lastSeq();
    this.#polling = this.#poll();
  }

  /** Something was written: looks now. */
  wake(): void {
    this.catchUp().catch((error) => {
      this.#context.log("error", "the outbox cannot be read; trying again", { error: String(error) });
    });
  }

  /** Resolves when all that was in the outbox at the time of the call was handed on. */
  catchUp(): Promise<void> {
    if (this.#polling === undefined) return Promise.resolve();
    // One that waits for its turn reads whatever is written until then.
    if (!this.#isWaiting) {
      this.#isWaiting = true;
      this.#reading = this.#reading.catch(() => {}).then(() => {
        this.#isWaiting = false;
        return this.#relay();
      });
    }
    return this.#reading;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#polling;
    await this.#marking;
    await this.#reading.catch(() => {});
  }

  async #relay(): Promise<void> {
    const { outbox, events } = this.#context;
    for (;;) {
      const found = await outbox.read(this.#seq, PAGE);
      for (const { seq, run } of found) {
        events.publish(run.id, { type: "run", run });
        this.#seq = seq;
      }
      if (found.length > 0) this.#marking ??= this.#markLater();
      if (found.length < PAGE) return;
    }
  }

  /** To write down what was delivered is a help for whoever looks at the table, and no more. */
  async #markLater(): Promise<void> {
    const { outbox, clock } = this.#context;
    do {
      await clock.sleep(MARK_AFTER_MS, this.#stopping.signal);
      const seq = this.#seq;
      try {
        await outbox.markDelivered(seq, clock.now());
        this.#markedSeq = seq;
      } catch {
        // With the next ones.
      }
    } while (this.#seq > this.#markedSeq && !this.#stopping.signal.aborted);
    this.#marking = undefined;
  }

  async #poll(): Promise<void> {
    const { clock } = this.#context;
    while (!this.#stopping.signal.aborted) {
      await clock.sleep(POLL_MS, this.#stopping.signal);
      if (!this.#stopping.signal.aborted) this.wake();
    }
  }
}
