import { medianOf, type StepTrend, type TrendRun } from "../../../contract/runs/history.ts";
import { formatCount, formatDuration, formatPlural, formatShortCount } from "../../../text/format.ts";
import { formatUtc } from "../format.ts";

const BAR = 13;
const GAP = 4;
const LEFT = 76;
const TOP = 10;
const DURATION_HEIGHT = 92;
const ROWS_TOP = TOP + DURATION_HEIGHT + 16;
const ROWS_HEIGHT = 46;
const HEIGHT = ROWS_TOP + ROWS_HEIGHT + 4;
const LEAST_BAR = 2;

/** The last runs, the oldest first: their durations above, the rows that they read or loaded below. */
export function TrendChart({ runs }: { runs: readonly TrendRun[] }) {
  const width = LEFT + Math.max(20, runs.length) * (BAR + GAP);
  const longestMs = Math.max(1, ...runs.map(({ duration_ms }) => duration_ms ?? 0));
  const mostRows = Math.max(1, ...runs.map(rowsOf));
  const medianMs = medianOf(
    runs.filter(({ state }) => state === "succeeded").flatMap(({ duration_ms }) =>
      duration_ms === null ? [] : [duration_ms]
    ).toSorted((a, b) => a - b),
  );
  const medianY = medianMs === null ? 0 : round(TOP + DURATION_HEIGHT * (1 - medianMs / longestMs));
  return (
    <div class="scroll from-end" tabindex={0} role="region" aria-label="Durations and rows of the last runs">
      <svg
        class="trend"
        viewBox={`0 0 ${width} ${HEIGHT}`}
        width={width}
        height={HEIGHT}
        role="group"
        aria-label={`The last ${formatPlural(runs.length, "run")}: durations and rows`}
      >
        <Axis y={TOP} height={DURATION_HEIGHT} width={width} most={formatDuration(longestMs)} />
        <Axis y={ROWS_TOP} height={ROWS_HEIGHT} width={width} most={`${formatShortCount(mostRows)} rows`} />
        {runs.map((run, index) => (
          <RunBars
            run={run}
            x={LEFT + index * (BAR + GAP)}
            durationHeight={heightOf(run.duration_ms ?? 0, longestMs, DURATION_HEIGHT)}
            rowsHeight={heightOf(rowsOf(run), mostRows, ROWS_HEIGHT)}
          />
        ))}
        {medianMs !== null && (
          <g>
            <title>{`Median of those that succeeded: ${formatDuration(medianMs)}`}</title>
            <line class="median" x1={LEFT} x2={width} y1={medianY} y2={medianY} />
            {/* Beside the longest there is no room for it. */}
            {medianY > TOP + 14 && (
              <text x={LEFT - 8} y={medianY + 4} text-anchor="end">{`~ ${formatDuration(medianMs)}`}</text>
            )}
          </g>
        )}
      </svg>
    </div>
  );
}

interface AxisProps {
  readonly y: number;
  readonly height: number;
  readonly width: number;
  readonly most: string;
}

function Axis({ y, height, width, most }: AxisProps) {
  return (
    <g>
      <text x={LEFT - 8} y={y + 5} text-anchor="end">{most}</text>
      <line class="lane-line" x1={LEFT} x2={width} y1={y + height} y2={y + height} />
    </g>
  );
}

interface RunBarsProps {
  readonly run: TrendRun;
  readonly x: number;
  readonly durationHeight: number;
  readonly rowsHeight: number;
}

function RunBars({ run, x, durationHeight, rowsHeight }: RunBarsProps) {
  const rows = `${formatCount(run.rows_extracted)} rows in, ${formatCount(run.rows_loaded)} out`;
  const label = `${run.state}, ${formatUtc(run.created_at)}, ${formatDuration(run.duration_ms)}, ${rows}`;
  return (
    // Fifty stops are too many for the Tab key: the runs are a list, too.
    <a href={`/runs/${encodeURIComponent(run.id)}`} aria-label={label} tabindex={-1}>
      <title>{label}</title>
      <rect class="bar-hit" x={x - GAP / 2} y="0" width={BAR + GAP} height={HEIGHT} />
      <rect
        class={`bar bar-${run.state}`}
        x={x}
        y={round(TOP + DURATION_HEIGHT - durationHeight)}
        width={BAR}
        height={durationHeight}
        rx="1.5"
      />
      <rect
        class="bar bar-rows"
        x={x}
        y={round(ROWS_TOP + ROWS_HEIGHT - rowsHeight)}
        width={BAR}
        height={rowsHeight}
        rx="1.5"
      />
    </a>
  );
}

const STEP_HEIGHT = 22;
const STEP_BAR = 3;
const STEP_RUNS = 50;

/** The durations of a step in the last runs. */
export function StepBars({ runs }: { runs: StepTrend["runs"] }) {
  const shown = runs.slice(-STEP_RUNS);
  const longestMs = Math.max(1, ...shown.map(({ duration_ms }) => duration_ms ?? 0));
  const width = STEP_RUNS * (STEP_BAR + 1);
  const first = STEP_RUNS - shown.length;
  return (
    <svg
      class="strip"
      viewBox={`0 0 ${width} ${STEP_HEIGHT}`}
      width={width}
      height={STEP_HEIGHT}
      aria-hidden="true"
    >
      {shown.map(({ state, duration_ms }, index) => {
        const height = heightOf(duration_ms ?? 0, longestMs, STEP_HEIGHT);
        return (
          <rect
            class={`bar bar-${state}`}
            x={(first + index) * (STEP_BAR + 1)}
            y={round(STEP_HEIGHT - height)}
            width={STEP_BAR}
            height={height}
          />
        );
      })}
    </svg>
  );
}

/** What it read, or what it loaded where it reads from its own tables alone. */
function rowsOf({ rows_extracted, rows_loaded }: TrendRun): number {
  return Math.max(rows_extracted, rows_loaded);
}

function heightOf(value: number, most: number, height: number): number {
  return round(Math.max(LEAST_BAR, height * value / most));
}

const round = (value: number): number => Math.round(value * 10) / 10;
