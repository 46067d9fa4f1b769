import { listWords } from "../../../text/suggest.ts";
import { formatPlural } from "../../../text/format.ts";
import type { Finding } from "./findings.ts";
import { isRecord } from "../../../text/is_record.ts";
import type { PlannedImport } from "./plan_import.ts";
import type { Dict } from "./project/read_project.ts";
import { listOf } from "./project/settings.ts";

/** What came of an import, for people: on the terminal, and as IMPORT.md in the new project. */

const of = (count: number, noun: string) => formatPlural(count, noun);

/** `faults` are those of the compile gate: a model that has one is not done. */
export function summaryOf(
  { counts, pipeline, whole, off }: PlannedImport,
  faults: readonly Finding[],
): string {
  const done = countWhole(whole, faults);
  const all = counts.models + counts.snapshots;
  const parts = [
    of(counts.models, "model"),
    ...(counts.snapshots > 0 ? [of(counts.snapshots, "snapshot")] : []),
    of(counts.seeds, "seed"),
    of(counts.sources, "source"),
    of(counts.checks, "check"),
    of(counts.tests, "unit test"),
  ];
  const rest = off.length === 0 ? "" : `, ${off.length} switched off`;
  return `Pipeline ${pipeline}: ${listWords(parts)}; ${done} of ${all} without anything to do by hand${rest}`;
}

export function countWhole(whole: ReadonlySet<string>, faults: readonly Finding[]): number {
  const faulty = new Set(faults.filter(({ kind }) => kind === "hand").map(({ file }) => file));
  return [...whole].filter((path) => !faulty.has(path)).length;
}

export const findingText = ({ file, line, message }: Finding): string =>
  `${file}${line === undefined ? "" : `:${line}`}: ${message}`;

/** Texts of others stand in lists: no line of them begins a heading. */
export function importMarkdown(planned: PlannedImport, faults: readonly Finding[], dbtName: string): string {
  const found = [...planned.findings, ...faults];
  const hands = found.filter(({ kind }) => kind === "hand");
  const notes = found.filter(({ kind }) => kind === "note");
  const list = (found: readonly Finding[]) =>
    found.map((one) => `- ${findingText(one).replace(/\s+/g, " ")}`);
  const exposures = planned.exposures.map(exposureText);
  return [
    `# Import of the dbt project ${dbtName}`,
    "",
    `${summaryOf(planned, faults)}.`,
    "",
    "## Needs a hand",
    "",
    ...(hands.length === 0 ? ["Nothing."] : list(hands)),
    ...offMarkdown(planned),
    ...(notes.length === 0 ? [] : ["", "## Other than in dbt", "", ...list(notes)]),
    ...(exposures.length === 0 ? [] : ["", "## Who reads it (exposures)", "", ...exposures]),
    "",
  ].join("\n");
}

function offMarkdown({ off }: PlannedImport): string[] {
  if (off.length === 0) return [];
  return [
    "",
    "## Switched off",
    "",
    "These models say `enabled: false`, so that the others run: take it out where what stands above is done.",
    "",
    ...off.map(({ file, why }) => `- ${file}: ${why.replace(/\s+/g, " ")}`),
  ];
}

function exposureText(exposure: Dict): string {
  const { name, type, description, url, owner } = exposure;
  const text = (value: unknown) => typeof value === "string" ? value.replace(/\s+/g, " ").trim() : undefined;
  const who = isRecord(owner)
    ? [text(owner["name"]), text(owner["email"])].filter((one) => one !== undefined)
    : [];
  const reads = listOf(exposure["depends_on"]).map(String);
  return [
    `- ${String(name)}${text(type) === undefined ? "" : ` (${text(type)})`}`,
    ...(text(description) === undefined ? [] : [text(description)]),
    ...(who.length === 0 ? [] : [`owner ${who.join(", ")}`]),
    ...(text(url) === undefined ? [] : [text(url)]),
    ...(reads.length === 0 ? [] : [`reads ${reads.join(", ")}`]),
  ].join("; ");
}
