import type { ModelChange, PartChange, PipelinePlan } from "../../../contract/plan/plan.ts";
import type { TableDiff } from "../../../contract/plan/table_diff.ts";
import { type Fault, formatFault } from "../../../text/fault.ts";
import { formatCount } from "../../../text/format.ts";
import { printable } from "../text.ts";
import {
  columnText,
  costText,
  keyText,
  modelText,
  pipelineText,
  readerTexts,
  rowsText,
  totalsOf,
  totalsText,
} from "./plan_words.ts";

/** GitHub takes 65,536 characters of a comment. */
const MAX_CHARS = 60_000;

/** The plan of a project to be pasted into a pull request. What others wrote in it is text, and never Markdown or HTML. */
export function planMarkdown(
  faults: readonly Fault[],
  pipelines: readonly PipelinePlan[],
  withDiffs: boolean,
): string {
  const head = [`### Sluice plan`, "", `**${escape(totalsText(totalsOf(pipelines)))}**`, ""];
  if (faults.length > 0) head.push(...faultLines(faults), "");
  const changed = pipelines.filter(({ change, faults }) => change !== "unchanged" || faults.length > 0);
  let text = head.join("\n");
  for (const [index, plan] of changed.entries()) {
    const full = pipelineMarkdown(plan, withDiffs);
    const part = text.length + full.length <= MAX_CHARS ? full : pipelineMarkdown(plan, false, false);
    if (text.length + part.length > MAX_CHARS) {
      return `${text}\n${changed.length - index} more pipelines change: \`sluice plan\` shows them.\n`;
    }
    text += `\n${part}`;
  }
  return text;
}

function pipelineMarkdown(plan: PipelinePlan, withDiffs: boolean, withSamples = true): string {
  const { pipeline, against, faults, models } = plan;
  const parts = [
    ...plan.settings.map((part) => partRow(part, code(part.name))),
    ...plan.connectors.map((part) => partRow(part, `connector ${code(part.name)}`)),
    ...plan.streams.map((part) => partRow(part, `stream ${code(part.name)}`)),
    ...plan.scripts.map((part) => partRow(part, `script ${code(part.name)}`)),
    ...plan.loads.map((part) => partRow(part, `load ${code(part.name)}`)),
  ];
  const lines = [
    `#### ${code(pipeline)}: ${pipelineText(plan)}${plan.breaking ? ", breaking" : ""}`,
    "",
    `Against ${escape(against)}.`,
    "",
    ...faults.length === 0 ? [] : [...faultLines(faults), ""],
  ];
  if (parts.length > 0) lines.push("| | change | |", "| --- | --- | --- |", ...parts, "");
  if (models.length > 0) {
    lines.push(
      "| model | change | columns | rows |",
      "| --- | --- | --- | --- |",
      ...models.map(modelRow),
      "",
      escape(`${costText(plan.cost)}.`),
      "",
    );
  }
  if (plan.readers.length > 0) {
    lines.push(...readerTexts(plan.readers).map((text) => `- ${escape(text)}`), "");
  }
  if (plan.data.note !== null) lines.push(escape(plan.data.note), "");
  if (withSamples) { for (const model of models) lines.push(...sampleLines(model)); }
  if (withDiffs) {
    for (const { path, diff } of plan.diffs) lines.push(...details(htmlCode(path), fenced(diff, "diff")));
  }
  return lines.join("\n");
}

function faultLines(faults: readonly Fault[]): string[] {
  return faults.map((fault) => `- ${fault.severity === "error" ? "❌" : "⚠️"} ${code(formatFault(fault))}`);
}

function partRow({ change, keys }: PartChange, title: string): string {
  return row([title, change, keys.map((key) => code(keyText(key))).join("<br>")]);
}

function modelRow(model: ModelChange): string {
  const { breaking, rebuild, columns, data } = model;
  const notes = [
    escape(modelText(model)),
    ...breaking.map((text) => `❗ ${escape(text)}`),
    ...rebuild === null ? [] : [`${rebuild.way === "refused" ? "❗ " : ""}${escape(rebuild.text)}`],
  ];
  return row([
    code(model.model),
    notes.join("<br>"),
    columns === null ? "not known" : columns.map((column) => code(columnText(column))).join("<br>"),
    data === null ? "" : escape(rowsText(data)),
  ]);
}

function sampleLines({ model, data }: ModelChange): string[] {
  if (data === null) return [];
  const { columns, sample_changed, sample_added, sample_removed } = data;
  if (columns.length + sample_changed.length + sample_added.length + sample_removed.length === 0) return [];
  const lines: string[] = [];
  if (columns.length > 0) {
    const counts = columns.map(({ name, changed }) => `${code(name)} ${formatCount(changed)}`);
    lines.push(`Changed in ${counts.join(", ")}.`, "");
  }
  if (sample_changed.length > 0) lines.push(...changedTable(data), "");
  for (const [title, rows] of [["added", sample_added], ["removed", sample_removed]] as const) {
    if (rows.length === 0) continue;
    lines.push(
      `Some of the rows that were ${title}:`,
      "",
      row(data.sample_columns.map(code)),
      row(data.sample_columns.map(() => "---")),
      ...rows.map((cells) => row(cells.map(cellText))),
      "",
    );
  }
  return details(`rows of ${htmlCode(model)}`, lines);
}

function changedTable({ key, sample_changed }: TableDiff): string[] {
  const names = key ?? [];
  return [
    "Some of the rows that changed:",
    "",
    row([...names.map(code), "before → after"]),
    row([...names, ""].map(() => "---")),
    ...sample_changed.map((changed) =>
      row([
        ...changed.key.map(cellText),
        changed.cells.map(({ column, before, after }) =>
          `${code(column)}: ${cellText(before)} → ${cellText(after)}`
        ).join("<br>"),
      ])
    ),
  ];
}

function details(summary: string, lines: readonly string[]): string[] {
  // A blank line behind the summary: what follows is Markdown again.
  return [`<details><summary>${summary}</summary>`, "", ...lines, "</details>", ""];
}

/** In a summary, which is HTML. */
const htmlCode = (name: string) => `<code>${entities(printable(name).replace(/\s*\n\s*/g, " "))}</code>`;

/** A bar would end a cell, in code too. */
const row = (cells: readonly string[]) =>
  `| ${cells.map((cell) => cell.replace(/(?<!\\)\|/g, "\\|")).join(" | ")} |`;

const cellText = (value: string | null) => value === null ? "*NULL*" : code(value);

/** A fence longer than any in the text. */
function fenced(text: string, language: string): string[] {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return [`${fence}${language}`, printable(text).trimEnd(), fence];
}

/** As code: its backticks are within longer ones. */
export function code(text: string): string {
  const plain = printable(text).replace(/\s*\n\s*/g, " ");
  if (plain.trim() === "") return plain === "" ? "` `" : `\`${plain}\``;
  const longest = Math.max(0, ...[...plain.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  const pad = longest > 0 || plain.startsWith(" ") || plain.endsWith(" ") ? " " : "";
  return `${fence}${pad}${plain}${pad}${fence}`;
}

const entities = (text: string) => text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);

/** As text: no mark of Markdown means anything, and nobody is mentioned. */
export function escape(text: string): string {
  const plain = printable(text).replace(/\s*\n\s*/g, " ");
  return entities(plain.replace(/[\\`*_{}[\]()#+!|~]/g, "\\$&").replaceAll("@", "@\u200b"));
}
