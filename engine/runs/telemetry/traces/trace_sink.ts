import { isTerminal } from "../../../../contract/run_state.ts";
import type { Store } from "../../../store/store.ts";
import { readStory } from "../run_story.ts";
import { shownAddress, type TraceSettings } from "../settings.ts";
import type { Sink } from "../sink_feed.ts";
import type { OtlpExporter } from "./otlp_exporter.ts";
import { traceOf } from "./span_records.ts";

export interface TraceSinkContext {
  readonly store: Pick<Store, "runs" | "revisions" | "figures">;
  readonly version: string;
}

/** Sends the spans of a run when it has ended, by OTLP over HTTP. */
export function createTraceSink(settings: TraceSettings, { store, version }: TraceSinkContext): Sink {
  let exporter: OtlpExporter | undefined;
  return {
    name: "traces",
    address: shownAddress(settings.url),
    async send(events) {
      const ended = events.filter(({ run }) => isTerminal(run.state));
      if (ended.length === 0) return;
      const stories = await Promise.all(ended.map(({ run }) => readStory(store, run)));
      exporter ??= (await import("./otlp_exporter.ts")).createOtlpExporter(settings, version);
      await exporter.export(stories.flatMap((story) => story === undefined ? [] : [traceOf(story)]));
    },
  };
}
