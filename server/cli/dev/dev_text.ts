import type {
  ColumnChanges,
  LiveChanges,
  TableChange,
} from "../../../engine/definitions/live/live_changes.ts";
import { type Fault, formatFault } from "../../../text/fault.ts";
import { formatPlural } from "../../../text/format.ts";
import { oneLine, printable } from "../text.ts";

/** What `sluice dev` prints of a change. */

/** So many faults are shown at once: with more, the first ones are the ones to mend. */
const MOST_FAULTS = 20;
const MOST_AFFECTED = 12;
const MOST_COLUMNS = 8;
const MOST_TABLES = 20;

export function faultLines(faults: readonly Fault[]): string[] {
  const errorsFirst = faults.toSorted((one, other) =>
    Number(one.severity === "warning") - Number(other.severity === "warning")
  );
  return limited(errorsFirst.map((fault) => printable(formatFault(fault))), MOST_FAULTS);
}

/** What differs, in lines. */
export function changeLines({ appeared, gone, tables, affected }: LiveChanges): string[] {
  return [
    ...limited(tables.map(tableLine), MOST_TABLES),
    ...affected.length === 0 ? [] : [`  read by ${affectedText(affected)}`],
    ...limited(gone.map((fault) => `✓ ${oneLine(formatFault(fault))}`), MOST_FAULTS),
    ...faultLines(appeared),
  ];
}

/** `2 errors, 1 warning`. */
export function countsText(faults: Iterable<Fault>): string {
  const all = [...faults];
  const errors = all.filter(({ severity }) => severity === "error").length;
  const warnings = all.length - errors;
  const found = errors === 0 ? "no errors" : formatPlural(errors, "error");
  return warnings === 0 ? found : `${found}, ${formatPlural(warnings, "warning")}`;
}

const SIGNS: Readonly<Record<TableChange["change"], string>> = { added: "+", removed: "-", changed: "~" };

function tableLine({ pipeline, table, change, columns }: TableChange): string {
  const what = change === "added" ? newColumns(columns) : columnsText(columns);
  return oneLine(`${SIGNS[change]} ${pipeline}.${table}${what === "" ? "" : `: ${what}`}`);
}

const newColumns = ({ added }: ColumnChanges): string =>
  added.length === 0
    ? ""
    : limited(added.map(({ name, type }) => `${name} ${type}`), MOST_COLUMNS).join(", ");

function columnsText({ added, removed, retyped }: ColumnChanges): string {
  return limited([
    ...added.map(({ name, type }) => `+ ${name} ${type}`),
    ...removed.map(({ name }) => `- ${name}`),
    ...retyped.map(({ name, from, to }) => `${name} ${from} → ${to}`),
  ], MOST_COLUMNS).join(", ");
}

function affectedText(affected: LiveChanges["affected"]): string {
  const names = affected.map(({ pipeline, step }) =>
    step.startsWith("model:") ? `${pipeline}.${step.slice("model:".length)}` : step
  );
  return oneLine(limited(names, MOST_AFFECTED).join(", "));
}

function limited(texts: readonly string[], most: number): string[] {
  if (texts.length <= most) return [...texts];
  return [...texts.slice(0, most), `and ${texts.length - most} more`];
}
