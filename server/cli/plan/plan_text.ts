import type { ModelChange, PartChange, PipelinePlan } from "../../../contract/plan/plan.ts";
import type { TableDiff } from "../../../contract/plan/table_diff.ts";
import { formatCount } from "../../../text/format.ts";
import { formatFault } from "../../../text/fault.ts";
import { oneLine, printable } from "../text.ts";
import {
  columnText,
  costText,
  keyText,
  MARKS,
  modelText,
  pipelineText,
  readerTexts,
  rowsText,
} from "./plan_words.ts";

/** The plan of one pipeline for a terminal, line by line; `withDiffs` puts the texts of its files behind. */
export function planLines(plan: PipelinePlan, withDiffs: boolean): string[] {
  const { pipeline, change, against, faults, settings, streams, loads, connectors, scripts, models } = plan;
  const parts = [
    ...settings.flatMap((part) => partLines(part, part.name)),
    ...connectors.flatMap((part) => partLines(part, `connector ${part.name}`)),
    ...streams.flatMap((part) => partLines(part, `raw.${part.name}`)),
    ...scripts.flatMap((part) => partLines(part, part.name)),
    ...models.flatMap(modelLines),
    ...loads.flatMap((part) => partLines(part, `load ${part.name}`)),
  ];
  const lines = [
    `${change === "unchanged" ? "!" : MARKS[change]} ${pipeline}: ${pipelineText(plan)}, against ${against}`,
    ...faults.map((fault) => `  ! ${formatFault(fault)}`),
    ...parts.map((line) => `  ${line}`),
    ...readerTexts(plan.readers).map((text) =>
      `  ${text.startsWith("breaking") ? "!" : MARKS.affected} ${text}`
    ),
    ...change === "unchanged" || models.length === 0 ? [] : [`  ${costText(plan.cost)}`],
    ...plan.data.note === null ? [] : [`  ${plan.data.note}`],
  ].map(oneLineKept);
  return withDiffs ? [...lines, ...plan.diffs.map(({ diff }) => printable(diff).trimEnd())] : lines;
}

/** Without control characters, and with the blanks in front. */
const oneLineKept = (line: string): string => oneLine(line.replaceAll(/\r?\n\s*/g, " "));

function partLines({ change, keys }: PartChange, title: string): string[] {
  const [first, ...others] = keys;
  if (first === undefined) return [`${MARKS[change]} ${title}`];
  if (others.length === 0) return [`${MARKS[change]} ${title} ${keyText(first)}`];
  return [`${MARKS[change]} ${title}`, ...keys.map((key) => `    ${keyText(key)}`)];
}

function modelLines(model: ModelChange): string[] {
  const { columns, breaking, rebuild, data } = model;
  return [
    `${MARKS[model.change]} ${model.model} ${modelText(model)}`,
    ...(columns ?? []).map((column) => `    ${columnText(column)}`),
    ...breaking.map((text) => `    ! breaking: ${text}`),
    ...rebuild === null ? [] : [`    ${rebuild.way === "refused" ? "! " : ""}${rebuild.text}`],
    ...data === null ? [] : dataLines(data),
  ];
}

/** What differs between two tables, with some of the rows. */
export function dataLines(diff: TableDiff): string[] {
  const cell = (value: string | null) => value ?? "NULL";
  const row = (values: readonly (string | null)[]) => values.map(cell).join(" | ");
  const columns = diff.columns.map(({ name, changed }) => `${name} ${formatCount(changed)}`);
  return [
    `    ${rowsText(diff)}`,
    ...columns.length === 0 ? [] : [`      changed in: ${columns.join(", ")}`],
    ...diff.columns_left_out.length === 0 ? [] : [`      not compared: ${diff.columns_left_out.join(", ")}`],
    ...diff.sample_changed.map(({ key, cells }) =>
      `      ~ ${row(key)}: ${
        cells.map(({ column, before, after }) => `${column} ${cell(before)} → ${cell(after)}`).join(", ")
      }`
    ),
    ...diff.sample_added.map((values) => `      + ${row(values)}`),
    ...diff.sample_removed.map((values) => `      - ${row(values)}`),
  ];
}
