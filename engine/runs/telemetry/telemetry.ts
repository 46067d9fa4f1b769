import type { Clock } from "../../../contract/clock.ts";
import type { Log } from "../../../contract/log.ts";
import type { Store } from "../../store/store.ts";
import type { Service } from "../service.ts";
import { type Sink, SinkFeed } from "./sink_feed.ts";
import type { TelemetrySettings } from "./settings.ts";
import { createLineageSink, type LineageSinkContext } from "./lineage/lineage_sink.ts";
import { createTraceSink } from "./traces/trace_sink.ts";

/** How long a command that worked a run by itself waits, at its end, for others to take what it tells of it. */
const FLUSH_MS = 3_000;

export interface TelemetryContext extends Omit<LineageSinkContext, "store"> {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: TelemetrySettings;
}

/** The names of all sinks that there are, by which the store knows how far each of them is. */
const SINKS = ["traces", "lineage"] as const;

/**
 * Tells other systems of runs, from what is stored of them: at least once, also where the server dies in between or
 * they are away. Nothing that works on runs waits for it.
 */
export class Telemetry implements Service {
  readonly #context: TelemetryContext;
  readonly #feeds: readonly SinkFeed[];
  #isServer = false;

  constructor(context: TelemetryContext) {
    this.#context = context;
    const { traces, lineage } = context.settings;
    const sinks: Sink[] = [];
    if (traces !== undefined) sinks.push(createTraceSink(traces, context));
    if (lineage !== undefined) sinks.push(createLineageSink(lineage, context));
    this.#feeds = sinks.map((sink) => new SinkFeed({ ...context, sink }));
  }

  /**
   * What happens to runs from now on is told. A server forgets how far a sink was that is not asked for any more: the
   * outbox would be kept for it.
   */
  async begin({ isServer }: { readonly isServer: boolean }): Promise<void> {
    const { store: { outbox }, log, settings } = this.#context;
    this.#isServer = isServer;
    for (const fault of settings.faults) log("warn", fault);
    for (const name of SINKS) {
      if (this.#feeds.some((feed) => feed.name === name)) await outbox.cursor(name);
      else if (isServer) await outbox.forgetReader(name);
    }
    this.start();
  }

  start(): void {
    for (const feed of this.#feeds) feed.start();
  }

  wake(): void {
    for (const feed of this.#feeds) feed.wake();
  }

  /** A server goes on at its next start; after a command nobody may. */
  async stop(): Promise<void> {
    if (!this.#isServer) await Promise.all(this.#feeds.map((feed) => feed.flush(FLUSH_MS)));
    await Promise.all(this.#feeds.map((feed) => feed.stop()));
  }
}
