import type { Run } from "../../../contract/run.ts";
import { formatDuration, formatPlural } from "../../../text/format.ts";
import { formatUtc } from "../format.ts";
import { stateOf } from "../states.tsx";

const BAR_WIDTH = 7;
const BAR_GAP = 3;
const HEIGHT = 26;
/** Below the bars: a mark under each run that did not succeed, so that it reads without colour. */
const MARK_ROOM = 5;
const LOWEST_BAR = 4;

/** What a bar shows of a run. */
export type BarRun = Pick<Run, "id" | "state" | "warnings" | "created_at" | "duration_ms">;

export interface RunStripView {
  readonly runs: readonly BarRun[];
  readonly slots: number;
  /** A drawing alone, without a way to each run. */
  readonly isPlain?: boolean;
}

/** The latest runs as bars, oldest first: the height is the duration beside the longest one's. */
export function RunStrip({ runs, slots, isPlain = false }: RunStripView) {
  const oldestFirst = runs.slice(0, slots).toReversed();
  const longestMs = Math.max(1, ...oldestFirst.map((run) => run.duration_ms ?? 0));
  const width = slots * (BAR_WIDTH + BAR_GAP) - BAR_GAP;
  const firstSlot = slots - oldestFirst.length;
  if (isPlain) {
    return (
      <svg class="strip" viewBox={`0 0 ${width} ${HEIGHT}`} width={width} height={HEIGHT} aria-hidden="true">
        {oldestFirst.map((run, index) => (
          <PlainBar
            run={run}
            x={(firstSlot + index) * (BAR_WIDTH + BAR_GAP)}
            height={barHeight(run, longestMs)}
          />
        ))}
      </svg>
    );
  }
  return (
    <svg
      class="strip"
      viewBox={`0 0 ${width} ${HEIGHT}`}
      width={width}
      height={HEIGHT}
      role="group"
      aria-label="Latest runs"
    >
      {Array.from(
        { length: firstSlot },
        (_, slot) => (
          <rect
            class="bar bar-none"
            x={slot * (BAR_WIDTH + BAR_GAP)}
            y={HEIGHT - MARK_ROOM - 2}
            width={BAR_WIDTH}
            height="2"
          />
        ),
      )}
      {oldestFirst.map((run, index) => (
        <Bar run={run} x={(firstSlot + index) * (BAR_WIDTH + BAR_GAP)} height={barHeight(run, longestMs)} />
      ))}
    </svg>
  );
}

function PlainBar({ run, x, height }: { run: BarRun; x: number; height: number }) {
  const bottom = HEIGHT - MARK_ROOM;
  return <path class={`bar bar-${stateOf(run)}`} d={`M${x} ${bottom}v-${height}h${BAR_WIDTH}v${height}z`} />;
}

function Bar({ run, x, height }: { run: BarRun; x: number; height: number }) {
  const state = stateOf(run);
  const warnings = run.warnings === 0 ? "" : `, ${formatPlural(run.warnings, "warning")}`;
  const label = `${run.state}${warnings}, ${formatUtc(run.created_at)}, ${formatDuration(run.duration_ms)}`;
  const bottom = HEIGHT - MARK_ROOM;
  return (
    // Twelve stops a pipeline are too many for the Tab key: its page has the same runs as a list.
    <a href={`/runs/${encodeURIComponent(run.id)}`} aria-label={label} tabindex={-1}>
      <title>{label}</title>
      <rect class="bar-hit" x={x - BAR_GAP / 2} y="0" width={BAR_WIDTH + BAR_GAP} height={HEIGHT} />
      <rect
        class={`bar bar-${state}`}
        x={x}
        y={bottom - height}
        width={BAR_WIDTH}
        height={height}
        rx="1.5"
      />
      {(state === "failed" || state === "cancelled" || state === "warned") && (
        <rect
          class={`bar bar-${state}`}
          x={x + 2}
          y={HEIGHT - 3}
          width={BAR_WIDTH - 4}
          height="3"
          rx="1"
        />
      )}
    </a>
  );
}

// The square root keeps a short run visible beside a long one.
function barHeight(run: BarRun, longestMs: number): number {
  const room = HEIGHT - MARK_ROOM;
  if (run.duration_ms === null) return run.state === "running" ? room : LOWEST_BAR;
  return Math.max(LOWEST_BAR, Math.round(room * Math.sqrt(run.duration_ms / longestMs)));
}
