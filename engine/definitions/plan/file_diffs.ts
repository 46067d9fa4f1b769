import type { PipelinePlan } from "../../../contract/plan/plan.ts";
import type { RevisionFile } from "../../../contract/revision.ts";

/** A diff is for people: one that is longer than this says so. */
const MAX_DIFF_CHARS = 200_000;

/** Unified diffs of the files that differ, by their paths. */
export async function fileDiffs(
  before: readonly RevisionFile[],
  after: readonly RevisionFile[],
): Promise<PipelinePlan["diffs"]> {
  const was = new Map(before.map(({ path, content }) => [path, content]));
  const is = new Map(after.map(({ path, content }) => [path, content]));
  const paths = [...new Set([...was.keys(), ...is.keys()])].filter((path) => was.get(path) !== is.get(path));
  if (paths.length === 0) return [];
  const { unifiedDiff } = await import("../../../text/unified_diff.ts");
  return paths.sort().map((path) => {
    const [old, now] = [was.get(path), is.get(path)];
    const change = old === undefined ? "added" : now === undefined ? "removed" : "changed";
    const patch = unifiedDiff(path, old, now) ??
      `${path}: the two texts are too different for a comparison\n`;
    const diff = patch.length > MAX_DIFF_CHARS
      ? `${patch.slice(0, MAX_DIFF_CHARS)}\n… ${patch.length - MAX_DIFF_CHARS} characters more\n`
      : patch;
    return { path, change, diff };
  });
}
