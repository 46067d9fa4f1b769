import type { PipelineHistory, RunDay } from "../../../contract/runs/history.ts";
import { formatPlural } from "../../../text/format.ts";

const CELL = 13;
const GAP = 3;
const LEFT = 34;
const TOP = 18;
const DAY_MS = 86_400_000;
const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;
/** Less of a day is hardly seen. */
const LEAST_SHARE = 0.25;

/** A cell a day, a column a week, the newest at the right: green as far as runs succeeded, red as far as they failed. */
export function RunCalendar({ history: { from, to, days } }: { history: PipelineHistory }) {
  const firstMs = Date.parse(from);
  const byDate = new Map(days.map((day) => [day.date, day]));
  const count = Math.round((Date.parse(to) - firstMs) / DAY_MS) + 1;
  // Monday is 0, as in ISO weeks.
  const firstWeekday = (new Date(firstMs).getUTCDay() + 6) % 7;
  const columns = Math.ceil((count + firstWeekday) / 7);
  const width = LEFT + columns * (CELL + GAP) - GAP;
  const height = TOP + 7 * (CELL + GAP) - GAP;
  const cells = Array.from({ length: count }, (_, index) => {
    const date = new Date(firstMs + index * DAY_MS).toISOString().slice(0, 10);
    const at = index + firstWeekday;
    return { date, day: byDate.get(date), column: Math.floor(at / 7), row: at % 7 };
  });
  return (
    <div class="scroll from-end" tabindex={0} role="region" aria-label="Calendar of runs">
      <svg
        class="calendar"
        viewBox={`0 0 ${width} ${height}`}
        width={width}
        height={height}
        role="group"
        aria-label={`Runs by day, ${from} to ${to}`}
      >
        {WEEKDAYS.map((name, row) =>
          row % 2 === 0 && <text x="0" y={TOP + row * (CELL + GAP) + CELL - 2.5}>{name}</text>
        )}
        {cells.filter(({ date, column }) => date.endsWith("-01") && column < columns - 1).map((
          { date, column },
        ) => <text x={LEFT + column * (CELL + GAP)} y="11">{MONTHS[Number(date.slice(5, 7)) - 1]}</text>)}
        {cells.map(({ date, day, column, row }) => (
          <Cell date={date} day={day} x={LEFT + column * (CELL + GAP)} y={TOP + row * (CELL + GAP)} />
        ))}
      </svg>
    </div>
  );
}

function Cell({ date, day, x, y }: { date: string; day: RunDay | undefined; x: number; y: number }) {
  if (day === undefined) {
    return <rect class="day-none" x={x} y={y} width={CELL} height={CELL} rx="2.5" />;
  }
  const { failed, cancelled, active, succeeded } = day;
  const ended = succeeded + failed + cancelled;
  const share = failed === 0 ? 0 : Math.max(LEAST_SHARE, failed / ended);
  const base = succeeded > 0 ? "succeeded" : active > 0 ? "running" : "cancelled";
  const label = dayText(day);
  return (
    <g role="img" aria-label={`${date}: ${label}`}>
      <title>{`${date}: ${label}`}</title>
      <rect class={`bar bar-${base}`} x={x} y={y} width={CELL} height={CELL} rx="2.5" />
      {share > 0 && (
        <rect
          class="bar bar-failed"
          x={x}
          y={round(y + CELL * (1 - share))}
          width={CELL}
          height={round(CELL * share)}
          rx="2.5"
        />
      )}
    </g>
  );
}

function dayText({ succeeded, failed, cancelled, active }: RunDay): string {
  const parts = [
    succeeded > 0 && `${succeeded} succeeded`,
    failed > 0 && `${failed} failed`,
    cancelled > 0 && `${cancelled} cancelled`,
    active > 0 && `${active} not ended`,
  ].filter((part) => part !== false);
  return `${formatPlural(succeeded + failed + cancelled + active, "run")}, ${parts.join(", ")}`;
}

const round = (value: number): number => Math.round(value * 10) / 10;
