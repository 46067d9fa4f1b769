import type { ColumnChange, ModelChange, PartChange, PipelinePlan } from "../../../contract/plan/plan.ts";
import { isSameRows, type TableDiff } from "../../../contract/plan/table_diff.ts";
import { formatCount, formatDuration, formatPlural } from "../../../text/format.ts";

/** How what a plan says reads, on a terminal and in Markdown alike. */

export const MARKS = { added: "+", removed: "-", changed: "~", affected: "·", unchanged: " " } as const;

/** `what is in force (revision 3f2a…)`, `2 to build, 1.2 s and 3,400 rows when they were last built`. */
export function costText({ models, duration_ms: duration, rows, unknown }: PipelinePlan["cost"]): string {
  if (models === 0) return "no model is built for it";
  const what = formatPlural(models, "model is", "models are");
  if (duration === null) return `${what} built for it, which no run has built yet`;
  const size = rows === null ? "" : ` and ${formatPlural(rows, "row")}`;
  const others = unknown === 0 ? "" : `; ${formatPlural(unknown, "of them is", "of them are")} new`;
  return `${what} built for it: ${formatDuration(duration)}${size} when last built${others}`;
}

export function columnText({ name, change, before, after }: ColumnChange): string {
  switch (change) {
    case "added":
      return `+ column ${name} ${after}`;
    case "removed":
      return `- column ${name} ${before}`;
    case "renamed":
      return `~ column ${before} → ${after}`;
    case "type":
      return `~ column ${name} ${before} → ${after}`;
  }
}

const VALUE_CHARS = 80;

/** `cron: "0 2 * * *" → "0 3 * * *"`, what is long is cut. */
export function keyText({ key, before, after }: PartChange["keys"][number]): string {
  const cut = (value: string | null) => {
    if (value === null) return "none";
    const characters = [...value];
    return characters.length <= VALUE_CHARS ? value : `${characters.slice(0, VALUE_CHARS).join("")}…`;
  };
  if (before === null && after === null) return key;
  return `${key === "" ? "" : `${key}: `}${cut(before)} → ${cut(after)}`;
}

/** One line of what became of a model's rows. */
export function rowsText(diff: TableDiff): string {
  if (diff.error !== null) return `rows were not compared: ${diff.error}`;
  // Of a new model there is nothing to compare with.
  if (diff.added === null) return formatPlural(diff.rows_after ?? 0, "row");
  const sample = diff.sample_percent === null ? "" : ` (of a sample of ${diff.sample_percent} %)`;
  const counts = diff.rows_before === diff.rows_after
    ? formatPlural(diff.rows_after ?? 0, "row")
    : `rows ${formatCount(diff.rows_before)} → ${formatCount(diff.rows_after)}`;
  if (isSameRows(diff)) return `${counts}, all the same${sample}`;
  const changes = [
    `${formatCount(diff.added)} added`,
    `${formatCount(diff.removed)} removed`,
    ...diff.changed === null ? [] : [`${formatCount(diff.changed)} changed`],
  ];
  const by = diff.key === null ? ", as whole rows" : `, by ${diff.key.join(", ")}`;
  return `${counts}: ${changes.join(", ")}${by}${sample}`;
}

/** What becomes of a pipeline: `changed`; or that another one's change is too much for it. */
export function pipelineText({ change, faults }: Pick<PipelinePlan, "change" | "faults">): string {
  const isBroken = change === "unchanged" && faults.some(({ severity }) => severity === "error");
  return isBroken ? "as it was, and broken by what it reads of others" : change;
}

/** `changed`, with what of it. */
export function modelText({ change, why }: ModelChange): string {
  return why.length === 0 ? change : `${change}: ${why.join(", ")}`;
}

/** `read by report (raw.revenue), crm (raw.daily)`, by model. */
export function readerTexts(readers: PipelinePlan["readers"]): string[] {
  const byModel = Map.groupBy(readers, ({ model, loses }) => `${loses ? "!" : ""}${model}`);
  return [...byModel.values()].map((some) => {
    const [first] = some;
    const names = some.map(({ pipeline, stream }) => `${pipeline} (raw.${stream})`).join(", ");
    return first?.loses === true
      ? `breaking: ${first.model} is published no more, and ${names} ${
        some.length === 1 ? "reads" : "read"
      } it`
      : `${first?.model} is published: ${names} ${some.length === 1 ? "reads" : "read"} it`;
  });
}

export interface PlanTotals {
  readonly changed: number;
  readonly unchanged: number;
  readonly breaking: number;
  readonly errors: number;
}

export function totalsOf(pipelines: readonly PipelinePlan[]): PlanTotals {
  const count = (of: (plan: PipelinePlan) => boolean) => pipelines.filter(of).length;
  return {
    changed: count(({ change }) => change !== "unchanged"),
    unchanged: count(({ change }) => change === "unchanged"),
    breaking: count(({ breaking }) => breaking),
    errors: pipelines.flatMap(({ faults }) => faults).filter(({ severity }) => severity === "error").length,
  };
}

export function totalsText({ changed, unchanged, breaking }: PlanTotals): string {
  if (changed === 0) return `Nothing changes in ${formatPlural(unchanged, "pipeline")}`;
  const words = [
    `${formatPlural(changed, "pipeline changes", "pipelines change")}`,
    ...unchanged === 0
      ? []
      : [`${formatCount(unchanged)} ${unchanged === 1 ? "stays as it is" : "stay as they are"}`],
    ...breaking === 0 ? [] : [`${formatPlural(breaking, "has a breaking change", "have breaking changes")}`],
  ];
  return words.join(", ");
}
