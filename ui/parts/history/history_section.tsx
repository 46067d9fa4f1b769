import { type PipelineHistory, trendFigures } from "../../../contract/runs/history.ts";
import { formatCount, formatDuration, formatPlural } from "../../../text/format.ts";
import { cityOf } from "../../../text/zone_time.ts";
import { Breakable } from "../steps/step_names.tsx";
import { DataTable } from "../tables/data_table.tsx";
import { RunCalendar } from "./run_calendar.tsx";
import { StepBars, TrendChart } from "./trend_chart.tsx";

/** Steps beyond the slowest so many are in the API alone. */
const SHOWN_STEPS = 12;

const NUMBERS = ["Last", "Median", "Slowest", "Failed", "Rows of the last"].map((number) => ({ number }));

/** How a pipeline's runs have gone; nothing before the first. */
export function HistorySection({ history }: { history: PipelineHistory }) {
  const { days, runs, steps, timezone } = history;
  if (days.length === 0 && runs.length === 0) return null;
  const total = days.reduce(
    (sum, day) => sum + day.succeeded + day.failed + day.cancelled + day.active,
    0,
  );
  const failed = days.reduce((sum, day) => sum + day.failed, 0);
  const shown = steps.slice(0, SHOWN_STEPS);
  return (
    <section aria-labelledby="history-title">
      <h2 id="history-title">
        History{" "}
        <span class="count">
          {formatPlural(total, "run")} in a year, {failed === 0 ? "none" : formatCount(failed)}{" "}
          failed; days by the clock of {cityOf(timezone)}
        </span>
      </h2>
      <div class="card history" id="history" data-live>
        <RunCalendar history={history} />
        {runs.length > 0 && <TrendChart runs={runs} />}
        {shown.length > 0 && (
          <details class="step-trends" id="step-trends">
            <summary>Steps of these runs, the slowest first</summary>
            <DataTable
              label="Steps of the last runs"
              heads={["Step", ...NUMBERS, "Durations"]}
            >
              {shown.map((step) => {
                const figures = trendFigures(step.runs);
                return (
                  <tr>
                    <th scope="row">
                      <Breakable text={step.name} />
                    </th>
                    <td class="number">{formatDuration(figures.lastMs)}</td>
                    <td class="number">{formatDuration(figures.medianMs)}</td>
                    <td class="number">{formatDuration(figures.slowestMs)}</td>
                    <td class="number">{formatCount(figures.failed)}</td>
                    <td class="number">{formatCount(figures.lastRows)}</td>
                    <td>
                      <StepBars runs={step.runs} />
                    </td>
                  </tr>
                );
              })}
            </DataTable>
            {steps.length > SHOWN_STEPS && (
              <p class="muted">{formatPlural(steps.length - SHOWN_STEPS, "faster step")} not shown.</p>
            )}
          </details>
        )}
      </div>
    </section>
  );
}
