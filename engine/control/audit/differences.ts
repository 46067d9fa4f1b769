import type { AuditValue } from "../../../contract/audit/entry.ts";

/** What was and what is, of what differs alone; of something that is new or gone all that is known. */
export function difference(
  before: AuditValue,
  after: AuditValue,
): { readonly before: AuditValue; readonly after: AuditValue } {
  if (!isFields(before) || !isFields(after)) return { before, after };
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  const only = (fields: Fields) =>
    Object.fromEntries(names.flatMap((name) => fields[name] === undefined ? [] : [[name, fields[name]]]));
  return { before: only(before), after: only(after) };
}

type Fields = { readonly [name: string]: AuditValue };

const isFields = (value: AuditValue): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
