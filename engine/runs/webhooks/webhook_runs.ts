import type { Clock } from "../../../contract/clock.ts";
import type { Log } from "../../../contract/log.ts";
import type { CommittedStream } from "../../../contract/streams/stream_view.ts";
import type { OpenHook } from "../../store/ports/messages.ts";
import type { Store } from "../../store/store.ts";
import { PollLoop } from "../poll_loop.ts";
import type { Service } from "../service.ts";
import type { PublishedFolder } from "../streams/published.ts";
import { committedSeq, streamsOf } from "./webhook_streams.ts";

/** Whoever posts or ends a run wakes it: this is for what went wrong, and for other servers. */
const LOOK_EVERY_MS = 60_000;

export interface WebhookRunsContext {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** How far streams are, as runs have reported it. */
  readonly streams: Pick<PublishedFolder<CommittedStream>, "get">;
  /** Queues a run of the pipeline, once for each key; `traceparent` came with the first of its posts. */
  readonly trigger: (
    pipeline: string,
    webhook: string,
    key: string,
    traceparent: string | undefined,
  ) => Promise<unknown>;
}

/**
 * Starts the runs that posts to webhooks ask for: one where no run of the pipeline is queued or going on, for all posts that
 * wait. What came while one was going on is looked at again when it has ended. It settles what is in warehouses.
 */
export class WebhookRuns implements Service {
  readonly #context: WebhookRunsContext;
  readonly #loop: PollLoop;

  constructor(context: WebhookRunsContext) {
    this.#context = context;
    const look = async () => {
      await this.look();
      return LOOK_EVERY_MS;
    };
    this.#loop = new PollLoop({ ...context, look, failure: "posts to webhooks could not be looked at" });
  }

  start(): void {
    this.#loop.start();
  }

  wake(): void {
    this.#loop.wake();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
  }

  /** Looks once. Throws what the store throws where it cannot be asked at all. */
  async look(): Promise<void> {
    for (const open of await this.#context.store.inbox.open()) {
      if (this.#loop.signal.aborted) return;
      try {
        await this.#lookAt(open);
      } catch (error) {
        const { log } = this.#context;
        log("error", "a post to a webhook could not start a run", { hook: open.hook, error: String(error) });
      }
    }
  }

  async #lookAt({ hook, lastSeq }: OpenHook): Promise<void> {
    const { store, clock, trigger } = this.#context;
    const [pipeline = "", name = ""] = hook.split("/");
    const settle = (seq: number) => store.inbox.settle(hook, seq, clock.now());
    const record = await store.pipelines.get(pipeline);
    if (record === undefined) return await settle(lastSeq);
    if (record.revision === null) return;
    const definition = (await store.revisions.head(record.revision))?.definition;
    if (definition === undefined) return;
    if (!Object.hasOwn(definition.webhooks ?? {}, name)) return await settle(lastSeq);
    const streams = streamsOf(definition, name).map(([stream]) => stream);
    const committed = await committedSeq(this.#context.streams, pipeline, definition, name);
    if (streams.length > 0) {
      if (committed > 0) await settle(committed);
      if (committed >= lastSeq) return;
    }
    // A run that is queued, going on or waiting for its retry may read it all: its end wakes us.
    if (record.paused || await store.runs.isActive(pipeline)) return;
    const from = streams.length > 0 ? committed : 0;
    const first = await store.inbox.after(hook, streams.length > 0 ? committed : lastSeq - 1);
    await trigger(pipeline, name, `webhook ${name} ${from} ${lastSeq}`, first?.headers["traceparent"]);
    // Nobody reads it: that the run is there is all that was asked for.
    if (streams.length === 0) await settle(lastSeq);
  }
}
