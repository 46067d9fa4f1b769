import type { Step } from "../../../contract/run.ts";
import { formatBytes, formatCount, formatDuration, formatPlural } from "../../../text/format.ts";
import type { PlannedStep } from "../plan.ts";

/**
 * The line of a run's log that says what a step did: `12,208 rows, 1.20 MB from 3 files in 0.3 s`. `files` is
 * how many files an extract read, where DuckDB read them.
 */
export function stepLine(planned: PlannedStep, step: Step, files: number | undefined): string {
  return `${doneBy(planned, step, files)} in ${formatDuration(step.duration_ms)}`;
}

function doneBy(planned: PlannedStep, step: Step, files: number | undefined): string {
  switch (planned.kind) {
    case "extract":
      if (step.unchanged === true) return "Asked the source, where nothing has changed,";
      return listed([
        rowsOf(step),
        sizeOf(step, files),
        step.deleted ? `${formatCount(step.deleted)} deleted at the source` : "",
        step.rejects ? `${formatCount(step.rejects)} kept aside as rejects` : "",
      ]);
    case "model":
      return step.rows === null
        ? planned.model.materialized
        : `${planned.model.materialized}, ${rowsOf(step)}`;
    case "check":
      return step.rows === 0 ? "No row fails it, found" : `${rowsOf(step)} found`;
    case "snapshot":
      return listed([`Published ${rowsOf(step)}`, sizeOf(step, undefined)]);
    case "load": {
      const { inserted, updated, deleted } = step;
      const counts = Object.entries({ inserted, updated, deleted })
        .flatMap(([what, count]) => count === undefined ? [] : [`${formatCount(count)} ${what}`]);
      return listed([
        rowsOf(step),
        sizeOf(step, undefined),
        ...counts,
        step.rejects ? `${formatCount(step.rejects)} of them rejected` : "",
        step.verified ? "verified" : "",
      ]);
    }
  }
}

function rowsOf({ rows }: Step): string {
  return rows === null ? "" : formatPlural(rows, "row");
}

function sizeOf({ size_bytes: size }: Step, files: number | undefined): string {
  const from = files === undefined ? "" : `from ${formatPlural(files, "file")}`;
  return [size === null || size === 0 ? "" : formatBytes(size), from].filter((part) => part !== "").join(" ");
}

const listed = (parts: readonly string[]): string => parts.filter((part) => part !== "").join(", ");
