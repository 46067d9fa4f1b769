import type { Clock } from "../../contract/clock.ts";
import type { Log } from "../../contract/log.ts";
import type { Outbox, OutboxEvent } from "../store/store.ts";
import type { Service } from "./service.ts";

const PAGE = 500;
/** Other servers on the same store write there too. */
const POLL_MS = 2_000;
const MAX_PAUSE_MS = 60_000;

export interface ConsumerContext {
  /** Under it the store keeps how far it is. */
  readonly name: string;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly log: Log;
  /**
   * Deals with some changes of runs, in their order. They come again where it throws, and where the server dies
   * before its place was written down: what it does must do no harm a second time. Where two servers work on one
   * store, each may get them.
   */
  readonly onEvents: (events: readonly OutboxEvent[]) => Promise<void>;
}

/**
 * Reads every change of a run from the outbox at least once, in order, over restarts: whatever reacts to runs and
 * must not miss one stands on it. One that is new to the store begins with what happens from now on.
 */
export class OutboxConsumer implements Service {
  readonly #context: ConsumerContext;
  readonly #stopping = new AbortController();
  #woken = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(context: ConsumerContext) {
    this.#context = context;
  }

  start(): void {
    this.#loop = this.#work();
  }

  /** Something was written: looks now. */
  wake(): void {
    this.#woken.abort();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.wake();
    await this.#loop;
  }

  async #work(): Promise<void> {
    const { name, clock, log } = this.#context;
    for (let failures = 0; !this.#stopping.signal.aborted;) {
      const woken = this.#woken = new AbortController();
      let waitMs = POLL_MS;
      try {
        await this.#catchUp();
        failures = 0;
      } catch (error) {
        waitMs = Math.min(1_000 * 2 ** Math.min(failures, 10), MAX_PAUSE_MS);
        failures += 1;
        log("error", "changes of runs could not be dealt with; trying again", { name, error: String(error) });
      }
      // What is written meanwhile must not make it hammer on what it cannot do.
      await clock.sleep(waitMs, failures === 0 ? woken.signal : this.#stopping.signal);
    }
  }

  async #catchUp(): Promise<void> {
    const { name, outbox, onEvents } = this.#context;
    for (let seq = await outbox.cursor(name); !this.#stopping.signal.aborted;) {
      const events = await outbox.read(seq, PAGE);
      const last = events.at(-1);
      if (last === undefined) return;
      await onEvents(events);
      await outbox.advance(name, last.seq);
      seq = last.seq;
      if (events.length < PAGE) return;
    }
  }
}
