import type { RunDetail } from "../../../contract/run.ts";
import { formatDuration } from "../../../text/format.ts";
import { type RunSpan, spansOf } from "./run_spans.ts";

const LEAST_WIDTH_PERCENT = 0.8;

/** A run from when it was asked for to its end on one lane: its attempts, and the waits before and between them. */
export function RunLane({ run, nowMs }: { run: RunDetail; nowMs: number }) {
  const spans = spansOf(run, nowMs);
  const [first] = spans;
  const last = spans.at(-1);
  if (first === undefined || last === undefined) return null;
  const wholeMs = Math.max(1, last.endMs - first.startMs);
  return (
    <div class="run-lane">
      <svg class="timeline" width="100%" height="12" role="group" aria-label="The run's attempts and waits">
        <rect class="lane" x="0" y="5.5" width="100%" height="1" />
        {spans.map((span) => {
          const start = (span.startMs - first.startMs) / wholeMs * 100;
          const width = Math.max(LEAST_WIDTH_PERCENT, (span.endMs - span.startMs) / wholeMs * 100);
          const isWait = span.attempt === undefined;
          return (
            <rect
              class={isWait ? "bar bar-waiting" : `bar bar-${barOf(span)}`}
              x={`${round(Math.min(start, 100 - LEAST_WIDTH_PERCENT))}%`}
              y={isWait ? "4" : "0"}
              width={`${round(width)}%`}
              height={isWait ? "4" : "12"}
              rx="2"
            >
              <title>{spanText(span)}</title>
            </rect>
          );
        })}
      </svg>
      <p class="run-lane-text">{spans.map(spanText).join(" · ")}</p>
    </div>
  );
}

/** `queued 12.0 s`, `attempt 1 failed after 22.0 s`. */
function spanText({ kind, attempt, startMs, endMs }: RunSpan): string {
  const time = formatDuration(endMs - startMs);
  if (attempt === undefined) return `${kind === "queued" ? "queued" : "waited"} ${time}`;
  return kind === "running" ? `attempt ${attempt} for ${time}` : `attempt ${attempt} ${kind} after ${time}`;
}

/** An attempt that its server stopped or lost is no failure of the run. */
function barOf({ kind }: RunSpan): string {
  return kind === "stopped" || kind === "lost" ? "cancelled" : kind;
}

const round = (percent: number): number => Math.round(percent * 100) / 100;
