import { isTerminal } from "../../../../contract/run_state.ts";
import type { Store } from "../../../store/store.ts";
import type { OutboxEvent } from "../../../store/ports/messages.ts";
import { TelemetryRefused } from "../refused.ts";
import { readStory } from "../run_story.ts";
import { type LineageSettings, shownAddress } from "../settings.ts";
import type { Sink } from "../sink_feed.ts";
import { postEvent } from "./lineage_client.ts";
import { createDatasetNames, type NamingContext } from "./dataset_names.ts";
import type { RunEvent } from "./run_event.ts";
import { beginOf, type EventContext, eventsOf } from "./run_events.ts";

export interface LineageSinkContext
  extends Omit<NamingContext, "namespace">, Pick<EventContext, "columns" | "version"> {
  readonly store: Pick<Store, "runs" | "revisions" | "figures">;
}

/** Sends the events of OpenLineage: that a run has begun when it begins, and the rest of it when it has ended. */
export function createLineageSink(settings: LineageSettings, context: LineageSinkContext): Sink {
  const { store, version, columns } = context;
  const { namespace } = settings;
  const events: EventContext = {
    namespace,
    version,
    columns,
    names: createDatasetNames({ ...context, namespace }),
  };
  const eventsFor = async ({ run }: OutboxEvent): Promise<readonly RunEvent[]> => {
    const isBegin = run.state === "running" && run.attempt === (run.retried_after ?? 0) + 1;
    if (isBegin) return [beginOf(run, await store.revisions.head(run.revision), events)];
    if (!isTerminal(run.state)) return [];
    const story = await readStory(store, run);
    return story === undefined
      ? []
      : await eventsOf(story, await store.revisions.lineage(run.revision), events);
  };
  return {
    name: "lineage",
    address: shownAddress(settings.url),
    async send(changes, signal) {
      const refused: string[] = [];
      for (const change of changes) {
        for (const event of await eventsFor(change)) {
          try {
            await postEvent(settings, event, signal);
          } catch (error) {
            if (!(error instanceof TelemetryRefused)) throw error;
            refused.push(error.message);
          }
        }
      }
      if (refused.length > 0) throw new TelemetryRefused(`${refused.length} events: ${refused[0]}`);
    },
  };
}
