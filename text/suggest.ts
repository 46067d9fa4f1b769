/** The candidate nearest to what was written, where it is near enough to be a slip of the keyboard. */
export function suggest(written: string, candidates: Iterable<string>): string | undefined {
  return suggestions(written, candidates, 1)[0];
}

/**
 * The candidates that may have been meant by what was written, nearest first, at most `limit`. Up to a third
 * of the letters may differ, whatever their case; of equally near ones the earlier candidate comes first.
 */
export function suggestions(written: string, candidates: Iterable<string>, limit: number): string[] {
  const word = written.toLowerCase();
  const allowed = word.length < 3 ? 0 : Math.max(1, Math.floor(word.length / 3));
  const near: { candidate: string; distance: number }[] = [];
  for (const candidate of candidates) {
    const distance = editDistance(word, candidate.toLowerCase(), allowed + 1);
    if (distance <= allowed) near.push({ candidate, distance });
  }
  return near.sort((a, b) => a.distance - b.distance).slice(0, limit).map(({ candidate }) => candidate);
}

/** ` (did you mean x?)` or nothing, to put behind a message. */
export function didYouMean(written: string, candidates: Iterable<string>): string {
  const found = suggest(written, candidates);
  return found === undefined ? "" : ` (did you mean ${found}?)`;
}

/** How many names a message has room for. */
const MAX_NAMED = 12;

/** The same, or all there are where none is near: ` (there are a and b)`; nothing for a long list. */
export function didYouMeanOneOf(written: string, candidates: readonly string[]): string {
  const near = didYouMean(written, candidates);
  if (near !== "" || candidates.length === 0 || candidates.length > MAX_NAMED) return near;
  return ` (there ${candidates.length === 1 ? "is" : "are"} ${listWords(candidates)})`;
}

const MAX_LISTED = 50;

/** `a, b and c`; `nothing` for an empty list, and the first of a long one. */
export function listWords(words: readonly string[], conjunction = "and"): string {
  if (words.length === 0) return "nothing";
  if (words.length > MAX_LISTED) {
    return `${words.slice(0, MAX_LISTED).join(", ")} and ${words.length - MAX_LISTED} more`;
  }
  if (words.length === 1) return words[0] ?? "";
  return `${words.slice(0, -1).join(", ")} ${conjunction} ${words.at(-1)}`;
}

/** Levenshtein's distance where two swapped neighbours count as one; `limit` where it is that or more. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let distance = Math.min(
        (previous[j] ?? 0) + 1,
        (current[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        distance = Math.min(distance, (beforePrevious[j - 2] ?? 0) + 1);
      }
      current.push(distance);
    }
    beforePrevious = previous;
    previous = current;
  }
  return Math.min(previous[b.length] ?? limit, limit);
}
