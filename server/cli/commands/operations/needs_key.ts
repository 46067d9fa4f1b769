import { listWords } from "../../../../text/suggest.ts";

/** What a backup with encrypted warehouses is no good without. */
export function needsKey(pipelines: readonly string[]): string {
  return `The warehouses of ${
    listWords(pipelines)
  } are encrypted. What opens them is the server's key, which is in no ` +
    "backup: sluice.key of the data folder, or what SLUICE_KEY_FILE names. Keep a copy of it elsewhere";
}
