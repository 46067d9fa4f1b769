import { createHash } from "node:crypto";
import type { AuditEntry, AuditValue } from "../../../contract/audit/entry.ts";

/** Characters of one text. */
const MOST_TEXT = 1_000;
const MOST_NAME = 200;
const MOST_ITEMS = 100;
const MOST_DEPTH = 8;
/** Characters of a change, or of details, as JSON. */
const MOST_JSON = 32_768;

/** The entry as it is kept: a log that anybody can swell is none. What is cut says so, with its hash. */
export function keptEntry(entry: AuditEntry): AuditEntry {
  const { action, actor, target, pipeline, outcome, change, details } = entry;
  return {
    action,
    actor: { ...actor, name: keptText(actor.name, MOST_NAME) },
    ...(target === undefined
      ? {}
      : { target: { kind: target.kind, name: keptText(target.name, MOST_NAME) } }),
    ...(pipeline === undefined ? {} : { pipeline: keptText(pipeline, MOST_NAME) }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(change === undefined
      ? {}
      : { change: { before: keptWhole(change.before), after: keptWhole(change.after) } }),
    ...(details === undefined ? {} : { details: keptDetails(details) }),
  };
}

function keptDetails(details: NonNullable<AuditEntry["details"]>): NonNullable<AuditEntry["details"]> {
  const kept = Object.fromEntries(
    Object.entries(details).slice(0, MOST_ITEMS).map((
      [key, one],
    ) => [keptText(key, MOST_NAME), keptValue(one, 1)]),
  );
  const text = JSON.stringify(kept);
  return text.length <= MOST_JSON ? kept : { cut: cutText(text, MOST_TEXT) };
}

function keptWhole(value: AuditValue): AuditValue {
  const kept = keptValue(value, 0);
  const text = JSON.stringify(kept);
  return text.length <= MOST_JSON ? kept : cutText(text, MOST_TEXT);
}

function keptValue(value: AuditValue, depth: number): AuditValue {
  if (typeof value === "string") return keptText(value, MOST_TEXT);
  // JSON has none of these.
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (value === null || typeof value !== "object") return value;
  if (depth === MOST_DEPTH) return cutText(JSON.stringify(value), MOST_TEXT);
  if (isList(value)) {
    const items = value.slice(0, MOST_ITEMS).map((one) => keptValue(one, depth + 1));
    return value.length > MOST_ITEMS ? [...items, `… ${value.length - MOST_ITEMS} more`] : items;
  }
  const entries = Object.entries(value);
  const kept = entries.slice(0, MOST_ITEMS).map((
    [key, one],
  ) => [keptText(key, MOST_NAME), keptValue(one, depth + 1)]);
  return {
    ...Object.fromEntries(kept),
    ...(entries.length > MOST_ITEMS ? { "…": `${entries.length - MOST_ITEMS} more` } : {}),
  };
}

const isList = (value: object): value is readonly AuditValue[] => Array.isArray(value);

function keptText(text: string, most: number): string {
  const wellFormed = text.toWellFormed();
  return wellFormed.length <= most ? wellFormed : cutText(wellFormed, most);
}

function cutText(text: string, most: number): string {
  const hash = createHash("sha256").update(text).digest("hex");
  return `${text.slice(0, most).toWellFormed()}… (${text.length} characters, sha256 ${hash})`;
}
