import type { Clock } from "../../contract/clock.ts";
import type { Log } from "../../contract/log.ts";
import type { Outbox, OutboxEvent } from "../store/ports/messages.ts";
import { PollLoop } from "./poll_loop.ts";
import type { Service } from "./service.ts";

const PAGE = 500;
/** Other servers on the same store write there too. */
const POLL_MS = 2_000;

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
  readonly #loop: PollLoop;

  constructor(context: ConsumerContext) {
    this.#context = context;
    this.#loop = new PollLoop({
      ...context,
      look: () => this.#catchUp(),
      failure: `changes of runs could not be dealt with by "${context.name}"`,
    });
  }

  start(): void {
    this.#loop.start();
  }

  /** Something was written: looks now. */
  wake(): void {
    this.#loop.wake();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
  }

  async #catchUp(): Promise<number> {
    const { name, outbox, onEvents } = this.#context;
    for (let seq = await outbox.cursor(name); !this.#loop.signal.aborted;) {
      const events = await outbox.read(seq, PAGE);
      const last = events.at(-1);
      if (last === undefined) break;
      await onEvents(events);
      await outbox.advance(name, last.seq);
      seq = last.seq;
      if (events.length < PAGE) break;
    }
    return POLL_MS;
  }
}
