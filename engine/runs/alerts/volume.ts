import type { Step } from "../../../contract/run.ts";
import { formatCount } from "../../../text/format.ts";

/**
 * Which steps of a run had an unusual count of rows: one outside of median ± 5 × MAD of the same step in the last
 * successes (MAD: the median of their distances from the median), where at least ten are known. The range is
 * never narrower than a tenth of the median and ten rows to either side.
 */

export const VOLUME_RUNS = 20;
const FEWEST_RUNS = 10;
const SPREADS = 5;
const LEAST_SHARE = 0.1;
const LEAST_ROWS = 10;

/** The range that is usual; undefined where too few counts are known. */
export function usualRange(
  counts: readonly number[],
): { readonly from: number; readonly to: number } | undefined {
  if (counts.length < FEWEST_RUNS) return undefined;
  const middle = median(counts);
  const spread = median(counts.map((count) => Math.abs(count - middle)));
  const distance = Math.max(SPREADS * spread, middle * LEAST_SHARE, LEAST_ROWS);
  return { from: Math.max(0, Math.ceil(middle - distance)), to: Math.floor(middle + distance) };
}

/** A sentence for each step whose count is not usual. `before` has its earlier counts by name. */
export function unusualCounts(
  steps: readonly Step[],
  before: ReadonlyMap<string, readonly number[]>,
): string[] {
  return steps.flatMap(({ name, rows, kind, state, unchanged }) => {
    const counts = before.get(name) ?? [];
    const range = usualRange(counts);
    const isDone = state === "succeeded" || state === "warned";
    if (kind === "check" || rows === null || !isDone || unchanged === true || range === undefined) return [];
    if (rows >= range.from && rows <= range.to) return [];
    return [
      `${name} had ${formatCount(rows)} rows, and ${formatCount(range.from)} to ${
        formatCount(range.to)
      } are usual ` +
      `(median ± ${SPREADS} × MAD of ${counts.length} runs)`,
    ];
  });
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}
