import { formatCount } from "../../../text/format.ts";

/** Of more steps or files so many are shown, with their texts: the rest are looked for by their names. */
export const MOST_STEPS = 200;

export interface Fitting<T> {
  readonly chosen: readonly T[];
  /** How many they are of how many; empty where they are all. */
  readonly note: string;
}

/** The first of those with `find` in their name. */
export function fitting<T>(all: readonly T[], nameOf: (one: T) => string, find: string): Fitting<T> {
  const wanted = find.trim().toLowerCase();
  const found = wanted === "" ? all : all.filter((one) => nameOf(one).toLowerCase().includes(wanted));
  const chosen = found.slice(0, MOST_STEPS);
  if (chosen.length === all.length) return { chosen, note: "" };
  const shown = chosen.length === found.length
    ? `${formatCount(found.length)} with “${find.trim()}” in their name`
    : `the first ${formatCount(chosen.length)} of ${formatCount(found.length)}`;
  return { chosen, note: `; shown: ${shown}` };
}
