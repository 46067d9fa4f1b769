import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Store } from "../../store/store.ts";

/** Rows that failed checks, as runs report them: a file a check of a run, in the folder of its pipeline. */
export const FAILED_ROWS = "failed_rows";

/** The file of a check of a run, without its ending: names of checks may be longer than those of files. */
export function failedRowsName(run: string, check: string): string {
  return `${run}.${createHash("sha256").update(check).digest("hex").slice(0, 32)}`;
}

/** Removes those of runs that the store has forgotten; returns how many files. */
export async function forgetFailedRows(
  dataDir: string,
  { runs }: { readonly runs: Pick<Store["runs"], "get"> },
): Promise<number> {
  const folder = join(dataDir, FAILED_ROWS);
  let count = 0;
  for (const pipeline of await namesIn(folder)) {
    const names = await namesIn(join(folder, pipeline));
    const byRun = Map.groupBy(names, (name) => name.slice(0, name.indexOf(".")));
    for (const [run, files] of byRun) {
      if (await runs.get(run) !== undefined) continue;
      for (const name of files) await Deno.remove(join(folder, pipeline, name));
      count += files.length;
    }
  }
  return count;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
