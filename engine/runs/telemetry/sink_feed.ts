import type { Clock } from "../../../contract/clock.ts";
import type { Log } from "../../../contract/log.ts";
import type { OutboxEvent } from "../../store/ports/messages.ts";
import type { Store } from "../../store/store.ts";
import { raiseDelivery, settleDelivery } from "../alerts/delivery_problem.ts";
import { OutboxConsumer } from "../outbox_consumer.ts";
import type { Service } from "../service.ts";
import { TelemetryRefused } from "./refused.ts";

/** What was not taken for so long is left out, so that who is away for ever holds nothing up. */
const KEPT_MS = 24 * 3_600_000;
/** Runs whose spans or events are made and sent together. */
const EVENTS_A_SEND = 50;
const LOOK_MS = 25;

/** A system that is told of runs. */
export interface Sink {
  readonly name: "traces" | "lineage";
  /** Where it is, without anything secret. */
  readonly address: string;
  /**
   * Tells of these changes, in their order; they may come again. Throws where they were not taken: TelemetryRefused
   * where they never will be.
   */
  send(events: readonly OutboxEvent[], signal: AbortSignal): Promise<void>;
}

export interface SinkFeedContext {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly sink: Sink;
}

/**
 * Gives a sink the changes of runs from the outbox, at least once and in order. While it does not take them it is asked
 * again, at longer and longer intervals, which the log says once and an open problem for as long as it lasts.
 */
export class SinkFeed implements Service {
  readonly #context: SinkFeedContext;
  readonly #consumer: OutboxConsumer;
  readonly #stopping = new AbortController();
  /** Whether it is known that the sink does, or does not, take what it is sent. */
  #isWell: boolean | undefined;
  /** Up to which place it was said that changes are left out. */
  #droppedSeq = 0;

  constructor(context: SinkFeedContext) {
    this.#context = context;
    const { sink: { name }, store: { outbox }, clock, log } = context;
    this.#consumer = new OutboxConsumer({
      name,
      outbox,
      clock,
      log: (...line) => {
        // What the sink does not take is said where that is found out.
        if (this.#isWell !== false && !this.#stopping.signal.aborted) log(...line);
      },
      onEvents: (events) => this.#tell(events),
    });
  }

  get name(): Sink["name"] {
    return this.#context.sink.name;
  }

  start(): void {
    this.#consumer.start();
  }

  wake(): void {
    this.#consumer.wake();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#consumer.stop();
  }

  /** Returns when all that has happened until now was taken, when it is not being taken, or after so many milliseconds. */
  async flush(withinMs: number): Promise<void> {
    const { store: { outbox }, clock, log } = this.#context;
    const untilMs = clock.now() + withinMs;
    try {
      const last = await outbox.lastSeq();
      this.wake();
      while (this.#isWell !== false && clock.now() < untilMs && await outbox.cursor(this.name) < last) {
        await clock.sleep(LOOK_MS, this.#stopping.signal);
      }
      if (this.#isWell !== false && await outbox.cursor(this.name) < last) {
        log("warn", `${this.#subject} were not taken in time; the next command or server sends them`);
      }
    } catch {
      // The store says so where it matters.
    }
  }

  async #tell(events: readonly OutboxEvent[]): Promise<void> {
    const { clock, log } = this.#context;
    const isFresh = ({ createdAtMs }: OutboxEvent) => createdAtMs > clock.now() - KEPT_MS;
    const fresh = events.filter(isFresh);
    // The same page comes again for as long as what is fresh in it is not taken.
    const dropped = events.filter((event) => !isFresh(event) && event.seq > this.#droppedSeq);
    if (dropped.length > 0) {
      this.#droppedSeq = dropped.at(-1)?.seq ?? this.#droppedSeq;
      log("warn", `${this.#subject} were not taken for a day: what is older is left out`, {
        changes: dropped.length,
      });
    }
    for (let at = 0; at < fresh.length; at += EVENTS_A_SEND) {
      await this.#send(fresh.slice(at, at + EVENTS_A_SEND));
    }
  }

  async #send(events: readonly OutboxEvent[]): Promise<void> {
    const { sink, log } = this.#context;
    try {
      await this.#orStopped(sink.send(events, this.#stopping.signal));
      await this.#note(undefined);
    } catch (error) {
      if (this.#stopping.signal.aborted) throw error;
      const message = error instanceof Error ? error.message : String(error);
      if (!(error instanceof TelemetryRefused)) {
        await this.#note(message);
        throw error;
      }
      log("error", `${this.#subject} were refused, and are left out`, { error: message });
    }
  }

  /** Whoever does not answer must not keep the server from stopping: what was under way is sent again. */
  async #orStopped(work: Promise<void>): Promise<void> {
    const { signal } = this.#stopping;
    const { promise, reject } = Promise.withResolvers<never>();
    const stop = () => reject(new Error("the server stops"));
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    try {
      await Promise.race([work, promise]);
    } finally {
      signal.removeEventListener("abort", stop);
      work.catch(() => {});
    }
  }

  /** `failure`: why nothing is taken; undefined where it is. */
  async #note(failure: string | undefined): Promise<void> {
    const { store: { alerts }, clock, log } = this.#context;
    const isWell = failure === undefined;
    const isNew = this.#isWell !== isWell;
    const wasIll = this.#isWell === false;
    this.#isWell = isWell;
    const key = problemKey(this.name);
    if (failure === undefined) {
      if (wasIll) log("info", `${this.#subject} are taken again`);
      if (isNew) await settleDelivery(alerts, key, clock.now());
      return;
    }
    if (isNew) log("warn", `${this.#subject} are not taken; trying again until they are`, { error: failure });
    await raiseDelivery(alerts, key, `${this.#subject} are not taken: ${failure}`, clock.now());
  }

  get #subject(): string {
    const { name, address } = this.#context.sink;
    return name === "traces" ? `Traces for ${address}` : `OpenLineage events for ${address}`;
  }
}

const PROBLEM = /^telemetry (?:traces|lineage) delivery$/;

/** What an open problem is about that says a sink takes nothing. */
const problemKey = (sink: Sink["name"]): string => `telemetry ${sink} delivery`;

export const isTelemetryProblem = ({ key }: { readonly key: string }): boolean => PROBLEM.test(key);
