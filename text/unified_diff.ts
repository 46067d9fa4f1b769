import { createTwoFilesPatch } from "diff";

/** Longer comparisons are given up: two long texts without a common line may take minutes. */
const TIMEOUT_MS = 500;
const CONTEXT_LINES = 3;

/**
 * The difference of two texts as unified diff, with `undefined` for a text that is not there; undefined where it takes
 * too long to be worked out.
 */
export function unifiedDiff(
  path: string,
  before: string | undefined,
  after: string | undefined,
): string | undefined {
  const name = (text: string | undefined, side: string) =>
    text === undefined ? "/dev/null" : `${side}/${path}`;
  const patch = createTwoFilesPatch(name(before, "a"), name(after, "b"), before ?? "", after ?? "", "", "", {
    context: CONTEXT_LINES,
    timeout: TIMEOUT_MS,
    headerOptions: { includeIndex: false, includeUnderline: false, includeFileHeaders: true },
  });
  return patch;
}
