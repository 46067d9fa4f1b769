import type { BackfillWindow } from "../../../contract/backfills/backfill.ts";
import { formatUtc } from "../format.ts";

const CELL = 12;
const GAP = 3;
const PER_ROW = 60;

/** A backfill's windows as cells, the earliest first: the table below has the same in words. */
export function WindowGrid({ windows }: { windows: readonly BackfillWindow[] }) {
  const columns = Math.min(windows.length, PER_ROW);
  const width = columns * (CELL + GAP) - GAP;
  const height = Math.ceil(windows.length / PER_ROW) * (CELL + GAP) - GAP;
  if (windows.length === 0) return null;
  return (
    <svg viewBox={`0 0 ${width} ${height}`} width={width} height={height} role="group" aria-label="Windows">
      {windows.map(({ run, state, window_start, window_end }, index) => {
        const label = `${state}, ${formatUtc(window_start)} → ${formatUtc(window_end)}`;
        return (
          // Hundreds of stops are too many for the Tab key: the table has the same runs.
          <a href={`/runs/${encodeURIComponent(run)}`} aria-label={label} tabindex={-1}>
            <title>{label}</title>
            <rect
              class={`bar bar-${state}`}
              x={(index % PER_ROW) * (CELL + GAP)}
              y={Math.floor(index / PER_ROW) * (CELL + GAP)}
              width={CELL}
              height={CELL}
              rx="2"
            />
          </a>
        );
      })}
    </svg>
  );
}
