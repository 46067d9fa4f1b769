import {
  MAX_HISTORY_DAYS,
  MAX_TREND_RUNS,
  type PipelineHistory,
  type RunDay,
  trendFigures,
} from "../../../../contract/runs/history.ts";
import { formatCount, formatDuration, formatPlural } from "../../../../text/format.ts";
import type { CommandRun } from "../../command.ts";
import { connect } from "../../connect.ts";
import { readFolders, readInteger } from "../../settings.ts";
import { formatTable } from "../../table.ts";

const DEFAULT_RUNS = 50;
const DAY_MS = 86_400_000;
const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;
const MAX_WEEKS = 53;

/** `sluice history PIPELINE`: the days of a pipeline's runs, and how long its last runs and their steps took. */
export const history: CommandRun = async (invocation, context) => {
  const [name = ""] = invocation.arguments;
  const { terminal } = context;
  const width = terminal.tableColumns();
  const weeks = Math.max(1, Math.min(MAX_WEEKS, Math.floor((Math.min(width, 200) - 4) / 2)));
  const days = readInteger(invocation, "days", {
    minimum: 1,
    maximum: MAX_HISTORY_DAYS,
    fallback: invocation.flag("json") ? MAX_HISTORY_DAYS : Math.min(MAX_HISTORY_DAYS, weeks * 7 - 6),
  });
  const runs = readInteger(invocation, "runs", {
    minimum: 0,
    maximum: MAX_TREND_RUNS,
    fallback: DEFAULT_RUNS,
  });
  await using connection = await connect(
    readFolders(invocation, context),
    context,
    invocation.command,
    "read",
  );
  const found = await connection.engine.history.ofPipeline(name, { days, runs });
  terminal.out(invocation.flag("json") ? JSON.stringify(found) : formatHistory(found, width));
  return 0;
};

/** The calendar and, where runs have ended, their durations. */
export function formatHistory(found: PipelineHistory, width = Infinity): string {
  const { pipeline, days, runs, steps, from, to, timezone } = found;
  const sum = (key: "succeeded" | "failed" | "cancelled" | "active") =>
    days.reduce((total, day) => total + day[key], 0);
  const total = sum("succeeded") + sum("failed") + sum("cancelled") + sum("active");
  const parts = [
    `${formatPlural(total, "run")} of ${pipeline} from ${from} to ${to} (${timezone}): ` +
    `${formatCount(sum("succeeded"))} succeeded, ${formatCount(sum("failed"))} failed, ` +
    `${formatCount(sum("cancelled"))} cancelled`,
    formatCalendar(found),
    "✓ all succeeded  ! some failed  ✗ all failed  - cancelled  … under way",
  ];
  if (runs.length > 0) {
    const whole = {
      name: "the whole run",
      runs: runs.map((run) => ({ ...run, rows: Math.max(run.rows_extracted, run.rows_loaded) })),
    };
    parts.push(
      `The last ${runs.length === 1 ? "run" : `${runs.length} runs`}:`,
      formatTrends([whole, ...steps], width),
    );
  }
  return parts.join("\n\n");
}

/** A column a week, the newest at the right. */
function formatCalendar({ from, to, days }: PipelineHistory): string {
  const firstMs = Date.parse(from);
  const byDate = new Map(days.map((day) => [day.date, day]));
  const firstWeekday = (new Date(firstMs).getUTCDay() + 6) % 7;
  const count = Math.round((Date.parse(to) - firstMs) / DAY_MS) + 1;
  return WEEKDAYS.map((weekday, row) => {
    const marks = [];
    for (let index = row - firstWeekday; index < count; index += 7) {
      const date = new Date(firstMs + index * DAY_MS).toISOString().slice(0, 10);
      marks.push(index < 0 ? " " : markOf(byDate.get(date)));
    }
    return `${weekday} ${marks.join(" ")}`.trimEnd();
  }).join("\n");
}

function markOf(day: RunDay | undefined): string {
  if (day === undefined) return "·";
  if (day.failed > 0) return day.succeeded > 0 ? "!" : "✗";
  if (day.succeeded > 0) return "✓";
  return day.active > 0 ? "…" : "-";
}

interface Trend {
  readonly name: string;
  readonly runs: Parameters<typeof trendFigures>[0];
}

function formatTrends(trends: readonly Trend[], width: number): string {
  return formatTable(
    [
      { title: "", minWidth: 12 },
      { title: "LAST", align: "right" },
      { title: "MEDIAN", align: "right" },
      { title: "SLOWEST", align: "right" },
      { title: "FAILED", align: "right" },
      { title: "LAST ROWS", align: "right", mayGo: true },
    ],
    trends.map(({ name, runs }) => {
      const figures = trendFigures(runs);
      return [
        name,
        formatDuration(figures.lastMs),
        formatDuration(figures.medianMs),
        formatDuration(figures.slowestMs),
        formatCount(figures.failed),
        formatCount(figures.lastRows),
      ];
    }),
    width,
  );
}
