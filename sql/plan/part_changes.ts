import { isDeepStrictEqual } from "node:util";
import type { PartChange } from "../../contract/plan/plan.ts";
import { isRecord } from "../../text/is_record.ts";

type Entries = Readonly<Record<string, unknown>>;

/** What differs between two mappings of named entries, as `extract`, `load` or connectors.yaml, by name. */
export function partChanges(before: Entries, after: Entries): PartChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name): PartChange[] => {
    const [was, is] = [valueOf(before, name), valueOf(after, name)];
    if (isDeepStrictEqual(plain(was), plain(is))) return [];
    const change = was === undefined ? "added" : is === undefined ? "removed" : "changed";
    return [{ name, change, keys: change === "changed" ? keyChanges(was, is) : [] }];
  });
}

function keyChanges(before: unknown, after: unknown): PartChange["keys"] {
  if (!isRecord(before) || !isRecord(after)) {
    return [{ key: "", before: jsonOf(before), after: jsonOf(after) }];
  }
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return keys.flatMap((key) => {
    const [was, is] = [valueOf(before, key), valueOf(after, key)];
    return isDeepStrictEqual(plain(was), plain(is)) ? [] : [{ key, before: jsonOf(was), after: jsonOf(is) }];
  });
}

const valueOf = (entries: Entries, name: string): unknown =>
  Object.hasOwn(entries, name) ? entries[name] : undefined;

const jsonOf = (value: unknown): string | null => value === undefined ? null : JSON.stringify(value) ?? null;

/** As a store gives it back: without keys that are undefined. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
